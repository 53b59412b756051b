package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/record"
)

// What can be done about an incident.
const (
	actAcknowledge = "acknowledge"
	actResolve     = "resolve"
	actSnooze      = "snooze"
	actRerun       = "rerun"
)

// maxBulk is how many incidents one request changes: each is a call to Temporal.
const maxBulk = 100

type decided struct {
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why, for the audit log"`
}

type actionInput struct {
	Named
	IfMatch string   `header:"If-Match" doc:"ETag that was read; the incident must not have changed since"`
	Body    *decided `required:"false"`
}

type snoozeInput struct {
	Named
	IfMatch string `header:"If-Match" doc:"ETag that was read; the incident must not have changed since"`
	Body    struct {
		Until  time.Time `json:"until" doc:"From a minute to a week from now"`
		Reason string    `json:"reason,omitempty" maxLength:"500"`
	}
}

type stateOutput struct{ Body State }

func (s *Server) actions() {
	for _, a := range []struct{ name, summary string }{
		{actAcknowledge, "Say that you are on an open incident"},
		{actResolve, "Close an incident, an open one or one whose workflow failed"},
		{actRerun, "Go on with a failed incident from the step that failed"},
	} {
		add(s, acting(a.name, a.summary), func(ctx context.Context, in *actionInput) (*stateOutput, error) {
			order := order{name: a.name}
			if in.Body != nil {
				order.reason = in.Body.Reason
			}
			return s.actOn(ctx, in.ID, in.IfMatch, order)
		})
	}
	add(s, acting(actSnooze, "Keep an open incident quiet until a time"), func(ctx context.Context, in *snoozeInput) (*stateOutput, error) {
		return s.actOn(ctx, in.ID, in.IfMatch, order{name: actSnooze, until: in.Body.Until, reason: in.Body.Reason})
	})
	add(s, operation{
		method: http.MethodPost, path: "/incidents/actions", id: "changeIncidents", tag: tagIncidents, scope: access.Respond,
		summary: "Acknowledge, resolve, snooze or rerun many incidents, by their ids or by a filter",
		more:    "At most 100 at a time; more says that the filter matches others, which the same request then reaches. Each item has its own status.",
	}, s.changeIncidents)
}

// acting is an operation that does something about one incident.
func acting(name, summary string) operation {
	return operation{
		method: http.MethodPost, path: "/incidents/{id}/" + name, id: name + "Incident", tag: tagIncidents, scope: access.Respond,
		summary: summary, errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}
}

// order is what somebody wants done about an incident.
type order struct {
	name, reason string
	until        time.Time
	// seen is the version that must still be the incident's; 0 is any.
	seen int64
}

func (s *Server) actOn(ctx context.Context, id, ifMatch string, o order) (*stateOutput, error) {
	found, err := s.incident(ctx, id)
	if err != nil {
		return nil, err
	}
	if p := matches(ifMatch, found.Version); p != nil {
		return nil, p
	}
	if !anything(ifMatch) {
		o.seen = found.Version
	}
	state, err := s.act(ctx, &found, o)
	if o.seen > 0 && errors.Is(err, operator.ErrState) {
		err = s.overtaken(ctx, &found, err)
	}
	return &stateOutput{state}, err
}

// overtaken says of an incident that cannot be acted on any more whether that is
// because it has changed since the caller saw it.
func (s *Server) overtaken(ctx context.Context, seen *record.Incident, err error) error {
	changed := errors.Is(err, operator.ErrChanged)
	if !changed {
		now, away := s.incident(ctx, seen.ID)
		changed = away == nil && now.Version != seen.Version
	}
	if changed {
		return fail(http.StatusPreconditionFailed, codeChanged, "It has changed since: look at it again.")
	}
	return err
}

// act has an order carried out by the incident's workflow.
func (s *Server) act(ctx context.Context, in *record.Incident, o order) (State, error) {
	who := actor(ctx)
	decision := contract.Decision{By: who.Person, Reason: o.reason, Actor: who, Revision: o.seen}
	var state contract.TriageState
	var err error
	switch o.name {
	case actAcknowledge:
		state, err = s.deps.Operator.Acknowledge(ctx, in.ID, decision)
	case actResolve:
		state, err = s.deps.Operator.Resolve(ctx, in.ID, decision)
	case actSnooze:
		state, err = s.deps.Operator.Snooze(ctx, in.ID, contract.Snooze{Actor: who, Until: o.until.UTC(), Reason: o.reason, Revision: o.seen})
	default:
		r, err := s.deps.Operator.Rerun(ctx, in.ID, decision)
		return State{ID: in.ID, Status: in.Status, Phase: in.Phase, Occurrences: in.Occurrences, RunID: r.NewRunID, Step: r.Step}, err
	}
	view := State{
		ID: in.ID, Status: state.Status, Phase: state.Phase, Occurrences: state.Occurrences,
		AcknowledgedBy: state.AcknowledgedBy, ResolvedBy: state.ResolvedBy,
	}
	if state.Snoozed != nil {
		view.SnoozedUntil = state.Snoozed.Until
	}
	return view, err
}

