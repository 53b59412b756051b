package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/nerve-alerts/nerve/internal/audit"
)

// auditLock is the advisory lock under which the chain grows in PostgreSQL. It
// is the letters "nervaudt"; SQLite has one writer anyway.
const auditLock int64 = 0x6e65727661756474

// auditRow is a row of the table audit.
type auditRow struct {
	bun.BaseModel `bun:"table:audit,alias:a"`

	Seq        int64 `bun:",pk"`
	At         time.Time
	Ref        string `bun:",nullzero"`
	Person     string
	Via        string
	Credential string
	Action     string
	Target     string
	Detail     jsonText[map[string]string]
	Prev       string
	Hash       string
}

func rowOfEntry(e *audit.Entry) auditRow {
	return auditRow{
		Seq: e.Seq, At: e.At, Ref: e.Ref, Person: e.Actor.Person, Via: e.Actor.Via, Credential: e.Actor.Credential,
		Action: e.Action, Target: e.Target, Detail: jsonOf(e.Detail), Prev: e.Prev, Hash: e.Hash,
	}
}

func (r *auditRow) entry() audit.Entry {
	return audit.Entry{
		Seq: r.Seq, At: r.At.UTC(), Ref: r.Ref, Actor: audit.Actor{Person: r.Person, Via: r.Via, Credential: r.Credential},
		Action: r.Action, Target: r.Target, Detail: r.Detail.value, Prev: r.Prev, Hash: r.Hash,
	}
}

// cleanEntry replaces what the database would not give back as it was written:
// the hash is over what is kept.
func cleanEntry(e audit.Entry) audit.Entry {
	cleanStrings(&e)
	cleanStrings(&e.Actor)
	detail := make(map[string]string, len(e.Detail))
	for k, v := range e.Detail {
		detail[cleanText(k)] = cleanText(v)
	}
	if e.Detail = detail; len(detail) == 0 {
		e.Detail = nil
	}
	return e
}

// AppendAudit adds one entry to the audit log and returns it with its place in
// the chain. An entry whose Ref is there already is returned as it stands, and
// nothing is added.
func (s *Store) AppendAudit(ctx context.Context, e audit.Entry) (audit.Entry, error) {
	err := s.audited(ctx, &e, func(context.Context, bun.Tx) error { return nil })
	return e, err
}

// audited makes a change and appends its entry in one transaction: there is no
// change without its entry and no entry without its change. When the entry's Ref
// is in the log already the change was made before, and is not made again.
func (s *Store) audited(ctx context.Context, e *audit.Entry, change func(ctx context.Context, tx bun.Tx) error) error {
	if err := e.Actor.Check(); err != nil {
		return err
	}
	entry := cleanEntry(*e)
	err := s.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if err := lockAudit(ctx, tx); err != nil {
			return err
		}
		if known, found, err := entryByRef(ctx, tx, entry.Ref); err != nil || found {
			entry = known
			return err
		}
		if err := change(ctx, tx); err != nil {
			return err
		}
		var err error
		entry, err = appendEntry(ctx, tx, entry)
		return err
	})
	if err != nil {
		return fmt.Errorf("record: %s %s: %w", e.Action, e.Target, err)
	}
	*e = entry
	return nil
}

func lockAudit(ctx context.Context, tx bun.Tx) error {
	if tx.Dialect().Name() != dialect.PG {
		return nil
	}
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", auditLock)
	return err
}

func entryByRef(ctx context.Context, tx bun.Tx, ref string) (audit.Entry, bool, error) {
	if ref == "" {
		return audit.Entry{}, false, nil
	}
	var row auditRow
	err := tx.NewSelect().Model(&row).Where("ref = ?", ref).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return audit.Entry{}, false, nil
	}
	return row.entry(), err == nil, err
}

// appendEntry links an entry to the end of the chain. The caller holds the lock.
func appendEntry(ctx context.Context, tx bun.Tx, e audit.Entry) (audit.Entry, error) {
	var last auditRow
	var prev *audit.Entry
	err := tx.NewSelect().Model(&last).Order("seq DESC").Limit(1).Scan(ctx)
	switch {
	case err == nil:
		entry := last.entry()
		prev = &entry
	case !errors.Is(err, sql.ErrNoRows):
		return e, err
	}
	linked, err := audit.Link(e, prev, time.Now())
	if err != nil {
		return e, err
	}
	row := rowOfEntry(&linked)
	_, err = tx.NewInsert().Model(&row).Exec(ctx)
	return linked, err
}

// AuditFilter narrows AuditLog; a zero field does not.
type AuditFilter struct {
	Target string
	Before int64 // only entries before this one
	Limit  int   // default 50, at most 1,000
}

// AuditLog lists entries of the audit log, newest first.
func (s *Store) AuditLog(ctx context.Context, f AuditFilter) ([]audit.Entry, error) {
	var rows []auditRow
	q := s.read.NewSelect().Model(&rows).Order("seq DESC").Limit(bounded(f.Limit))
	equal(q, "target", f.Target)
	if f.Before > 0 {
		q.Where("seq < ?", f.Before)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("record: list the audit log: %w", err)
	}
	list := make([]audit.Entry, len(rows))
	for i := range rows {
		list[i] = rows[i].entry()
	}
	return list, nil
}

// auditPage is how many entries AuditChain reads at a time.
const auditPage = 1000

// AuditChain walks the audit log from its first entry, for audit.Verify and for
// an export. It holds no transaction: entries that are added meanwhile may be in
// it. What AuditLog would list is in it too, so an entry that somebody put before
// the first.
func (s *Store) AuditChain(ctx context.Context) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		for after := int64(math.MinInt64); ; {
			var rows []auditRow
			err := s.read.NewSelect().Model(&rows).Where("seq > ?", after).Order("seq ASC").Limit(auditPage).Scan(ctx)
			if err != nil {
				yield(audit.Entry{}, fmt.Errorf("record: read the audit log: %w", err))
				return
			}
			for i := range rows {
				if !yield(rows[i].entry(), nil) {
					return
				}
				after = rows[i].Seq
			}
			if len(rows) < auditPage {
				return
			}
		}
	}
}
