package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/task"
)

// succeed keeps the output and puts the success on record. Up to there a step
// that fails for good has everything before it undone; after it nothing is.
func (t *taskRun) succeed(ctx workflow.Context) (contract.TaskResult, error) {
	began := workflow.Now(ctx)
	if err := t.store(ctx); err != nil {
		return t.undone(ctx, err)
	}
	t.undo = append(t.undo, compensation{stepRemove, t.remove})
	t.timings["total"] = millis(workflow.Now(ctx).Sub(began))
	if err := t.write(ctx, stepKeep, t.revised(ctx)); err != nil {
		return t.undone(ctx, &stepError{stepKeep, err})
	}
	// What is told and settled from here on is true, also when somebody cancels
	// the workflow now.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	return t.settled(ctx)
}

// undone turns a failed step of a task that its sender calls a success into a
// task that failed, or one that was cancelled in Temporal.
func (t *taskRun) undone(ctx workflow.Context, err error) (contract.TaskResult, error) {
	if temporal.IsCanceledError(err) {
		return t.abandoned(ctx, err)
	}
	t.state, t.finishedAt = task.Failed, workflow.Now(ctx)
	t.failure = failed(err)
	return t.recover(ctx)
}

// failed says which step failed, and why, for people.
func failed(err error) string {
	if s, ok := errors.AsType[*stepError](err); ok {
		return "step " + string(s.step) + " failed: " + reason(s.err)
	}
	return reason(err)
}

// settled settles the credits, and beside it tells people: a billing system that
// is away for days holds up nobody (row T4).
func (t *taskRun) settled(ctx workflow.Context) (contract.TaskResult, error) {
	done, settle := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) { settle.Set(nil, t.settle(ctx)) })
	if t.in.Policy.Notices != contract.NoticesNone && t.in.Policy.Notices != contract.NoticesFailures {
		t.tell(ctx, stepTell, t.notice())
	}
	if err := done.Get(ctx, nil); err != nil {
		t.credits = contract.CreditsUnsettled
		t.stuck = append(t.stuck, &stepError{stepSettle, err})
	}
	return t.end(ctx)
}

// recover is what a task that did not succeed comes to (row T5): it is marked so
// and recorded, what was done is undone in reverse order, and people are told. It
// goes on whatever fails of it, also when the workflow was cancelled.
func (t *taskRun) recover(ctx workflow.Context) (contract.TaskResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	t.show(ctx)
	if err := t.write(ctx, stepMark, t.revised(ctx)); err != nil {
		workflow.GetLogger(ctx).Warn("the failure of a task is not on record yet", "error", err)
	}
	for _, c := range slices.Backward(t.undo) {
		if err := c.run(ctx); err != nil {
			workflow.GetLogger(ctx).Error("compensation failed", "step", string(c.step), "error", err)
			t.stuck = append(t.stuck, &stepError{c.step, err})
		}
	}
	if t.in.Policy.Notices != contract.NoticesNone {
		t.tell(ctx, stepTell, t.notice())
	}
	return t.end(ctx)
}

// end writes the last state, and fails the workflow where something is stuck, so
// that it can be rerun from there: every step may be repeated.
func (t *taskRun) end(ctx workflow.Context) (contract.TaskResult, error) {
	t.timings["all"] = millis(workflow.Now(ctx).Sub(t.startedAt))
	t.show(ctx)
	err := t.write(ctx, stepKeep, t.revised(ctx))
	for err == nil && t.rerun(ctx) && workflow.GetVersion(ctx, changeReruns, workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		err = t.write(ctx, stepKeep, t.revised(ctx)) // it was told of meanwhile
	}
	if err != nil {
		t.stuck = append(t.stuck, &stepError{stepKeep, err})
	}
	workflow.GetLogger(ctx).Info("task over", "task", t.in.Name, "source", t.in.Source, "state", string(t.state),
		"credits", string(t.credits), "timings", fmt.Sprint(t.timings))
	if len(t.stuck) == 0 {
		return t.result(), nil
	}
	t.tell(ctx, stepAlarm, t.alarm())
	first := t.stuck[0]
	return contract.TaskResult{}, temporal.NewApplicationErrorWithCause(t.troubles(), ErrorStepFailed, first.err, string(first.step))
}

// store fetches the output and keeps it.
func (t *taskRun) store(ctx workflow.Context) error {
	began := workflow.Now(ctx)
	var out contract.TaskOutput
	err := workflow.ExecuteActivity(with(ctx, stepOutput, "Fetch and keep the output"), acts.StoreOutput, activities.StoreOutputInput{
		Query: contract.OutputQuery{Source: t.in.Source, Name: t.in.Name, Output: t.event.Output, Policy: t.in.Policy}, Salt: t.in.Salt,
	}).Get(ctx, &out)
	t.timings["output"] = millis(workflow.Now(ctx).Sub(began))
	if err != nil {
		return &stepError{stepOutput, err}
	}
	t.output = &out
	t.timings["download"], t.timings["upload"] = out.DownloadMS, out.UploadMS
	return nil
}