// Selection is a filter as a body has it.
type Selection struct {
	Source   string    `json:"source,omitempty" maxLength:"40"`
	Severity []string  `json:"severity,omitempty" enum:"critical,high,medium,low,info"`
	Status   string    `json:"status,omitempty" enum:"firing,acknowledged,resolved"`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Text     string    `json:"text,omitempty" maxLength:"200"`
}

func (f *Selection) empty() bool {
	return f.Source == "" && len(f.Severity) == 0 && f.Status == "" && f.Since.IsZero() && f.Until.IsZero() && f.Text == ""
}

type bulkInput struct {
	Body struct {
		Action string     `json:"action" enum:"acknowledge,resolve,snooze,rerun"`
		IDs    []string   `json:"ids,omitempty" maxItems:"100" doc:"Which incidents; or give a filter"`
		Filter *Selection `json:"filter,omitempty" doc:"Which incidents; it must name something"`
		Until  time.Time  `json:"until,omitzero" doc:"Of a snooze"`
		Reason string     `json:"reason,omitempty" maxLength:"500"`
		DryRun bool       `json:"dry_run,omitempty" doc:"Only say which incidents it would be"`
	}
}

// Item is what became of one incident of many.
type Item struct {
	ID      string   `json:"id"`
	Status  int      `json:"status" doc:"The HTTP status that the change alone would have had"`
	State   *State   `json:"state,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

type bulkOutput struct {
	Body struct {
		Items  []Item `json:"items" nullable:"false"`
		Done   int    `json:"done"`
		Failed int    `json:"failed"`
		More   bool   `json:"more,omitempty" doc:"The filter matches more than 100"`
	}
}

func (s *Server) changeIncidents(ctx context.Context, in *bulkInput) (*bulkOutput, error) {
	found, more, err := s.choose(ctx, in.Body.IDs, in.Body.Filter)
	if err != nil {
		return nil, err
	}
	out := &bulkOutput{}
	out.Body.Items, out.Body.More = make([]Item, 0, len(found)), more
	for _, c := range found {
		item := Item{ID: c.id, Status: http.StatusOK}
		err := c.err
		if err == nil && !in.Body.DryRun {
			var state State
			if state, err = s.act(ctx, &c.incident, order{name: in.Body.Action, reason: in.Body.Reason, until: in.Body.Until}); err == nil {
				item.State = &state
			}
		}
		if err != nil {
			item.Problem = s.explain(ctx, err)
			item.Status = item.Problem.Status
			out.Body.Failed++
		} else if !in.Body.DryRun {
			out.Body.Done++
		}
		out.Body.Items = append(out.Body.Items, item)
	}
	return out, nil
}

// choice is one incident that was asked for, or why it cannot be had.
type choice struct {
	id       string
	incident record.Incident
	err      error
}

func (s *Server) choose(ctx context.Context, ids []string, f *Selection) (list []choice, more bool, err error) {
	switch {
	case len(ids) > 0 && f != nil:
		return nil, false, invalidField("body.filter", "goes instead of ids, not beside them")
	case f != nil && f.empty():
		return nil, false, invalidField("body.filter", "names nothing, and would take every incident")
	case len(ids) == 0 && f == nil:
		return nil, false, invalidField("body.ids", "or filter is needed")
	case f == nil:
		seen := map[string]bool{}
		for _, id := range ids {
			if seen[id] {
				continue
			}
			seen[id] = true
			found, err := s.incident(ctx, id)
			list = append(list, choice{id, found, err})
		}
		return list, false, nil
	}
	filter := choosing(*f).filter()
	filter.Limit = maxBulk
	found, err := s.deps.Record.IncidentPage(ctx, filter)
	if err != nil {
		return nil, false, err
	}
	for i := range found.Items {
		list = append(list, choice{found.Items[i].ID, found.Items[i], nil})
	}
	return list, found.Next != "", nil
}
