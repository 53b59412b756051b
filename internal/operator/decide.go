package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Acknowledge tells a running incident that somebody is on it.
func (o *Operator) Acknowledge(ctx context.Context, id string, d contract.Decision) (contract.TriageState, error) {
	i, err := o.find(ctx, id, d, contract.WorkflowTriage)
	switch {
	case err != nil:
		return contract.TriageState{}, err
	case i.running():
		d.Made = o.made(i)
		return o.update(ctx, i, contract.UpdateAcknowledge, d)
	case i.broken():
		return contract.TriageState{}, stuck(i)
	}
	return contract.TriageState{}, ended(i)
}

// Resolve closes the incident: it tells the one that runs, and closes one whose
// workflow failed, timed out or was terminated in a run of its own.
func (o *Operator) Resolve(ctx context.Context, id string, d contract.Decision) (contract.TriageState, error) {
	i, err := o.find(ctx, id, d, contract.WorkflowTriage)
	switch {
	case err != nil:
		return contract.TriageState{}, err
	case i.running():
		d.Made = o.made(i)
		return o.update(ctx, i, contract.UpdateResolve, d)
	case i.broken():
		return o.dismiss(ctx, i, d)
	}
	return contract.TriageState{}, ended(i)
}

// made says which run is told, and when.
func (o *Operator) made(i Incident) contract.Made {
	return contract.Made{Run: i.RunID, At: o.now().UTC()}
}

// find is seek for a decision, which somebody must have made.
func (o *Operator) find(ctx context.Context, id string, d contract.Decision, kinds ...string) (Incident, error) {
	if strings.TrimSpace(d.By) == "" {
		return Incident{}, errors.New("operator: say who decides")
	}
	return o.seek(ctx, id, kinds...)
}

func (o *Operator) update(ctx context.Context, i Incident, name string, arg any) (contract.TriageState, error) {
	var state contract.TriageState
	h, err := o.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: i.WorkflowID, RunID: i.RunID, UpdateName: name, Args: []any{arg},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = h.Get(ctx, &state)
	}
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return state, overtaken(i)
	}
	if refused, ok := errors.AsType[*temporal.ApplicationError](err); ok && refused.Type() == contract.ErrorChanged {
		return state, &changedError{i.ID + " has changed since it was looked at; see " + i.look()}
	}
	if refused, ok := errors.AsType[*temporal.ApplicationError](err); ok && refused.Type() == contract.ErrorState {
		return state, fmt.Errorf("%w: %s: %s", ErrState, i.ID, refused.Message())
	}
	if err != nil {
		return state, fmt.Errorf("operator: %s %s: %w", name, i.ID, err)
	}
	return state, nil
}

// stuck says what can be done about an incident whose workflow did not end well.
func stuck(i Incident) error {
	could := fmt.Sprintf("resolve it (nerve incidents resolve %s)", i.ID)
	if i.failed() && i.Newer == "" {
		could = fmt.Sprintf("rerun it (nerve incidents rerun %s) or %s", i.ID, could)
	}
	return fmt.Errorf("%w: %s %s: %s%s", ErrState, i.ID, was(i), could, newer(i))
}

// ended says that nothing can be decided any more.
func ended(i Incident) error {
	return fmt.Errorf("%w: %s is closed already (%s)%s", ErrState, i.ID, ending(i), newer(i))
}

// was is how a workflow ended, as part of a sentence.
func was(i Incident) string {
	if i.Execution == "Terminated" {
		return "was terminated"
	}
	return "has " + ending(i)
}

// ending is how a workflow ended, in words: TimedOut is "timed out".
func ending(i Incident) string {
	if i.Execution == "TimedOut" {
		return "timed out"
	}
	return strings.ToLower(i.Execution)
}

// newer is the hint at a newer incident, or "".
func newer(i Incident) string {
	if i.Newer == "" {
		return ""
	}
	return "; the same alert has a newer incident: " + i.Newer
}
