package api

import (
	"context"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// What can be done about an incident. The audit log calls it incident.NAME.
const (
	actAcknowledge = "acknowledge"
	actResolve     = "resolve"
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

type stateOutput struct{ Body State }

func (s *Server) actions() {
	for name, summary := range map[string]string{
		actAcknowledge: "Say that you are on an open incident",
		actResolve:     "Close an incident, an open one or one whose workflow failed",
		actRerun:       "Go on with a failed incident from the step that failed",
	} {
		add(s, operation{
			method: http.MethodPost, path: "/incidents/{id}/" + name, id: name + "Incident", tag: tagIncidents, scope: access.Respond,
			summary: summary, errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
		}, func(ctx context.Context, in *actionInput) (*stateOutput, error) {
			reason := ""
			if in.Body != nil {
				reason = in.Body.Reason
			}
			found, err := s.incident(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			if p := matches(in.IfMatch, found.Version); p != nil {
				return nil, p
			}
			state, err := s.act(ctx, name, &found, reason)
			return &stateOutput{state}, err
		})
	}
	add(s, operation{
		method: http.MethodPost, path: "/incidents/actions", id: "changeIncidents", tag: tagIncidents, scope: access.Respond,
		summary: "Acknowledge, resolve or rerun many incidents, by their ids or by a filter",
		more:    "At most 100 at a time; more says that the filter matches others, which the same request then reaches. Each item has its own status.",
	}, s.changeIncidents)
}

// act does what is asked for. The incident keeps the decision, and enters it in
// the audit log with its next record.
func (s *Server) act(ctx context.Context, name string, in *record.Incident, reason string) (State, error) {
	who := actor(ctx)
	decision := contract.Decision{By: who.Person, Reason: reason, Actor: who}
	var state contract.TriageState
	var err error
	switch name {
	case actAcknowledge:
		state, err = s.deps.Operator.Acknowledge(ctx, in.ID, decision)
	case actResolve:
		state, err = s.deps.Operator.Resolve(ctx, in.ID, decision)
	default:
		r, err := s.deps.Operator.Rerun(ctx, in.ID, decision)
		return State{ID: in.ID, Status: in.Status, Phase: in.Phase, Occurrences: in.Occurrences, RunID: r.NewRunID, Step: r.Step}, err
	}
	return State{
		ID: in.ID, Status: state.Status, Phase: state.Phase, Occurrences: state.Occurrences,
		AcknowledgedBy: state.AcknowledgedBy, ResolvedBy: state.ResolvedBy,
	}, err
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
		Action string     `json:"action" enum:"acknowledge,resolve,rerun"`
		IDs    []string   `json:"ids,omitempty" maxItems:"100" doc:"Which incidents; or give a filter"`
		Filter *Selection `json:"filter,omitempty" doc:"Which incidents; it must name something"`
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
			if state, err = s.act(ctx, in.Body.Action, &c.incident, in.Body.Reason); err == nil {
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
