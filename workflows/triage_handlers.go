package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// handle sets the update and query handlers.
func (t *triage) handle(ctx workflow.Context) error {
	open := func(ctx workflow.Context, d contract.Decision) error {
		if err := t.unchanged(ctx, d.Made, d.Revision); err != nil {
			return err
		}
		if strings.TrimSpace(d.By) == "" {
			return errors.New("say who decides: by is empty")
		}
		return t.over()
	}
	err := errors.Join(
		workflow.SetUpdateHandlerWithOptions(ctx, contract.UpdateAcknowledge,
			func(ctx workflow.Context, d contract.Decision) (contract.TriageState, error) {
				t.acknowledge(ctx, d)
				return t.state, nil
			}, workflow.UpdateHandlerOptions{Validator: open, Description: "Somebody is on it."}),
		workflow.SetUpdateHandlerWithOptions(ctx, contract.UpdateResolve,
			func(ctx workflow.Context, d contract.Decision) (contract.TriageState, error) {
				t.decide(ctx, d)
				return t.state, nil
			}, workflow.UpdateHandlerOptions{Validator: open, Description: "It is over: close the incident."}),
		workflow.SetUpdateHandlerWithOptions(ctx, contract.UpdateSnooze,
			func(ctx workflow.Context, s contract.Snooze) (contract.TriageState, error) {
				t.snooze(ctx, s)
				return t.state, nil
			}, workflow.UpdateHandlerOptions{Validator: t.mayBeSnoozed, Description: "Say nothing until a time, and go on counting."}),
		workflow.SetQueryHandlerWithOptions(ctx, contract.QueryState,
			func() (contract.TriageState, error) { return t.state, nil },
			workflow.QueryHandlerOptions{Description: "The incident's state, evidence, verdict and actions."}))
	if err != nil {
		return fmt.Errorf("workflows: set the handlers: %w", err)
	}
	return nil
}

// carried reports whether a decision was made in the failed run that this one goes on from.
func carried(ctx workflow.Context, m contract.Made) bool {
	return m.Run != "" && m.Run != workflow.GetInfo(ctx).WorkflowExecution.RunID
}

// since is when a decision was made, where that was not now.
func since(ctx workflow.Context, m contract.Made) time.Time {
	if carried(ctx, m) {
		return m.At
	}
	return time.Time{}
}

// over refuses what is decided about an incident that is resolved or closed.
func (t *triage) over() error {
	switch {
	case t.state.Phase == contract.PhaseClosed || t.state.Phase == contract.PhaseFailed:
		return temporal.NewApplicationError("the incident is closed", contract.ErrorState)
	case t.state.Status == incident.StatusResolved:
		return temporal.NewApplicationError("the incident is resolved already, by "+t.state.ResolvedBy, contract.ErrorState)
	}
	return nil
}

// unchanged refuses what was decided about an older revision of the incident. A
// validator and its handler run without a pause between them, so of several that
// have seen the same one the first wins. What a failed run has taken in already is
// not refused by its rerun, whose revisions are others.
func (t *triage) unchanged(ctx workflow.Context, m contract.Made, seen int64) error {
	if carried(ctx, m) || seen == 0 || t.state.Revision == 0 || seen == t.state.Revision {
		return nil
	}
	return temporal.NewApplicationError("the incident has changed since", contract.ErrorChanged)
}
