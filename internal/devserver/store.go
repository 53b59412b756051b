package devserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	schema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	databaseFile = "temporal.db"
	sqliteDriver = "sqlite" // modernc.org/sqlite, which Temporal's plugin registers
)

// opened remembers the databases of this process: Temporal's plugin keeps its
// connection to each until the process ends, so one that was deleted and made
// again would still be the deleted one.
var opened sync.Map

// fileStore prepares the database in dir and returns how Temporal opens it.
func fileStore(ctx context.Context, dir string, fresh bool) (*config.SQL, error) {
	path, err := filepath.Abs(filepath.Join(dir, databaseFile))
	if err != nil {
		return nil, fmt.Errorf("devserver: resolve state directory: %w", err)
	}
	if _, again := opened.Load(path); again && fresh {
		return nil, fmt.Errorf("devserver: %s was opened by this process already: start a new process to forget it", path)
	}
	if fresh {
		if err := remove(path); err != nil {
			return nil, err
		}
	}
	if err := ensureSchema(ctx, path); err != nil {
		return nil, err
	}
	opened.Store(path, true)
	return &config.SQL{
		PluginName:   sqlite.PluginName,
		DatabaseName: uriPath(path),
		// One connection: with more, writers wait for each other's lock and it
		// was measured slower.
		MaxConns:     1,
		MaxIdleConns: 1,
		ConnectAttributes: map[string]string{
			"mode":         "rw",
			"journal_mode": "wal",
			"synchronous":  "1", // NORMAL: safe when the process dies, not when the power does
		},
	}, nil
}

// memoryStore is a database that no other server of this process sees.
func memoryStore() *config.SQL {
	return &config.SQL{
		PluginName:        sqlite.PluginName,
		DatabaseName:      "devserver-" + uuid.NewString(),
		MaxConns:          1,
		MaxIdleConns:      1,
		ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
	}
}

// uriPath escapes what a SQLite URI would take for its own syntax.
func uriPath(path string) string {
	return strings.ReplaceAll((&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), "#", "%23")
}

func remove(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("devserver: forget %s: %w", path, err)
		}
	}
	return nil
}

// ensureSchema creates the tables of a new database, and refuses a database
// whose tables this version of Temporal did not create: there is no upgrade for
// SQLite files, and running on the wrong tables would lose workflows.
func ensureSchema(ctx context.Context, path string) error {
	want, err := schemaStatements()
	if err != nil {
		return err
	}
	// Made here rather than by SQLite, so that only the owner can read it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the directory
	if err != nil {
		return fmt.Errorf("devserver: open database: %w", err)
	}
	_ = f.Close()

	db, err := sql.Open(sqliteDriver, "file:"+uriPath(path)+"?mode=rw&_pragma=busy_timeout(2000)")
	if err != nil {
		return fmt.Errorf("devserver: open database: %w", err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)

	stamp, tables, err := inspect(ctx, db)
	switch {
	case err != nil:
		return fmt.Errorf("devserver: %s cannot be read as a Temporal database; "+
			"start with --fresh to forget its incidents: %w", path, err)
	case stamp == fingerprint(want):
		return nil
	case stamp != 0 || tables > 0:
		return fmt.Errorf("devserver: %s has the tables of another version of Temporal, which cannot be upgraded; "+
			"start with --fresh to forget its incidents, or with the version of nerve that wrote it", path)
	}
	return createSchema(ctx, db, want)
}

// inspect reads the stamp, zero in a database that nothing was written to, and
// how many tables there are. It also has SQLite check every page.
func inspect(ctx context.Context, db *sql.DB) (stamp int32, tables int, err error) {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return 0, 0, err
	}
	if verdict != "ok" {
		return 0, 0, errors.New(verdict)
	}
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&stamp); err != nil {
		return 0, 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables)
	return stamp, tables, err
}

// createSchema makes the tables and the stamp in one transaction: a process
// that dies here leaves an empty database, not half of one.
func createSchema(ctx context.Context, db *sql.DB, statements []string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("devserver: create schema: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	// A pragma takes no parameters; the stamp is a number of ours.
	statements = append(statements, fmt.Sprintf("PRAGMA user_version = %d", fingerprint(statements)))
	for _, stmt := range statements {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return fmt.Errorf("devserver: create schema: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("devserver: create schema: %w", err)
	}
	return nil
}

// fingerprint tells one version of the schema from another. It is never zero,
// which is what SQLite gives a new database.
func fingerprint(statements []string) int32 {
	sum := int32(crc32.ChecksumIEEE([]byte(strings.Join(statements, "\n")))) //nolint:gosec // the bits matter, not the number
	if sum == 0 {
		return 1
	}
	return sum
}

// recorder takes the statements that Temporal would run to create its tables.
type recorder struct {
	sqlplugin.AdminDB // nothing but Exec is called
	statements        []string
}

// Exec records a statement.
func (r *recorder) Exec(stmt string, _ ...any) error {
	r.statements = append(r.statements, stmt)
	return nil
}

func schemaStatements() ([]string, error) {
	var r recorder
	if err := schema.SetupSchemaOnDB(&r); err != nil {
		return nil, fmt.Errorf("devserver: read schema: %w", err)
	}
	return r.statements, nil
}

// createNamespace writes the namespace into the database before the server
// starts. One that is there already is left as it is.
func createNamespace(store *config.SQL, name string, retention time.Duration, attrs []string) error {
	types := make(map[string]enums.IndexedValueType, len(attrs))
	for _, attr := range attrs {
		types[attr] = enums.INDEXED_VALUE_TYPE_KEYWORD
	}
	ns, err := schema.NewNamespaceConfig(clusterName, name, false, types)
	if err != nil {
		return fmt.Errorf("devserver: describe namespace %q: %w", name, err)
	}
	ns.Detail.Config.Retention = durationpb.New(retention)
	if err := schema.CreateNamespaces(store, ns); err != nil {
		return fmt.Errorf("devserver: create namespace %q: %w", name, err)
	}
	return nil
}
