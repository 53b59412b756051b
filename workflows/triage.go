package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// ErrorStepFailed is the type of the error that a failed incident ends with;
// its details are the name of the step.
const ErrorStepFailed = "nerve/step_failed"

// How an incident ends well.
const (
	OutcomeResolved = "resolved"
	OutcomeQuiet    = "quiet"
)

// acts names the activities; it is never called here.
var acts *activities.Activities

// triage is one incident while its workflow runs.
type triage struct {
	in    contract.TriageInput
	state contract.TriageState
	id    string // workflow id

	shown     string // phase and status as the search attributes have them
	said      string // what the answer in Slack shows, see told
	notes     []note // what is still to be said in the thread
	dirty     bool   // state has changed since it was last recorded
	recording bool
	raised    bool // in this run, so that the search attributes have to follow
	failure   string
	closedAt  time.Time
}

// Triage is an incident's whole life: seen, looked into, answered, and open
// until it is resolved or quiet. It fails only when a step without which people
// would be left in silence has failed for good.
func Triage(ctx workflow.Context, in contract.TriageInput) (contract.TriageResult, error) {
	t := newTriage(ctx, in)
	if err := t.handle(ctx); err != nil {
		return contract.TriageResult{}, err
	}
	workflow.Go(ctx, t.recorder)
	workflow.Go(ctx, t.listen)
	untold := in.State == nil
	if untold {
		t.changed(ctx)
	}
	if t.state.Silence != nil {
		if result, ended, err := t.hush(ctx); ended {
			return result, err
		}
		untold = true
	}
	if untold {
		if err := t.see(ctx); err != nil {
			return contract.TriageResult{}, t.fail(ctx, err)
		}
		if err := t.answer(ctx); err != nil {
			return contract.TriageResult{}, t.fail(ctx, err)
		}
	}
	return t.live(ctx)
}

func newTriage(ctx workflow.Context, in contract.TriageInput) *triage {
	t := &triage{in: in, id: workflow.GetInfo(ctx).WorkflowExecution.ID}
	if in.State != nil {
		t.state = *in.State
		if t.state.Snoozed != nil {
			t.said = t.told() // the run before has said it
		}
		return t
	}
	seen := []string{in.Signal.RawPayload.DeliveryID}
	if in.Delivery != "" {
		seen = append(seen, in.Delivery)
	}
	t.state = contract.TriageState{
		Phase:       contract.PhaseOpening,
		Status:      in.Signal.Status,
		Occurrences: 1,
		OpenedAt:    workflow.Now(ctx),
		LastSeen:    workflow.Now(ctx),
		FiredAt:     in.ReceivedAt,
		Seen:        seen,
	}
	if in.Silence != nil && in.Silence.Until.After(workflow.Now(ctx)) {
		t.state.Phase = contract.PhaseSilenced
		t.silence(ctx, *in.Silence)
	}
	return t
}

// answer looks into the incident and tells people: evidence, analysis, thread.
func (t *triage) answer(ctx workflow.Context) error {
	t.enter(ctx, contract.PhaseEvidence)
	t.state.Evidence = t.evidence(ctx)
	t.enter(ctx, contract.PhaseAnalysis)
	if err := t.analyse(ctx); err != nil {
		return err
	}
	t.enter(ctx, contract.PhaseNotifying)
	if err := t.notify(ctx); err != nil {
		return err
	}
	t.light(ctx, t.verdictLight())
	t.enter(ctx, contract.PhaseOpen)
	t.tell(ctx)
	return nil
}

// again answers an incident that is open again. One that failed before it had a
// headline, and was then resolved, has no thread to be answered in yet.
func (t *triage) again(ctx workflow.Context) error {
	if t.thread() == nil {
		if err := t.see(ctx); err != nil {
			return err
		}
	}
	return t.answer(ctx)
}

// enter moves the incident to a phase, where Temporal UI shows it. The steps of
// the first seconds are not worth a write to the record each.
func (t *triage) enter(ctx workflow.Context, p contract.Phase) {
	t.state.Phase = p
	switch p {
	case contract.PhaseEvidence, contract.PhaseAnalysis, contract.PhaseNotifying:
		t.publish(ctx)
	default:
		t.changed(ctx)
	}
}

// changed publishes the state and has it recorded.
func (t *triage) changed(ctx workflow.Context) {
	t.dirty = true
	t.state.Revision = max(t.state.Revision+1, workflow.Now(ctx).UnixMicro())
	t.publish(ctx)
}

// publish shows the state in Temporal UI: current details and search attributes.
func (t *triage) publish(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, t.details())
	shown := string(t.state.Phase) + " " + string(t.state.Status) + " " + string(t.in.Signal.Severity)
	if shown == t.shown {
		return
	}
	t.shown = shown
	updates := []temporal.SearchAttributeUpdate{
		temporal.NewSearchAttributeKeyKeyword(contract.AttrPhase).ValueSet(string(t.state.Phase)),
		temporal.NewSearchAttributeKeyKeyword(contract.AttrStatus).ValueSet(string(t.state.Status)),
	}
	if t.raised {
		updates = append(updates, temporal.NewSearchAttributeKeyKeyword(contract.AttrSeverity).ValueSet(string(t.in.Signal.Severity)))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("search attributes not set", "error", err)
	}
}

// stepError is a failed step on its way out of the workflow.
type stepError struct {
	step step
	err  error
}

func (e *stepError) Error() string { return string(e.step) + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// fail makes a failure visible before it ends the workflow: the light, a note
// in the thread, the record, and a cause that can be read in Temporal UI.
func (t *triage) fail(ctx workflow.Context, err error) error {
	if temporal.IsCanceledError(err) {
		return t.cancelled(ctx, err)
	}
	t.lastSeen(ctx)
	name, cause := "unknown", err
	if s, ok := err.(*stepError); ok { //nolint:errorlint // set by this file, never wrapped
		name, cause = string(s.step), s.err
	}
	t.failure = "step " + name + " failed: " + reason(cause)
	workflow.GetLogger(ctx).Error("webhook.failed", "incident", t.in.Signal.IncidentID, "step", name)
	t.tellFailure(ctx)
	t.closedAt = workflow.Now(ctx)
	t.enter(ctx, contract.PhaseFailed)
	t.settle(ctx)
	return temporal.NewApplicationErrorWithCause(t.failure, ErrorStepFailed, cause, name)
}

// changeLastSeen is the change from which on a failure knows of what came meanwhile.
const changeLastSeen = "last-seen-in-a-failure"

// lastSeen takes in what came while a step was tried, which can take half an hour:
// whoever reads of the failure is told how bad it has become.
func (t *triage) lastSeen(ctx workflow.Context) {
	if workflow.GetSignalChannel(ctx, contract.SignalOccurrence).Len() == 0 ||
		workflow.GetVersion(ctx, changeLastSeen, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return
	}
	t.occurrences(ctx)
}

// cancelled leaves a trace of an incident that somebody cancelled in Temporal.
func (t *triage) cancelled(ctx workflow.Context, err error) error {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	t.state.Status = incident.StatusResolved
	t.state.ResolvedBy = "cancelled in Temporal"
	t.closedAt = workflow.Now(ctx)
	if t.state.Silence == nil {
		t.light(ctx, activities.LightAnswered)
	}
	t.enter(ctx, contract.PhaseClosed)
	t.settle(ctx)
	return err
}
