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

// fileLock keeps two processes from setting up one SQLite file at once. SQLite
// has no lock that outlives a transaction, and a migration is several, so the
// lock is an exclusive transaction on an empty database beside the file. The
// system drops it when the process dies, on every platform.
type fileLock struct {
	path string
	db   *sql.DB
	conn *sql.Conn
}

// Lock waits until no other process has the lock, ctx ends, or two minutes
// have passed. The database that goose hands over has one connection, and
// goose holds it: it must not be used here.
func (l *fileLock) Lock(ctx context.Context, _ *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, migrateEvery*migrateTries)
	defer cancel()
	if err := createFile(l.path); err != nil {
		return err
	}
	db, err := openFile(l.path, 1, url.Values{"_pragma": {"busy_timeout(0)"}})
	if err != nil {
		return err
	}
	conn, err := acquire(ctx, db)
	if err != nil {
		return errors.Join(fmt.Errorf("wait for %s, which another process holds while it sets up the database: %w", l.path, err), db.Close())
	}
	l.db, l.conn = db, conn
	return nil
}

func acquire(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		_, err := conn.ExecContext(ctx, "BEGIN EXCLUSIVE")
		if err == nil {
			return conn, nil
		}
		if !Retryable(err) {
			return nil, errors.Join(err, conn.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), conn.Close())
		case <-tick.C:
		}
	}
}

// Unlock lets the next process in.
func (l *fileLock) Unlock(ctx context.Context, _ *sql.DB) error {
	_, err := l.conn.ExecContext(ctx, "ROLLBACK")
	return errors.Join(err, l.conn.Close(), l.db.Close())
}
