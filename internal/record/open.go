package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	write   *bun.DB
	read    *bun.DB // the same as write on PostgreSQL
	migrate *migrator

	unprepared atomic.Bool // named statements do not last on PostgreSQL: see saveArrays
	cleaning   sync.Mutex  // held by CleanUp
	now        func() time.Time
	batch      int    // rows of one transaction of CleanUp
	between    func() // called after each of them, for tests
}

func (s *Store) postgres() bool { return s.read == s.write }

// Open connects to the database at url and brings its schema up to date.
//
// url is postgres://user:password@host:port/database (or postgresql://, with
// the parameters that libpq knows), or a SQLite file as sqlite:///path,
// file:/path or a plain path, whose folder must exist.
//
// It waits for a process that is migrating the same database. The error says
// what to do and never holds the password; Retryable tells a database that is
// not up yet from one that will never answer.
func Open(ctx context.Context, url string, logger *slog.Logger) (*Store, error) {
	addr, err := parseAddress(url)
	if err != nil {
		return nil, err
	}
	open := openSQLite
	if addr.postgres != "" {
		open = openPostgres
	}
	s, err := open(ctx, addr)
	if err != nil {
		return nil, err
	}
	if err := s.migrate.up(ctx, logger); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close closes every connection. Queries in flight end first.
func (s *Store) Close() error {
	var errs []error
	if s.read != s.write {
		errs = append(errs, s.read.Close())
	}
	errs = append(errs, s.write.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("record: close: %w", err)
	}
	return nil
}

// Ping asks whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.write.PingContext(ctx); err != nil {
		return fmt.Errorf("record: ping: %w", err)
	}
	return nil
}
