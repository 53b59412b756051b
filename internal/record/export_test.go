package record

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// DB is the database itself, for tests that do to it what nerve never does.
func DB(s *Store) *bun.DB { return s.write }

// SetNow gives a store another clock.
func SetNow(s *Store, now func() time.Time) { s.now = now }

// SetBatch makes the batches of a clean-up smaller.
func SetBatch(s *Store, rows int) { s.batch = rows }

// Between has a clean-up call a function after each batch.
func Between(s *Store, call func()) { s.between = call }

// Unprepared reports whether the store has given up named statements.
func Unprepared(s *Store) bool { return s.unprepared.Load() }

// OnPostgres reports which of the two databases it is.
func OnPostgres(s *Store) bool { return s.postgres() }

// Hooked is a store that tells a hook what it reads.
func Hooked(s *Store, hook bun.QueryHook) *Store {
	read := s.read.WithQueryHook(hook)
	return &Store{write: map[bool]*bun.DB{true: read, false: s.write}[s.postgres()], read: read, now: s.now}
}

// Begun reports whether anything was ever migrated, goose's own table included.
func (s *Store) Begun(ctx context.Context) (bool, error) { return s.migrate.begun(ctx) }
