package record

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// forms is what every complaint about a database URL ends in.
const forms = "use postgres://user:password@host:5432/database or sqlite:///path/to/nerve.db" //nolint:gosec // a pattern, no credential

// address is a database URL that was understood: one of the two is set.
type address struct {
	postgres string // the URL, for pgx
	file     string // absolute path of a SQLite file
}

// parseAddress reads a database URL. Its errors never repeat the URL, because a
// URL with a typing mistake may have its password anywhere.
func parseAddress(raw string) (address, error) {
	raw = strings.TrimSpace(raw)
	scheme, _, _ := strings.Cut(raw, ":")
	switch strings.ToLower(scheme) {
	case "postgres", "postgresql":
		return parsePostgres(raw)
	case "sqlite", "sqlite3", "file":
		return parseFile(raw[len(scheme)+1:])
	}
	if raw == "" {
		return address{}, errors.New("record: the database URL is empty: " + forms)
	}
	if strings.Contains(raw, "://") {
		return address{}, errors.New("record: the database URL names a database that nerve does not know: " + forms)
	}
	return filePath(raw)
}

func parsePostgres(raw string) (address, error) {
	u, err := url.Parse(raw)
	// A # / or ? in a password ends the part before the host early: the rest of
	// the URL then holds the @, and what would be shown as the host is half of
	// the password.
	if err != nil || u.Fragment != "" || strings.Contains(u.EscapedPath()+u.RawQuery, "@") {
		return address{}, errors.New("record: the database URL cannot be read: " +
			"in a user or password, write characters such as / ? # % @ as %2F %3F %23 %25 %40; " + forms)
	}
	if u.Opaque != "" || !strings.Contains(raw, "://") {
		return address{}, errors.New("record: the database URL cannot be read: " + forms)
	}
	return address{postgres: raw}, nil
}

// parseFile reads what follows "sqlite:" or "file:".
func parseFile(rest string) (address, error) {
	path, query, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "?")
	if query != "" {
		return address{}, errors.New("record: a SQLite URL takes no options: remove everything from the ? on")
	}
	path, err := url.PathUnescape(path)
	if err != nil {
		return address{}, errors.New("record: the database URL has a % that is not followed by two hex digits: write it as %25")
	}
	return filePath(path)
}

func filePath(path string) (address, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") || strings.HasSuffix(path, "/") {
		return address{}, errors.New("record: the database URL names no file: " + forms)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return address{}, fmt.Errorf("record: find the database file: %w", err)
	}
	return address{file: abs}, nil
}
