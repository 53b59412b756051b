package evidence

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// Bounds on what history returns.
const (
	maxPast        = 5
	maxOccurrences = 10
)

// history is what the record knows.
type history interface {
	PastIncidents(ctx context.Context, p record.PastQuery) ([]record.Incident, error)
	Deliveries(ctx context.Context, f record.DeliveryFilter) ([]contract.Delivery, error)
}

// Past is earlier incidents alike: the same content first, then the same title.
type Past struct {
	Record history
}

// Fetch returns earlier incidents, the likest and newest first, each with how
// it ended.
func (p Past) Fetch(ctx context.Context, q contract.EvidenceQuery) ([]incident.Evidence, error) {
	past, err := p.Record.PastIncidents(ctx, record.PastQuery{
		ExcludeID: q.Signal.IncidentID, Source: q.Signal.Source,
		Fingerprint: q.Signal.Fingerprint, Title: q.Signal.Title, Limit: maxPast,
	})
	if err != nil {
		return nil, err
	}
	found := make([]incident.Evidence, 0, len(past))
	for _, i := range past {
		text := ending(i)
		if i.WorkflowID != "" && i.WorkflowID == q.Signal.DeduplicationKey {
			text = "this very alert, before: " + text
		}
		found = append(found, incident.Evidence{Title: i.Title, Text: text, At: i.OpenedAt})
	}
	return found, nil
}

// ending says how an incident went: "resolved by the sender after 12m; likely
// cause: a disk is filling up".
func ending(i record.Incident) string {
	var parts []string
	switch {
	case i.Phase == contract.PhaseFailed:
		parts = append(parts, "its analysis failed")
	case i.ClosedAt.IsZero():
		parts = append(parts, contract.PastOpen)
	case i.ResolvedBy != "":
		parts = append(parts, fmt.Sprintf("resolved by %s after %s", i.ResolvedBy, i.ClosedAt.Sub(i.OpenedAt).Round(time.Second)))
	default:
		parts = append(parts, fmt.Sprintf("went quiet after %s", i.LastSeenAt.Sub(i.OpenedAt).Round(time.Second)))
	}
	if i.Occurrences > 1 {
		parts = append(parts, fmt.Sprintf("seen %d times", i.Occurrences))
	}
	if i.Verdict != nil && i.Verdict.LikelyCause != "" && i.Verdict.LikelyCause != incident.Inconclusive {
		parts = append(parts, "likely cause: "+i.Verdict.LikelyCause)
	}
	return strings.Join(parts, "; ") + " (" + i.ID + ")"
}

// Occurrences is when the incident's own alert came before.
type Occurrences struct {
	Record history
}

// Fetch returns the incident's deliveries so far as one piece of evidence, or
// nothing when there was only the one that opened it.
func (o Occurrences) Fetch(ctx context.Context, q contract.EvidenceQuery) ([]incident.Evidence, error) {
	all, err := o.Record.Deliveries(ctx, record.DeliveryFilter{
		IncidentID: q.Signal.IncidentID, Outcomes: record.Occurring(), Limit: maxOccurrences,
	})
	if err != nil {
		return nil, err
	}
	if len(all) < 2 {
		return nil, nil
	}
	times := make([]string, 0, len(all))
	for _, d := range slices.Backward(all) {
		times = append(times, d.ReceivedAt.UTC().Format("15:04:05"))
	}
	return []incident.Evidence{{
		Title: "Occurrences of this alert",
		Text:  fmt.Sprintf("the last %d came at %s UTC", len(all), strings.Join(times, ", ")),
		At:    all[0].ReceivedAt,
	}}, nil
}
