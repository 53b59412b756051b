package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nerve-alerts/nerve/internal/audit"
)

const (
	// cleanBatch is how many rows one transaction of CleanUp takes. It lasts some
	// ten milliseconds, which is how long SQLite's other writers wait for it;
	// PostgreSQL's do not wait.
	cleanBatch = 1000
	// cleanPause leaves the database to others between two batches: 1,000 rows
	// each 50 ms are 72 million an hour at most.
	cleanPause = 50 * time.Millisecond
	// cleanLock is the advisory lock of the process that cleans up in PostgreSQL:
	// the letters "nervclea".
	cleanLock int64 = 0x6e657276636c6561
	// cleanEnd is how long a clean-up that was stopped may take to say what it did.
	cleanEnd = 5 * time.Second
)

// The actions of a clean-up in the audit log.
const (
	ActionCleanBegin = "record.clean.begin"
	ActionClean      = "record.clean"
)

// Retention says for how long the record keeps what. Zero keeps it for ever.
type Retention struct {
	Deliveries time.Duration // since they were received
	Bodies     time.Duration // a delivery's sealed bytes, since it was received
	Incidents  time.Duration // since they were closed, or failed; open ones stay
}

// Removed is what a clean-up took away.
type Removed struct {
	Deliveries int64
	Bodies     int64 // of deliveries that are still there
	Incidents  int64
	// Elsewhere says that nothing was looked at, because another process cleans up.
	Elsewhere bool
}

// cleaning is one part of a clean-up: what is removed from one table.
type cleaning struct {
	what               string
	keep               time.Duration
	do, table, at, and string // see oldest
	count              *int64
}

// cleanings are the parts that are kept for a time, in their order.
func cleanings(keep Retention, removed *Removed) []cleaning {
	all := []cleaning{
		{"deliveries", keep.Deliveries, "DELETE FROM deliveries", "deliveries", "received_at", "", &removed.Deliveries},
		{"bodies", keep.Bodies, "UPDATE deliveries SET sealed = NULL", "deliveries", "received_at", "AND sealed IS NOT NULL", &removed.Bodies},
		{"incidents", keep.Incidents, "DELETE FROM incidents", "incidents", "closed_at", "", &removed.Incidents},
	}
	return slices.DeleteFunc(all, func(c cleaning) bool { return c.keep <= 0 })
}

// CleanUp removes what is older than its retention, oldest first, in batches of
// 1,000 rows by primary key with a pause after each, so that the log is written
// meanwhile. One process does it at a time. The audit log has what is about to be
// removed before anything is, in case the process is killed, and afterwards how
// many, also when an error or ctx ends it early: then Removed and the entry have
// what was done, and the rest is done the next time.
func (s *Store) CleanUp(ctx context.Context, keep Retention) (removed Removed, err error) {
	unlock, mine, err := s.lockCleaning(ctx)
	if err != nil || !mine {
		return Removed{Elsewhere: err == nil}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	now := s.now()
	due, err := s.due(ctx, cleanings(keep, &removed), now)
	if err != nil || len(due) == 0 {
		return removed, err
	}
	if err := s.auditCleaning(ctx, ActionCleanBegin, due, now); err != nil {
		return removed, err
	}
	for _, c := range due {
		if *c.count, err = s.clean(ctx, s.oldest(c.do, c.table, c.at, c.and), now.Add(-c.keep)); err != nil {
			err = fmt.Errorf("record: clean up %s: %w", c.what, err)
			break
		}
	}
	return removed, errors.Join(err, s.auditCleaning(ctx, ActionClean, due, now))
}

// due are the parts that have anything to remove.
func (s *Store) due(ctx context.Context, all []cleaning, now time.Time) ([]cleaning, error) {
	var due []cleaning
	for _, c := range all {
		var found []time.Time
		query := "SELECT " + c.at + " FROM " + c.table + " WHERE " + c.at + " >= ? AND " + c.at + " < ? " + c.and + " ORDER BY " + c.at + " LIMIT 1"
		if err := s.read.NewRaw(query, time.Time{}, now.Add(-c.keep)).Scan(ctx, &found); err != nil {
			return nil, fmt.Errorf("record: look for %s to clean up: %w", c.what, err)
		}
		if len(found) > 0 {
			due = append(due, c)
		}
	}
	return due, nil
}

// oldest is a statement that does something with the oldest rows of a table, up
// to a number, and returns their times. Rows that somebody is writing right now
// are left for the next time.
func (s *Store) oldest(do, table, column, and string) string {
	pick := "SELECT id FROM " + table + " WHERE " + column + " >= ? AND " + column + " < ? " + and +
		" ORDER BY " + column + " LIMIT ?"
	where := "id IN (" + pick + ")"
	if s.postgres() {
		where = "id = ANY (ARRAY(" + pick + " FOR UPDATE SKIP LOCKED))"
	}
	return do + " WHERE " + where + " RETURNING " + column
}

// clean runs a statement of oldest until nothing before a time is left. Each
// batch begins where the one before ended: PostgreSQL keeps what was deleted in
// its indexes until a vacuum, and would go through all of it each time.
func (s *Store) clean(ctx context.Context, batch string, before time.Time) (count int64, err error) {
	for from := (time.Time{}); ; {
		var times []time.Time
		if err := s.write.NewRaw(batch, from, before, s.batch).Scan(ctx, &times); err != nil {
			return count, err
		}
		count += int64(len(times))
		if s.between != nil && len(times) > 0 {
			s.between()
		}
		if len(times) < s.batch {
			return count, nil
		}
		from = slices.MaxFunc(times, time.Time.Compare)
		select {
		case <-ctx.Done():
			return count, ctx.Err()
		case <-time.After(cleanPause):
		}
	}
}

// lockCleaning takes the lock of the one that cleans up, if nobody has it.
func (s *Store) lockCleaning(ctx context.Context) (unlock func() error, mine bool, err error) {
	if !s.cleaning.TryLock() {
		return nil, false, nil
	}
	free := func() error { s.cleaning.Unlock(); return nil }
	if !s.postgres() {
		return free, true, nil
	}
	conn, err := s.write.DB.Conn(ctx)
	if err != nil {
		return nil, false, errors.Join(fmt.Errorf("record: connect to clean up: %w", err), free())
	}
	err = conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", cleanLock).Scan(&mine)
	if err != nil || !mine {
		if err != nil {
			err = fmt.Errorf("record: lock to clean up: %w", err)
		}
		return nil, false, errors.Join(err, conn.Close(), free())
	}
	return func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanEnd)
		defer cancel()
		_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", cleanLock)
		return errors.Join(err, conn.Close(), free())
	}, true, nil
}

// auditCleaning keeps in the audit log what is about to be removed, or what was,
// even when ctx has ended.
func (s *Store) auditCleaning(ctx context.Context, action string, due []cleaning, now time.Time) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanEnd)
	defer cancel()
	detail := map[string]string{}
	for _, c := range due {
		if action == ActionClean {
			detail[c.what] = strconv.FormatInt(*c.count, 10)
		}
		detail[c.what+"_before"] = now.Add(-c.keep).UTC().Format(time.RFC3339)
	}
	_, err := s.AppendAudit(ctx, audit.Entry{Actor: byNerve, Action: action, Target: "record", Detail: detail})
	return err
}
