package record

import (
	"time"

	"github.com/uptrace/bun"
)

// DB is the database itself, for tests that do to it what nerve never does.
func DB(s *Store) *bun.DB { return s.write }

// SetNow gives a store another clock.
func SetNow(s *Store, now func() time.Time) { s.now = now }

// Between has a clean-up call a function after each batch.
func Between(s *Store, call func()) { s.between = call }

// Unprepared reports whether the store has given up named statements.
func Unprepared(s *Store) bool { return s.unprepared.Load() }
