package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"

	"github.com/pressly/goose/v3"
)

// SchemaError says that a database's schema is not the one that this release of
// nerve works with.
type SchemaError struct {
	Have, Want int64 // numbers of the newest migration
}

func (e *SchemaError) Error() string {
	if e.Have == 0 {
		return "record: the database has no tables of nerve: look whether it is the right one; then start a worker, or run nerve db migrate"
	}
	if e.Have > e.Want {
		return fmt.Sprintf("record: the database is of a newer release (schema %d, this one knows %d): use that release, or roll back with it first", e.Have, e.Want)
	}
	return fmt.Sprintf("record: the database is of an older release (schema %d, this one needs %d): start a worker of this release, or run nerve db migrate", e.Have, e.Want)
}

// Connect opens the database at url as Open does, and leaves its schema as it is.
// It is for programs beside nerve, which must not migrate a database that runs:
// the error of Check says that it is of another release.
func Connect(ctx context.Context, url string) (*Store, error) {
	addr, err := parseAddress(url)
	if err != nil {
		return nil, err
	}
	if addr.postgres != "" {
		return openPostgres(ctx, addr)
	}
	if _, err := os.Stat(addr.file); err != nil {
		return nil, fmt.Errorf("record: there is no database at %s: check the path: %w", addr.file, err)
	}
	return openSQLite(ctx, addr)
}

// CheckSchema fails with a *SchemaError when the schema is not this release's.
func (s *Store) CheckSchema(ctx context.Context) error {
	have, want, err := s.migrate.versions(ctx)
	if err != nil {
		return err
	}
	if have != want {
		return &SchemaError{Have: have, Want: want}
	}
	return nil
}

// versions are the schema's and this release's. A database without a schema is
// left so, because it may be somebody else's: goose would make its table in it.
func (m *migrator) versions(ctx context.Context) (have, want int64, err error) {
	begun, err := m.begun(ctx)
	if err != nil {
		return 0, 0, err
	}
	if !begun {
		sources := m.goose.ListSources()
		return 0, sources[len(sources)-1].Version, nil
	}
	if have, want, err = m.goose.GetVersions(ctx); err != nil {
		return 0, 0, fmt.Errorf("record: read the schema's version: %w", err)
	}
	return have, want, nil
}

// begun reports whether anything was ever migrated.
func (m *migrator) begun(ctx context.Context) (begun bool, err error) {
	if err := m.db.QueryRowContext(ctx, m.look, goose.DefaultTablename).Scan(&begun); err != nil {
		return false, fmt.Errorf("record: look for the schema's version: %w", err)
	}
	return begun, nil
}

// Migrate brings the schema up to date, as Open does.
func (s *Store) Migrate(ctx context.Context, logger *slog.Logger) error {
	return s.migrate.up(ctx, logger)
}

// Rollback takes the schema back to the migration of that number, step by step,
// newest first, and returns what it took back. What the steps had added is gone
// with its data. 0 leaves nothing.
func (s *Store) Rollback(ctx context.Context, to int64) ([]Migration, error) {
	return s.migrate.down(ctx, to)
}

func (m *migrator) down(ctx context.Context, to int64) (back []Migration, err error) {
	have, _, err := m.versions(ctx)
	if err != nil {
		return nil, err
	}
	if to < 0 || to >= have {
		return nil, fmt.Errorf("record: the schema is at %d: there is no way back from there to %d", have, to)
	}
	waiting, cancel := context.WithTimeout(ctx, migratePatience)
	defer cancel()
	unlock, err := m.lock(waiting)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	done, err := m.goose.DownTo(ctx, to)
	for _, r := range done {
		back = append(back, Migration{Version: r.Source.Version, Name: path.Base(r.Source.Path)})
	}
	if err != nil {
		return back, fmt.Errorf("record: roll back: %w", err)
	}
	return back, nil
}
