package explain

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// Record is where Gather looks things up.
type Record interface {
	Delivery(ctx context.Context, id string) (contract.Delivery, error)
	Incident(ctx context.Context, id string) (record.Incident, error)
}

// Gather collects what there is to explain a delivery from: its parts, and the
// incidents that are in the record. It fails with record.ErrNotFound.
func Gather(ctx context.Context, from Record, id string) (Input, error) {
	d, err := from.Delivery(ctx, id)
	if err != nil {
		return Input{}, err
	}
	in := Input{Delivery: d, Incidents: map[string]Incident{}}
	for n := 1; n <= partsOf(&d); n++ {
		part, err := from.Delivery(ctx, contract.PartID(d.ID, n))
		if errors.Is(err, record.ErrNotFound) {
			continue // it was not tried, or is not in the log yet
		}
		if err != nil {
			return Input{}, err
		}
		in.Parts = append(in.Parts, part)
	}
	for _, entry := range append([]contract.Delivery{d}, in.Parts...) {
		if _, known := in.Incidents[entry.IncidentID]; known || entry.IncidentID == "" {
			continue
		}
		i, err := from.Incident(ctx, entry.IncidentID)
		if errors.Is(err, record.ErrNotFound) {
			continue
		}
		if err != nil {
			return Input{}, err
		}
		in.Incidents[i.ID] = Incident{
			ID: i.ID, Title: i.Title, Severity: i.Severity, Status: i.Status, Phase: i.Phase, OpenedAt: i.OpenedAt,
		}
	}
	return in, nil
}

// unknownParts is how many parts are looked for where nobody knows how many there
// are.
const unknownParts = 100

// partsOf is how many parts an entry may have. One without an outcome is what the
// incident of one of several signals has recorded, which does not know of how many.
func partsOf(d *contract.Delivery) int {
	switch {
	case d.Part == 0 && d.Outcome == "":
		return unknownParts
	case d.Part == 0 && d.Signals > 1:
		return d.Signals
	default:
		return 0
	}
}

// WorkflowURLs leads to workflows in Temporal UI; it returns nil when nobody
// knows where that is.
func WorkflowURLs(ui, namespace string) func(workflowID string) string {
	if ui == "" {
		return nil
	}
	base := strings.TrimSuffix(ui, "/") + "/namespaces/" + url.PathEscape(namespace) + "/workflows/"
	return func(workflowID string) string { return base + url.PathEscape(workflowID) }
}
