package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Occurring is the outcomes of a delivery that is one more occurrence of its
// incident: it was admitted, as the first or as a repeat. A duplicate is the
// same occurrence sent again, and a resolve is its end.
func Occurring() []contract.Outcome {
	return []contract.Outcome{contract.OutcomeAccepted, contract.OutcomeDebounced, contract.OutcomeFolded}
}

// Delivery returns one delivery with its sealed bytes, or ErrNotFound.
func (s *Store) Delivery(ctx context.Context, id string) (contract.Delivery, error) {
	var row deliveryRow
	err := s.read.NewSelect().Model(&row).Where("id = ?", cleanText(id)).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return contract.Delivery{}, ErrNotFound
	}
	if err != nil {
		return contract.Delivery{}, fmt.Errorf("record: read delivery: %w", err)
	}
	return row.delivery(), nil
}

// DeliveryFilter narrows a list of deliveries; a zero field does not.
type DeliveryFilter struct {
	IncidentID string
	Source     string
	Provider   string
	Outcomes   []contract.Outcome // any of these
	EventID    string             // the sender's id of the event
	SecretID   string             // the secret that proved it
	Since      time.Time          // received then or later
	Until      time.Time          // received before
	// Text is in the reason or the code, whatever the case of ASCII letters. No
	// index helps to find it: give a time, a source or outcomes too where the log
	// is long.
	Text string
	// Parts adds the parts of deliveries that held several signals (see
	// contract.Delivery). They are in the list of an incident anyway, because a
	// part may be what belongs to it.
	Parts bool
	Limit int    // default 50, at most 1,000
	After string // the Next of the page before
}

// Deliveries lists deliveries, the one received last first, without their
// sealed bytes: ask Delivery for those. DeliveryPage tells whether there are more.
func (s *Store) Deliveries(ctx context.Context, f DeliveryFilter) ([]contract.Delivery, error) {
	p, err := s.DeliveryPage(ctx, f)
	return p.Items, err
}

// DeliveryPage is a page of Deliveries. The error is ErrCursor for an After that
// is not a cursor.
func (s *Store) DeliveryPage(ctx context.Context, f DeliveryFilter) (Page[contract.Delivery], error) {
	var rows []deliveryRow
	q := s.read.NewSelect().Model(&rows).ExcludeColumn("sealed")
	equal(q, "incident_id", f.IncidentID)
	equal(q, "source", f.Source)
	equal(q, "provider", f.Provider)
	equal(q, "event_id", f.EventID)
	equal(q, "secret_id", f.SecretID)
	anyOf(q, "outcome", f.Outcomes)
	if !f.Parts && f.IncidentID == "" {
		q.Where("part = 0")
	}
	if f.Text != "" {
		s.contains(q, f.Text, "reason", "code")
	}
	l := listing{column: "received_at", since: f.Since, until: f.Until, after: f.After, limit: f.Limit}
	if err := l.page(q); err != nil {
		return Page[contract.Delivery]{}, err
	}
	if err := q.Scan(ctx); err != nil {
		return Page[contract.Delivery]{}, fmt.Errorf("record: list deliveries: %w", err)
	}
	return paged(rows, f.Limit, (*deliveryRow).delivery, func(r *deliveryRow) cursor { return cursor{r.ReceivedAt, r.ID} }), nil
}

// contains narrows a query to rows with a text in one of the columns. The
// collation makes lower() the same in both databases.
func (s *Store) contains(q *bun.SelectQuery, text string, columns ...string) {
	lower := "lower(?)"
	if s.postgres() {
		lower = `lower(? COLLATE "C")`
	}
	q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		for _, c := range columns {
			q.WhereOr(lower+" LIKE ? ESCAPE '!'", bun.Ident(c), pattern(foldASCII(cleanText(text))))
		}
		return q
	})
}

// Occurrences counts the deliveries that belong to an incident (see Occurring).
// The delivery log follows through a stream, so the newest may be missing.
func (s *Store) Occurrences(ctx context.Context, incidentID string) (int64, error) {
	n, err := s.read.NewSelect().Model((*deliveryRow)(nil)).
		Where("incident_id = ?", cleanText(incidentID)).
		Where("outcome IN (?)", bun.List(Occurring())).
		Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("record: count occurrences: %w", err)
	}
	return int64(n), nil
}
