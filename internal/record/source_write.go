package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/internal/audit"
)

// ErrConflict says that something was changed since it was read.
var ErrConflict = errors.New("record: it was changed meanwhile")

// SourceWrite is one change of a source: the source as it is to be.
type SourceWrite struct {
	Source Source // its Secrets are not looked at
	// Expect is the source's revision as it was read; 0 for one that is new. Any
	// other in the database is an ErrConflict.
	Expect int64
	Add    []SourceSecret // further secrets, sealed
	Remove []string       // ids of secrets that count no more; their values are erased
	Delete bool           // take the source away, with its secrets
}

// WriteSource changes a source with its entry in the audit log, and returns the
// registry's revision after it. done is false when the entry's Ref is in the log
// already: the change was made before, and is not made again.
func (s *Store) WriteSource(ctx context.Context, e *audit.Entry, w SourceWrite) (revision int64, done bool, err error) {
	err = s.audited(ctx, e, func(ctx context.Context, tx bun.Tx) error {
		done = true
		if err := expect(ctx, tx, w.Source.Name, w.Expect); err != nil {
			return err
		}
		if revision, err = nextRevision(ctx, tx); err != nil {
			return err
		}
		if w.Delete {
			_, err = tx.NewDelete().Model((*sourceRow)(nil)).Where("name = ?", w.Source.Name).Exec(ctx)
			return err
		}
		w.Source.Revision = revision
		if err := saveSource(ctx, tx, &w.Source); err != nil {
			return err
		}
		return saveSecrets(ctx, tx, &w)
	})
	return revision, done, err
}

// expect fails with ErrConflict when the source is not at a revision. The caller
// holds the lock of the audit log, under which every change is made.
func expect(ctx context.Context, tx bun.Tx, name string, revision int64) error {
	var have int64
	err := tx.NewSelect().Model((*sourceRow)(nil)).Column("revision").Where("name = ?", name).Scan(ctx, &have)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if have != revision {
		return fmt.Errorf("%w: it is at revision %d", ErrConflict, have)
	}
	return nil
}

func nextRevision(ctx context.Context, tx bun.Tx) (int64, error) {
	if _, err := tx.NewUpdate().Table("registry").Set("revision = revision + 1").Where("id = 1").Exec(ctx); err != nil {
		return 0, err
	}
	return sourcesRevision(ctx, tx)
}

func saveSource(ctx context.Context, tx bun.Tx, source *Source) error {
	row := rowOfSource(source)
	_, err := tx.NewInsert().Model(&row).On("CONFLICT (name) DO UPDATE").
		Set("provider = EXCLUDED.provider, mapping = EXCLUDED.mapping, fields = EXCLUDED.fields, revision = EXCLUDED.revision").
		Set("disabled = EXCLUDED.disabled, updated_at = EXCLUDED.updated_at, updated_by = EXCLUDED.updated_by").Exec(ctx)
	return err
}

func saveSecrets(ctx context.Context, tx bun.Tx, w *SourceWrite) error {
	for i := range w.Add {
		row := rowOfSecret(w.Source.Name, &w.Add[i])
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (source, id) DO UPDATE").
			Set("sealed = EXCLUDED.sealed, not_before = EXCLUDED.not_before, not_after = EXCLUDED.not_after").
			Set("added_at = EXCLUDED.added_at, added_by = EXCLUDED.added_by, removed_at = NULL, removed_by = ''").Exec(ctx)
		if err != nil {
			return err
		}
	}
	for _, id := range w.Remove {
		_, err := tx.NewUpdate().Model((*secretRow)(nil)).Set("sealed = NULL").
			Set("removed_at = ?", w.Source.UpdatedAt).Set("removed_by = ?", cleanText(w.Source.UpdatedBy)).
			Where("source = ?", w.Source.Name).Where("id = ?", id).Exec(ctx)
		if err != nil {
			return err
		}
	}
	return nil
}

// PurgeError says that the windows of a source were forgotten not long ago.
type PurgeError struct{ Next time.Time }

func (e *PurgeError) Error() string {
	return "record: the windows were forgotten not long ago: this can be done again at " + e.Next.UTC().Format(time.RFC3339)
}

// WritePurge begins a new epoch of a source's windows, unless the last one began
// less than cooldown ago: then the error is a *PurgeError.
func (s *Store) WritePurge(ctx context.Context, e *audit.Entry, source string, at time.Time, cooldown time.Duration) (revision int64, done bool, err error) {
	err = s.audited(ctx, e, func(ctx context.Context, tx bun.Tx) error {
		done = true
		var last purgeRow
		err := tx.NewSelect().Model(&last).Where("source = ?", source).Scan(ctx)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if next := last.PurgedAt.Add(cooldown); err == nil && at.Before(next) {
			return &PurgeError{Next: next}
		}
		if revision, err = nextRevision(ctx, tx); err != nil {
			return err
		}
		row := purgeRow{Source: source, Epoch: revision, PurgedAt: at.UTC(), PurgedBy: cleanText(e.Actor.Person)}
		_, err = tx.NewInsert().Model(&row).On("CONFLICT (source) DO UPDATE").
			Set("epoch = EXCLUDED.epoch, purged_at = EXCLUDED.purged_at, purged_by = EXCLUDED.purged_by").Exec(ctx)
		return err
	})
	return revision, done, err
}

// AuditEntry finds the entry of a Ref.
func (s *Store) AuditEntry(ctx context.Context, ref string) (audit.Entry, bool, error) {
	if ref == "" {
		return audit.Entry{}, false, nil
	}
	var row auditRow
	err := s.read.NewSelect().Model(&row).Where("ref = ?", ref).Scan(ctx)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return audit.Entry{}, false, nil
	case err != nil:
		return audit.Entry{}, false, fmt.Errorf("record: look in the audit log: %w", err)
	}
	return row.entry(), true, nil
}
