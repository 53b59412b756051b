package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3/lock"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// The pool of one process. A recorder writes in batches and a worker a few rows
// an incident, so ten are plenty, and four processes stay far below the 100
// connections that PostgreSQL allows by default.
const (
	postgresConns    = 10
	postgresLifetime = 30 * time.Minute // follow a failover or a changed address
	postgresConnect  = 5 * time.Second  // unless the URL has connect_timeout
)

func openPostgres(ctx context.Context, addr address) (*Store, error) {
	cfg, err := pgx.ParseConfig(addr.postgres)
	if err != nil {
		// pgx repeats the URL in its error. It blanks the password where it
		// finds it, and a URL it could not parse is where it may not.
		return nil, errors.New("record: a parameter of the database URL is wrong, or a file it names " +
			"(sslrootcert, sslcert, passfile) cannot be read: " + forms)
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = postgresConnect
	}
	// bun writes values into the text of a query, so every text is new and a
	// prepared statement would be used once. Its quoting relies on these two.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	// The one that is prepared is the delivery log's (save_postgres.go).
	cfg.StatementCacheCapacity, cfg.DescriptionCacheCapacity = 8, 8
	cfg.RuntimeParams["standard_conforming_strings"] = "on"
	cfg.RuntimeParams["client_encoding"] = "UTF8"
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "nerve"
	}

	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(postgresConns)
	db.SetMaxIdleConns(postgresConns)
	db.SetConnMaxLifetime(postgresLifetime)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(explainPostgres(cfg, err), db.Close())
	}
	migrate, err := newPostgresMigrator(db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	b := bun.NewDB(db, pgdialect.New())
	return &Store{write: b, read: b, migrate: migrate, now: time.Now, batch: cleanBatch}, nil
}

// explainPostgres says where nerve tried to connect and what to do. The cause
// stays in the chain for Retryable; pgx puts no password in its text.
func explainPostgres(cfg *pgx.ConnConfig, err error) error {
	return fmt.Errorf("record: cannot use PostgreSQL at %s (user %q, database %q): %s: %w",
		net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))), cfg.User, cfg.Database, postgresAdvice(err), err)
}

// lockSession takes the advisory lock that goose's own tool takes too, and waits
// until it has it or ctx ends. A connection that is lost takes its lock along.
func lockSession(ctx context.Context, db *sql.DB) (unlock func() error, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("record: connect to migrate: %w", err)
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", lock.DefaultLockID); err != nil {
		return nil, errors.Join(fmt.Errorf("record: wait for another process that migrates the database: %w", err), conn.Close())
	}
	return func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postgresConnect)
		defer cancel()
		_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", lock.DefaultLockID)
		return errors.Join(err, conn.Close())
	}, nil
}

func postgresAdvice(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return "is it running, is the address right, and does it take sslmode as the URL has it?"
	}
	switch pg.Code {
	case "28P01", "28000":
		return "check the user and password, and that pg_hba.conf lets them in"
	case "3D000":
		return "create the database first"
	case "53300":
		return "it has no connection left: raise max_connections or put a pooler before it"
	case "57P03":
		return "it is starting or stopping: try again"
	default:
		return "see its log"
	}
}