// remove takes the output away again.
func (t *taskRun) remove(ctx workflow.Context) error {
	err := workflow.ExecuteActivity(with(ctx, stepRemove, "Remove the output"), acts.RemoveOutput, activities.RemoveOutputInput{
		Key: t.output.Key, Salt: t.in.Salt,
	}).Get(ctx, nil)
	if err == nil {
		t.output = nil
	}
	return err
}

func (t *taskRun) settle(ctx workflow.Context) error {
	began := workflow.Now(ctx)
	var credits contract.Credits
	err := workflow.ExecuteActivity(with(ctx, stepSettle, "Settle the credits"), acts.SettleCredits, t.charge()).Get(ctx, &credits)
	t.timings["settle"] = millis(workflow.Now(ctx).Sub(began))
	if err == nil {
		t.credits = credits
	}
	return err
}

func (t *taskRun) reverse(ctx workflow.Context) error {
	began := workflow.Now(ctx)
	var credits contract.Credits
	err := workflow.ExecuteActivity(with(ctx, stepReverse, "Give the credits back"), acts.ReverseCredits, t.charge()).Get(ctx, &credits)
	t.timings["reverse"] = millis(workflow.Now(ctx).Sub(began))
	if t.credits = credits; err != nil {
		t.credits = contract.CreditsUnreversed
	}
	return err
}

func (t *taskRun) charge() activities.ChargeInput {
	return activities.ChargeInput{Salt: t.in.Salt, Charge: contract.Charge{
		WorkflowID: t.id, TaskID: t.in.Event.ID, Source: t.in.Source, State: t.state, Failure: t.failure,
		PredictSeconds: t.event.PredictSeconds, Output: t.output, At: t.finishedAt,
	}}
}

// write writes a state to the record, and with it to the audit log who had the
// task rerun.
func (t *taskRun) write(ctx workflow.Context, s step, rec contract.TaskRecord) error {
	t.rerun(ctx)
	reruns := slices.Clone(t.reruns)
	err := workflow.ExecuteActivity(with(ctx, s, "Record: "+string(rec.State)), acts.RecordTask, activities.RecordTaskInput{
		Record: rec, Salt: t.in.Salt, Reruns: reruns,
	}).Get(ctx, nil)
	if err == nil {
		t.reruns = slices.DeleteFunc(t.reruns, func(a contract.IncidentAction) bool { return slices.Contains(reruns, a) })
	}
	return err
}

// rerun takes in who had the task go on, and reports whether that is still to be
// written.
func (t *taskRun) rerun(ctx workflow.Context) bool {
	told := workflow.GetSignalChannel(ctx, contract.SignalAction)
	var a contract.IncidentAction
	for told.ReceiveAsync(&a) {
		if a.Kind == contract.ActionRerun && a.Decided() {
			a.Reason, a.Actor.Person = incident.Cut(a.Reason, maxReason), incident.Cut(a.Actor.Person, maxPerson)
			t.reruns = append(t.reruns, a)
		}
		a = contract.IncidentAction{}
	}
	return len(t.reruns) > 0
}

// tell posts a notice. Nothing depends on it: what it says is on record.
func (t *taskRun) tell(ctx workflow.Context, s step, r incident.Report) {
	if t.in.Channel == "" {
		return
	}
	err := workflow.ExecuteActivity(with(ctx, s, "Notice in Slack"), acts.Tell, activities.TellInput{
		WorkflowID: t.id, Channel: t.in.Channel, Report: r, Salt: t.in.Salt,
	}).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Error("notice not posted", "step", string(s), "error", err)
	}
}

// notice says how the task ended.
func (t *taskRun) notice() incident.Report {
	s := incident.Signal{
		IncidentID: "task_" + t.in.Source + "_" + t.in.Name, Source: t.in.Source, Provider: t.in.Provider,
		Severity: incident.SeverityInfo, Title: "Task " + t.in.Name + " " + string(t.state), Timestamp: t.finishedAt,
	}
	switch {
	case t.failure != "":
		s.Severity, s.Description = incident.SeverityMedium, t.failure
	case t.output != nil:
		s.Description = fmt.Sprintf("Kept as %s: %s, %d bytes", t.output.Key, t.output.ContentType, t.output.Size)
	}
	return incident.Report{Signal: s, Status: incident.StatusResolved, Occurrences: 1, LastSeen: t.finishedAt}
}

// alarm says what somebody has to put in order.
func (t *taskRun) alarm() incident.Report {
	r := t.notice()
	r.Signal.IncidentID += "_stuck"
	r.Signal.Severity, r.Status = incident.SeverityCritical, incident.StatusFiring
	r.Signal.Title = "Task " + t.in.Name + " needs a hand"
	r.Signal.Description = t.troubles() + ". Mend the cause, then: nerve tasks rerun " + t.in.Source + ":" + t.in.Name
	return r
}

// troubles lists what is stuck.
func (t *taskRun) troubles() string {
	all := make([]string, len(t.stuck))
	for i, s := range t.stuck {
		all[i] = failed(s)
	}
	return strings.Join(all, "; ")
}
