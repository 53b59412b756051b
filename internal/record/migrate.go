package record

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// Processes that start together wait for the one that migrates: a try a second.
const (
	migrateEvery = time.Second
	migrateTries = 120
)

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero when it is not applied
}

// migrator applies the migrations of one dialect to one database.
type migrator struct{ goose *goose.Provider }

func newPostgresMigrator(db *sql.DB) (*migrator, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(uint64(migrateEvery/time.Second), migrateTries))
	if err != nil {
		return nil, fmt.Errorf("record: migration lock: %w", err)
	}
	return newMigrator(goose.DialectPostgres, db, "postgres", goose.WithSessionLocker(locker))
}

func newSQLiteMigrator(db *sql.DB, lock *fileLock) (*migrator, error) {
	return newMigrator(goose.DialectSQLite3, db, "sqlite", goose.WithLocker(lock))
}

func newMigrator(dialect goose.Dialect, db *sql.DB, dir string, locker goose.ProviderOption) (*migrator, error) {
	files, err := fs.Sub(migrations, path.Join("migrations", dir))
	if err != nil {
		return nil, fmt.Errorf("record: migrations: %w", err)
	}
	// The global registry is off: the process may link other users of goose.
	p, err := goose.NewProvider(dialect, db, files, locker, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("record: migrations: %w", err)
	}
	return &migrator{goose: p}, nil
}

func (m *migrator) up(ctx context.Context, logger *slog.Logger) error {
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
