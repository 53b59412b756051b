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

// The actions of a silence in the audit log.
const (
	ActionSilenceAdd = "silence.add"
	ActionSilenceEnd = "silence.end"
)

// ErrEnded refuses to end a silence that is over.
var ErrEnded = errors.New("record: the silence has ended already")

// Silence holds back the incidents of the signals that its expression is true
// for, between two times. Times are UTC and kept to the microsecond.
type Silence struct {
	ID         string    `json:"id"`
	Expression string    `json:"expression"` // CEL over the signal, see package silence
	StartsAt   time.Time `json:"starts_at"`
	EndsAt     time.Time `json:"ends_at"`
	Why        string    `json:"why"`
	CreatedAt  time.Time `json:"created_at"`
	CreatedBy  string    `json:"created_by"`
	// EndedAt is set when somebody ended it before its time.
	EndedAt   time.Time `json:"ended_at,omitzero"`
	EndedBy   string    `json:"ended_by,omitempty"`
	EndReason string    `json:"end_reason,omitempty"`
}

// Active reports whether the silence holds at a time.
func (s *Silence) Active(at time.Time) bool { return !s.StartsAt.After(at) && s.Ahead(at) }

// Ahead reports whether the silence holds at a time, or will.
func (s *Silence) Ahead(at time.Time) bool { return s.EndedAt.IsZero() && s.EndsAt.After(at) }

// State is where the silence is in its life: SilenceHolds, SilenceWaits,
// SilenceEnded or SilenceOver.
func (s *Silence) State(at time.Time) string {
	switch {
	case s.Active(at):
		return SilenceHolds
	case s.Ahead(at):
		return SilenceWaits
	case !s.EndedAt.IsZero():
		return SilenceEnded
	}
	return SilenceOver
}

// The states of a silence.
const (
	SilenceHolds = "holds"
	SilenceWaits = "waits"
	SilenceEnded = "ended" // by somebody, before its time
	SilenceOver  = "over"
)

// silenceRow is a row of the table silences.
type silenceRow struct {
	bun.BaseModel `bun:"table:silences,alias:s"`

	ID         string `bun:",pk"`
	Expression string
	StartsAt   time.Time
	EndsAt     time.Time
	Why        string
	CreatedAt  time.Time
	CreatedBy  string
	EndedAt    time.Time `bun:",nullzero"`
	EndedBy    string
	EndReason  string
}

func (r *silenceRow) silence() Silence {
	return Silence{
		ID: r.ID, Expression: r.Expression, StartsAt: r.StartsAt.UTC(), EndsAt: r.EndsAt.UTC(), Why: r.Why,
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy,
		EndedAt: r.EndedAt.UTC(), EndedBy: r.EndedBy, EndReason: r.EndReason,
	}
}

// AddSilence keeps a new silence, with its entry in the audit log. Whoever calls
// has checked the expression.
func (s *Store) AddSilence(ctx context.Context, in Silence, by audit.Actor) (Silence, error) {
	if in.ID == "" || in.Expression == "" || in.StartsAt.IsZero() || !in.EndsAt.After(in.StartsAt) {
		return in, errors.New("record: a silence needs an id, an expression, and an end after its start")
	}
	row := silenceRow{
		ID: in.ID, Expression: in.Expression, StartsAt: in.StartsAt, EndsAt: in.EndsAt, Why: in.Why,
		CreatedAt: time.Now().UTC().Truncate(time.Microsecond), CreatedBy: by.Person,
	}
	cleanStrings(&row)
	entry := audit.Entry{Actor: by, Action: ActionSilenceAdd, Target: in.ID, Detail: map[string]string{
		"expression": in.Expression, "why": in.Why,
		"starts_at": in.StartsAt.UTC().Format(time.RFC3339), "ends_at": in.EndsAt.UTC().Format(time.RFC3339),
	}}
	err := s.audited(ctx, &entry, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	return row.silence(), err
}

// EndSilence ends a silence that holds, or takes back one that has not begun. It
// fails with ErrNotFound, or with ErrEnded when there is nothing to end.
func (s *Store) EndSilence(ctx context.Context, id, reason string, by audit.Actor) (Silence, error) {
	var row silenceRow
	entry := audit.Entry{Actor: by, Action: ActionSilenceEnd, Target: id, Detail: map[string]string{"reason": reason}}
	err := s.audited(ctx, &entry, func(ctx context.Context, tx bun.Tx) error {
		err := tx.NewSelect().Model(&row).Where("id = ?", cleanText(id)).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		if found := row.silence(); !found.Ahead(now) {
			return ErrEnded
		}
		row.EndedAt, row.EndedBy, row.EndReason = now, by.Person, reason
		cleanStrings(&row)
		_, err = tx.NewUpdate().Model(&row).Column("ended_at", "ended_by", "end_reason").WherePK().Exec(ctx)
		return err
	})
	return row.silence(), err
}

// Silence returns one silence, or ErrNotFound.
func (s *Store) Silence(ctx context.Context, id string) (Silence, error) {
	var row silenceRow
	err := s.read.NewSelect().Model(&row).Where("id = ?", cleanText(id)).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Silence{}, ErrNotFound
	}
	if err != nil {
		return Silence{}, fmt.Errorf("record: read silence: %w", err)
	}
	return row.silence(), nil
}

// SilenceFilter narrows Silences; a zero field does not.
type SilenceFilter struct {
	AheadAt    time.Time // those that hold at this time or will: what ingest needs to know
	EndedSince time.Time // those that somebody ended early, at this time or later
	After      string    // Next of the page before
	Limit      int       // default 50, at most 1,000
}

// Silences lists silences, the one that ends last first. SilencePage tells
// whether there are more.
func (s *Store) Silences(ctx context.Context, f SilenceFilter) ([]Silence, error) {
	p, err := s.SilencePage(ctx, f)
	return p.Items, err
}

// SilencePage is a page of Silences. The error is ErrCursor for an After that is
// not a cursor.
func (s *Store) SilencePage(ctx context.Context, f SilenceFilter) (Page[Silence], error) {
	var rows []silenceRow
	q := s.read.NewSelect().Model(&rows)
	if !f.AheadAt.IsZero() {
		q.Where("ends_at > ?", f.AheadAt).Where("ended_at IS NULL")
	}
	if !f.EndedSince.IsZero() {
		q.Where("ended_at >= ?", f.EndedSince)
	}
	l := listing{column: "ends_at", after: f.After, limit: f.Limit}
	if err := l.page(q); err != nil {
		return Page[Silence]{}, err
	}
	if err := q.Scan(ctx); err != nil {
		return Page[Silence]{}, fmt.Errorf("record: list silences: %w", err)
	}
	return paged(rows, f.Limit, (*silenceRow).silence, func(r *silenceRow) cursor { return cursor{r.EndsAt, r.ID} }), nil
}
