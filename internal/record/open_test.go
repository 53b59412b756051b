package record

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/testkit"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	for raw, want := range map[string]address{
		"postgres://u:p@h:5432/d":      {postgres: "postgres://u:p@h:5432/d"},
		"postgresql://h/d?sslmode=x":   {postgres: "postgresql://h/d?sslmode=x"},
		" postgres://h/d\n":            {postgres: "postgres://h/d"},
		"sqlite:///var/lib/nerve.db":   {file: "/var/lib/nerve.db"},
		"sqlite:///var/my%20lib/n.db?": {file: "/var/my lib/n.db"},
		"sqlite://nerve.db":            {file: filepath.Join(here, "nerve.db")},
		"file:/var/lib/nerve.db":       {file: "/var/lib/nerve.db"},
		"file:///var/lib/nerve.db":     {file: "/var/lib/nerve.db"},
		"/var/lib/100%?.db":            {file: "/var/lib/100%?.db"},
		"nerve.db":                     {file: filepath.Join(here, "nerve.db")},
	} {
		got, err := parseAddress(raw)
		require.NoError(t, err, raw)
		assert.Equal(t, want, got, raw)
	}
}

// Whatever is wrong with a URL, its password is not in the error.
func TestBadAddress(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("hunter", 2)
	for raw, want := range map[string]string{
		"":                                                     "the database URL is empty",
		"mysql://u:" + secret + "@h/d":                         "does not know",
		"postgres:u:" + secret + "@h/d":                        "cannot be read",
		"postgres://u:%" + secret + "@h/d":                     "%2F",
		"postgres://u:" + secret + "#1@h/d":                    "%2F",
		"postgres://u:" + secret + "/1@h/d":                    "%2F",
		"postgres://u:" + secret + "@h:x/d":                    "%2F",
		"postgres://u:" + secret + " @h/d":                     "%2F",
		"postgres://u:" + secret + "@@h:p/d":                   "%2F",
		"postgres://u:" + secret + "@h/d?connect_timeout=soon": "a parameter",
		"postgres://u:" + secret + "@h/d?sslmode=please":       "a parameter",
		"postgres://u:1234#" + secret + "@h/d":                 "%2F",
		"postgres://u:1234/" + secret + "@h/d":                 "%2F",
		"postgres://u:1234?" + secret + "@h/d":                 "%2F",
		"postgres://u:p@" + secret + "/x@h/d":                  "%2F",
		"sqlite:///x?mode=" + secret:                           "takes no options",
		"sqlite:///%" + secret:                                 "%25",
		"sqlite://":                                            "names no file",
		"sqlite:///tmp/":                                       "names no file",
		":memory:":                                             "names no file",
		"sqlite::memory:":                                      "names no file",
	} {
		s, err := Open(t.Context(), raw, testkit.Logger(t))
		require.ErrorContains(t, err, want, raw)
		assert.Nil(t, s, raw)
		assert.NotContains(t, err.Error(), secret, raw)
		assert.True(t, strings.HasPrefix(err.Error(), "record: "), raw)
		assert.False(t, Retryable(err), raw)
	}
}

func TestPostgresThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("hunter", 2)
	nobody := "127.0.0.1:" + strconv.Itoa(testkit.FreePort(t))
	_, err := Open(t.Context(), "postgres://someone:"+secret+"@"+nobody+"/nerve?sslmode=disable", testkit.Logger(t))
	require.ErrorContains(t, err, nobody)
	require.ErrorContains(t, err, "is it running")
	assert.NotContains(t, err.Error(), secret)
	assert.True(t, Retryable(err), "it may come up")
}

func TestPostgresThatRefuses(t *testing.T) {
	t.Parallel()
	good, err := url.Parse(testkit.Postgres(t))
	require.NoError(t, err)
	secret := strings.Repeat("hunter", 2)

	wrong := *good
	wrong.User = url.UserPassword(good.User.Username(), secret)
	_, err = Open(t.Context(), wrong.String(), testkit.Logger(t))
	require.ErrorContains(t, err, "check the user and password")
	assert.NotContains(t, err.Error(), secret)
	assert.False(t, Retryable(err))

	missing := *good
	missing.Path = "/nowhere"
	_, err = Open(t.Context(), missing.String(), testkit.Logger(t))
	require.ErrorContains(t, err, "create the database first")
	password, _ := good.User.Password()
	assert.NotContains(t, err.Error(), password)
	assert.False(t, Retryable(err))
}

func TestSQLiteFileThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Open(t.Context(), filepath.Join(dir, "missing", "nerve.db"), testkit.Logger(t))
	require.ErrorContains(t, err, "the folder "+filepath.Join(dir, "missing")+" of the database does not exist: create it")
	assert.False(t, Retryable(err))

	text := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("not a database\n", 100)), 0o600))
	_, err = Open(t.Context(), text, testkit.Logger(t))
	require.ErrorContains(t, err, "cannot be used as a SQLite database")
	assert.False(t, Retryable(err))
}

func TestSQLiteFileIsPrivateAndInWAL(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "with ? and % in it.db")
	s, err := Open(t.Context(), file, testkit.Logger(t))
	require.NoError(t, err)
	for _, name := range []string{file, file + "-wal", file + "-shm", file + ".lock"} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
	var mode string
	require.NoError(t, s.write.NewRaw("PRAGMA journal_mode").Scan(t.Context(), &mode))
	assert.Equal(t, "wal", mode)
	_, err = s.read.ExecContext(t.Context(), "DELETE FROM incidents")
	require.Error(t, err, "a reader cannot write")
	require.NoError(t, s.Close())
	_, err = os.Stat(file + "-wal")
	require.ErrorIs(t, err, os.ErrNotExist, "closing folds the log into the file")
}

func TestPingAndContext(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, url string) {
		s, err := Open(t.Context(), url, testkit.Logger(t))
		require.NoError(t, err)
		require.NoError(t, s.Ping(t.Context()))

		over, cancel := context.WithCancel(t.Context())
		cancel()
		err = s.SaveIncident(over, Incident{ID: "i", Source: "s", Version: 1, OpenedAt: time.Unix(1, 0)})
		require.ErrorIs(t, err, context.Canceled)
		assert.False(t, Retryable(err))
		_, err = Open(over, url, testkit.Logger(t))
		require.Error(t, err)

		require.NoError(t, s.Close())
		require.Error(t, s.Ping(t.Context()))
	})
}
