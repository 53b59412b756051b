package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// lockPoll is how often a waiting process asks for the lock again.
const lockPoll = 50 * time.Millisecond

// lockFile keeps two processes from setting up one SQLite file at once, and
// waits until it has the lock or ctx ends. SQLite has no lock that outlives a
// transaction, and a migration is several, so the lock is an exclusive
// transaction on an empty database beside the file. The system drops it when
// the process dies, on every platform.
func lockFile(ctx context.Context, file string) (unlock func() error, err error) {
	path := file + ".lock"
	if err := createFile(path); err != nil {
		return nil, err
	}
	db, err := openFile(path, 1, url.Values{"_pragma": {"busy_timeout(0)"}})
	if err != nil {
		return nil, err
	}
	if err := beginExclusive(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("record: wait for %s, which another process holds while it sets up the database: %w",
			path, err), db.Close())
	}
	return db.Close, nil // the transaction ends with its connection
}

// beginExclusive opens the transaction on the only connection of db, which then
// stays open because it is the pool's idle one.
func beginExclusive(ctx context.Context, db *sql.DB) error {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		_, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE")
		if err == nil || !Retryable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
