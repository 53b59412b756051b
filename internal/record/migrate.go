package record

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// migratePatience is how long a process waits for another that migrates.
const migratePatience = 2 * time.Minute

// Migration is one step of the schema.
type Migration struct {
	Version   int64     `json:"version"`
	Name      string    `json:"name"`
	AppliedAt time.Time `json:"applied_at,omitzero"` // zero when it is not applied
}

// migrator applies the migrations of one dialect to one database.
type migrator struct {
	goose *goose.Provider
	db    *sql.DB
	look  string // asks whether there is a table of a name
	lock  func(context.Context) (unlock func() error, err error)
}

func newPostgresMigrator(db *sql.DB) (*migrator, error) {
	const look = "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1)"
	return newMigrator(goose.DialectPostgres, db, "postgres", look, func(ctx context.Context) (func() error, error) {
		return lockSession(ctx, db)
	})
}

func newSQLiteMigrator(db *sql.DB, file string) (*migrator, error) {
	const look = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1)"
	return newMigrator(goose.DialectSQLite3, db, "sqlite", look, func(ctx context.Context) (func() error, error) {
		return lockFile(ctx, file)
	})
}

func newMigrator(
	dialect goose.Dialect, db *sql.DB, dir, look string, lock func(context.Context) (func() error, error),
) (*migrator, error) {
	files, err := fs.Sub(migrations, path.Join("migrations", dir))
	if err != nil {
		return nil, fmt.Errorf("record: migrations: %w", err)
	}
	// The global registry is off: the process may link other users of goose.
	p, err := goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("record: migrations: %w", err)
	}
	return &migrator{goose: p, db: db, look: look, lock: lock}, nil
}

// up applies what is missing. The lock is taken here and not by goose, which
// makes its own table before it takes one: two processes that meet there fail
// and try again a second later.
func (m *migrator) up(ctx context.Context, logger *slog.Logger) (err error) {
	waiting, cancel := context.WithTimeout(ctx, migratePatience)
	defer cancel()
	unlock, err := m.lock(waiting)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()

	done, err := m.goose.Up(ctx)
	for _, r := range done {
		logger.InfoContext(ctx, "database migrated", "migration", path.Base(r.Source.Path), "duration", r.Duration)
	}
	if err != nil {
		return fmt.Errorf("record: migrate the database (its user must be allowed to create tables): %w", err)
	}
	return nil
}

// Migrations lists the schema's steps in order, applied or not.
func (s *Store) Migrations(ctx context.Context) ([]Migration, error) {
	begun, err := s.migrate.begun(ctx)
	if err != nil {
		return nil, err
	}
	if !begun {
		sources := s.migrate.goose.ListSources()
		list := make([]Migration, len(sources))
		for i, source := range sources {
			list[i] = Migration{Version: source.Version, Name: path.Base(source.Path)}
		}
		return list, nil
	}
	status, err := s.migrate.goose.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("record: migrations: %w", err)
	}
	list := make([]Migration, len(status))
	for i, st := range status {
		list[i] = Migration{Version: st.Source.Version, Name: path.Base(st.Source.Path), AppliedAt: st.AppliedAt.UTC()}
	}
	return list, nil
}
