package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
)

// memoReason keeps why a failed incident was resolved. Memos are encrypted.
const memoReason = "resolve_reason"

// dismiss closes an incident whose workflow is gone. A run that has ended takes
// nothing in any more, so a new one goes on from its last state, resolved: it
// does nothing but what closing means, and waits for what is away.
//
// The new run takes the incident's workflow id when nothing else has: Temporal
// itself then refuses a second one, and one beside a rerun. Where the alert has
// fired again, the workflow id is the newer incident's, and the run gets an id
// of its own.
func (o *Operator) dismiss(ctx context.Context, i Incident, d contract.Decision) (contract.TriageState, error) {
	in, err := o.input(ctx, i)
	if err != nil {
		return contract.TriageState{}, err
	}
	state, err := o.last(ctx, i, in)
	if err != nil {
		return contract.TriageState{}, err
	}
	state.Phase = contract.PhaseOpen
	state.Status = incident.StatusResolved
	state.ResolvedBy = d.By
	state.Snoozed = nil
	state.Actions = append(slices.Clone(state.Actions), contract.IncidentAction{
		Ref: i.WorkflowID + "/" + i.RunID + "/resolve", Kind: contract.ActionResolved, At: o.now().UTC(), Actor: d.Who(), Reason: d.Reason,
	})
	state.Light = "" // the state knows no ❌, and a light that it knows is not set again
	in.State = &state

	cmd := contract.Command{WorkflowID: i.WorkflowID, KeyKind: in.Signal.Key.Kind, Start: &in}
	reuse := enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
	if i.Newer != "" {
		cmd.WorkflowID = aside(i)
		reuse = enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
		in.Window = "" // the newer incident's by now
	}
	options := starter.StartOptions(cmd)
	options.WorkflowIDReusePolicy = reuse
	if d.Reason != "" {
		options.Memo[memoReason] = d.Reason
	}
	return state, o.alone(ctx, i, holder{d.Who(), contract.ActionResolved}, func(ctx context.Context) error {
		_, err := o.client.ExecuteWorkflow(ctx, options, contract.WorkflowTriage, in)
		if _, already := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); already {
			return overtaken(i)
		}
		if err != nil {
			return fmt.Errorf("operator: resolve %s, which can be tried again in %s: %w", i.ID, leaseTime, err)
		}
		return nil
	})
}

// aside is the workflow id under which an incident is closed when its own
// belongs to a newer incident.
func aside(i Incident) string { return i.WorkflowID + ":" + i.ID }

// input reads what a run was started with from the first event of its history,
// which a reset keeps and a continued run has of its own.
func (o *Operator) input(ctx context.Context, i Incident) (contract.TriageInput, error) {
	var in contract.TriageInput
	events := o.client.GetWorkflowHistory(ctx, i.WorkflowID, i.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !events.HasNext() {
		return in, fmt.Errorf("%w: %s has no history any more", ErrNotFound, i.ID)
	}
	first, err := events.Next()
	if err != nil {
		return in, fmt.Errorf("operator: read the history of %s: %w", i.ID, err)
	}
	if err := o.converter.FromPayloads(first.GetWorkflowExecutionStartedEventAttributes().GetInput(), &in); err != nil {
		return in, fmt.Errorf("operator: read what %s started with: %w", i.ID, err)
	}
	return in, nil
}

// last is the state that a run ended with. One that ended before any worker had
// it has only what it was started with.
func (o *Operator) last(ctx context.Context, i Incident, in contract.TriageInput) (contract.TriageState, error) {
	state, err := o.state(ctx, i)
	_, unworked := errors.AsType[*serviceerror.WorkflowNotReady](err)
	switch {
	case err == nil:
		return state, nil
	case !unworked && errors.Is(err, ErrNoWorker):
		return state, fmt.Errorf("%w; %s %s, and only a worker can tell its last state: start one and try again", err, i.ID, was(i))
	case !unworked:
		return state, err
	case in.State != nil:
		return *in.State, nil
	}
	state = contract.TriageState{Occurrences: 1, OpenedAt: i.OpenedAt, LastSeen: i.OpenedAt, Seen: []string{in.Signal.RawPayload.DeliveryID}}
	if in.Delivery != "" {
		state.Seen = append(state.Seen, in.Delivery)
	}
	return state, nil
}
