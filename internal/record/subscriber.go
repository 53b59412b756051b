package record

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// The actions of a subscriber in the audit log.
const (
	ActionSubscriberStop  = "subscriber.stop"
	ActionSubscriberStart = "subscriber.start"
)

// byNerve is who does what nobody asked for.
var byNerve = audit.Actor{Person: "nerve", Via: audit.ViaSystem}

// errAsItWas ends a change that finds nothing to change, without an entry.
var errAsItWas = errors.New("record: it is so already")

// stoppedRow is a row of the table stopped_subscribers.
type stoppedRow struct {
	bun.BaseModel `bun:"table:stopped_subscribers,alias:x"`

	Name      string `bun:",pk"`
	Why       string
	StoppedAt time.Time
}

// StopSubscriber keeps that a subscriber gets no more events, with its entry in
// the audit log. One that is stopped already stays as it is.
func (s *Store) StopSubscriber(ctx context.Context, name, why string) error {
	row := stoppedRow{Name: name, Why: why, StoppedAt: s.now().UTC().Truncate(time.Microsecond)}
	cleanStrings(&row)
	entry := audit.Entry{Actor: byNerve, Action: ActionSubscriberStop, Target: name, Detail: map[string]string{"why": why}}
	err := s.audited(ctx, &entry, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewInsert().Model(&row).On("CONFLICT (name) DO NOTHING").Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return cmp.Or(err, errAsItWas)
		}
		return nil
	})
	if errors.Is(err, errAsItWas) {
		return nil
	}
	return err
}

// StartSubscriber lets a subscriber have events again, with its entry in the
// audit log. It fails with ErrNotFound when the subscriber is not stopped.
func (s *Store) StartSubscriber(ctx context.Context, name string, by audit.Actor) error {
	entry := audit.Entry{Actor: by, Action: ActionSubscriberStart, Target: name}
	return s.audited(ctx, &entry, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewDelete().Model((*stoppedRow)(nil)).Where("name = ?", cleanText(name)).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return cmp.Or(err, ErrNotFound)
		}
		return nil
	})
}

// StoppedSubscribers lists the subscribers that get no events, by name.
func (s *Store) StoppedSubscribers(ctx context.Context) ([]contract.StoppedSubscriber, error) {
	var rows []stoppedRow
	if err := s.read.NewSelect().Model(&rows).Order("name").Scan(ctx); err != nil {
		return nil, fmt.Errorf("record: list stopped subscribers: %w", err)
	}
	list := make([]contract.StoppedSubscriber, len(rows))
	for i, r := range rows {
		list[i] = contract.StoppedSubscriber{Name: r.Name, Why: r.Why, StoppedAt: r.StoppedAt.UTC()}
	}
	return list, nil
}
