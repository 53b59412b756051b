package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// timelineLength is how many deliveries a timeline holds: the newest.
const timelineLength = 100

// Moment is something that happened to an incident.
type Moment struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind" enum:"opened,delivery,action,closed" doc:"action is what somebody decided, or what became of it"`
	// Delivery and Outcome are of a delivery.
	Delivery string `json:"delivery_id,omitempty"`
	Outcome  string `json:"outcome,omitempty"`
	Count    int64  `json:"count,omitempty" doc:"Occurrences in the window by then"`
	By       string `json:"by,omitempty"`
	Action   string `json:"action,omitempty"`
	Text     string `json:"text,omitempty"`
	// Until and Target are of a snooze or a silence.
	Until  time.Time `json:"until,omitzero"`
	Target string    `json:"target,omitempty" doc:"Id of a silence"`
}

// timeline puts together what the record knows of an incident. more says that
// there are older deliveries.
func (s *Server) timeline(ctx context.Context, in *record.Incident) (all []Moment, more bool, err error) {
	found, err := s.deps.Record.DeliveryPage(ctx, record.DeliveryFilter{IncidentID: in.ID, Limit: timelineLength})
	if err != nil {
		return nil, false, err
	}
	deliveries := found.Items
	all = append(make([]Moment, 0, len(deliveries)+len(in.Actions)+2), Moment{At: in.OpenedAt, Kind: "opened", Text: in.Title})
	for i := range deliveries {
		all = append(all, moment(&deliveries[i]))
	}
	for _, a := range in.Actions {
		all = append(all, Moment{At: a.At, Kind: "action", Action: string(a.Kind), By: a.Actor.Person, Text: a.Reason, Until: a.Until, Target: a.Target})
	}
	if !in.ClosedAt.IsZero() {
		all = append(all, Moment{At: in.ClosedAt, Kind: "closed", Text: in.Failure})
	}
	slices.SortStableFunc(all, func(a, b Moment) int { return a.At.Compare(b.At) })
	return all, found.Next != "", nil
}

func moment(d *contract.Delivery) Moment {
	return Moment{At: d.ReceivedAt, Kind: "delivery", Delivery: d.ID, Outcome: string(d.Outcome), Count: d.Count, Text: d.Reason}
}

func isNotFound(err error) bool { return errors.Is(err, record.ErrNotFound) }
