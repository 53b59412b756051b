package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// recorder keeps the record up with the state, beside everything else, one
// write at a time: what changes meanwhile is written together.
func (t *triage) recorder(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	for {
		if err := workflow.Await(ctx, func() bool { return t.dirty }); err != nil {
			return
		}
		t.dirty, t.recording = false, true
		ctx := with(ctx, stepRecord, "Record: "+string(t.state.Phase))
		err := workflow.ExecuteActivity(ctx, acts.Record, activities.RecordInput{Record: t.record(ctx), Salt: t.in.Salt}).Get(ctx, nil)
		t.recording = false
		if err != nil {
			workflow.GetLogger(ctx).Error("incident not recorded", "incident", t.in.Signal.IncidentID, "error", err)
		}
	}
}

// settle waits until the state is recorded, or for a minute: a database that is
// away must not keep a failure from being seen.
func (t *triage) settle(ctx workflow.Context) {
	_, err := workflow.AwaitWithTimeout(ctx, time.Minute, func() bool { return !t.dirty && !t.recording })
	if err != nil && !temporal.IsCanceledError(err) {
		workflow.GetLogger(ctx).Warn("did not wait for the record", "error", err)
	}
}

// settleUnlessSignalled is settle that gives way to a signal: an alert that
// fires again must not wait for a database that is away.
func (t *triage) settleUnlessSignalled(ctx workflow.Context) {
	occurrences := workflow.GetSignalChannel(ctx, contract.SignalOccurrence)
	err := workflow.Await(ctx, func() bool { return (!t.dirty && !t.recording) || occurrences.Len() > 0 })
	if err != nil && !temporal.IsCanceledError(err) {
		workflow.GetLogger(ctx).Warn("did not wait for the record", "error", err)
	}
}

func (t *triage) record(ctx workflow.Context) contract.IncidentRecord {
	r := contract.IncidentRecord{
		ID:             t.in.Signal.IncidentID,
		WorkflowID:     t.id,
		RunID:          workflow.GetInfo(ctx).WorkflowExecution.RunID,
		Revision:       t.state.Revision,
		Phase:          t.state.Phase,
		Status:         t.state.Status,
		Signal:         t.in.Signal,
		Occurrences:    t.state.Occurrences,
		OpenedAt:       t.state.OpenedAt,
		LastSeen:       t.state.LastSeen,
		ClosedAt:       t.closedAt,
		AcknowledgedBy: t.state.AcknowledgedBy,
		ResolvedBy:     t.state.ResolvedBy,
		Failure:        t.failure,
		Verdict:        t.state.Verdict,
		Evidence:       t.state.Evidence,
		Actions:        t.state.Actions,
	}
	if t.state.Snoozed != nil {
		r.SnoozedUntil = t.state.Snoozed.Until
	}
	return r
}
