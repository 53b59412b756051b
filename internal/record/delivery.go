package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

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

// DeliveryFilter narrows Deliveries; a zero field does not.
type DeliveryFilter struct {
	IncidentID string
	Source     string
	Outcomes   []contract.Outcome // any of these
	Limit      int                // default 50, at most 1,000
}

// Deliveries lists deliveries, the one received last first, without their
// sealed bytes: ask Delivery for those.
func (s *Store) Deliveries(ctx context.Context, f DeliveryFilter) ([]contract.Delivery, error) {
	var rows []deliveryRow
	q := s.read.NewSelect().Model(&rows).ExcludeColumn("sealed")
	equal(q, "incident_id", f.IncidentID)
	equal(q, "source", f.Source)
	if len(f.Outcomes) > 0 {
		q.Where("outcome IN (?)", bun.List(f.Outcomes))
	}
	if err := q.Order("received_at DESC", "id DESC").Limit(bounded(f.Limit)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("record: list deliveries: %w", err)
	}
	list := make([]contract.Delivery, len(rows))
	for i := range rows {
		list[i] = rows[i].delivery()
	}
	return list, nil
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
