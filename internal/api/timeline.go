package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// timelineLength is how many deliveries, and how many entries of the audit log,
// a timeline holds: the newest.
const timelineLength = 100

// Moment is something that happened to an incident.
type Moment struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind" enum:"opened,delivery,acknowledged,resolved,closed,action" doc:"action is what a person asked for"`
	// Delivery and Outcome are of a delivery.
	Delivery string `json:"delivery_id,omitempty"`
	Outcome  string `json:"outcome,omitempty"`
	Count    int64  `json:"count,omitempty" doc:"Occurrences in the window by then"`
	By       string `json:"by,omitempty"`
	Action   string `json:"action,omitempty"`
	Text     string `json:"text,omitempty"`
}

// timeline puts together what the record knows of an incident. more says that
// there are older deliveries.
func (s *Server) timeline(ctx context.Context, in *record.Incident) (all []Moment, more bool, err error) {
	found, err := s.deps.Record.DeliveryPage(ctx, record.DeliveryFilter{IncidentID: in.ID, Limit: timelineLength})
	if err != nil {
		return nil, false, err
	}
	deliveries := found.Items
	entries, err := s.deps.Record.AuditLog(ctx, record.AuditFilter{Target: in.ID, Limit: timelineLength})
	if err != nil {
		return nil, false, err
	}
	all = append(make([]Moment, 0, len(deliveries)+len(entries)+4), Moment{At: in.OpenedAt, Kind: "opened", Text: in.Title})
	for i := range deliveries {
		all = append(all, moment(&deliveries[i]))
	}
	for _, e := range entries {
		all = append(all, Moment{At: e.At, Kind: "action", Action: e.Action, By: e.Actor.Person, Text: e.Detail["reason"]})
	}
	for _, m := range []Moment{
		{At: in.AcknowledgedAt, Kind: "acknowledged", By: in.AcknowledgedBy},
		{At: in.ResolvedAt, Kind: "resolved", By: in.ResolvedBy},
		{At: in.ClosedAt, Kind: "closed", Text: in.Failure},
	} {
		if !m.At.IsZero() {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b Moment) int { return a.At.Compare(b.At) })
	return all, found.Next != "", nil
}

func moment(d *contract.Delivery) Moment {
	return Moment{At: d.ReceivedAt, Kind: "delivery", Delivery: d.ID, Outcome: string(d.Outcome), Count: d.Count, Text: d.Reason}
}

func isNotFound(err error) bool { return errors.Is(err, record.ErrNotFound) }
