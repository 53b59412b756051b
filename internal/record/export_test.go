package record

import "github.com/uptrace/bun"

// DB is the database itself, for tests that do to it what nerve never does.
func DB(s *Store) *bun.DB { return s.write }
