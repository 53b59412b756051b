package workflows

import (
	"fmt"
	"maps"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/task"
)

// defaultPatience fails a task of which nothing more is heard, when its source
// does not say otherwise.
const defaultPatience = 24 * time.Hour

// Changes of what a task does, for those whose history is older.
const (
	// changeReruns writes a rerun that is told of at the very end.
	changeReruns = "task-reruns-audited"
	// changeListed lists a task that begins with its end before its output is fetched.
	changeListed = "task-listed-at-once"
)

// taskRun is one task while its workflow runs.
type taskRun struct {
	in    contract.TaskInput
	id    string // workflow id
	runID string

	state   task.State
	event   task.Event // the one that brought it there
	credits contract.Credits
	output  *contract.TaskOutput
	failure string
	timings map[string]float64

	startedAt, finishedAt time.Time
	revision              int64
	reruns                []contract.IncidentAction // that are still to be in the audit log

	// undo is what has been done so far and how it is undone, in that order.
	undo []compensation
	// stuck are the compensations that failed.
	stuck []*stepError
}

// compensation undoes a step.
type compensation struct {
	step step
	run  func(workflow.Context) error
}

// TaskResult is a task's whole life: it follows what its sender says of it, and
// when it has succeeded keeps its output and settles its credits, or else gives
// them back. It is a saga: a step that fails for good has what was done before it
// undone, in reverse order, up to the moment at which the success is on record.
// From there it only goes forward (ADR 21).
func TaskResult(ctx workflow.Context, in contract.TaskInput) (contract.TaskResult, error) {
	info := workflow.GetInfo(ctx)
	t := &taskRun{
		in: in, id: info.WorkflowExecution.ID, runID: info.WorkflowExecution.RunID,
		credits: contract.CreditsReserved, startedAt: workflow.Now(ctx), timings: maps.Clone(in.Timings),
	}
	if t.timings == nil {
		t.timings = map[string]float64{}
	}
	// Whoever asked for the task has reserved its credits.
	t.undo = []compensation{{stepReverse, t.reverse}}
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.QueryTask,
		func() (contract.TaskRecord, error) { return t.record(), nil },
		workflow.QueryHandlerOptions{Description: "The task's state, output and credits."})
	if err != nil {
		return contract.TaskResult{}, fmt.Errorf("workflows: set the task query: %w", err)
	}
	if err := t.follow(ctx); err != nil {
		return t.abandoned(ctx, err)
	}
	if t.state == task.Succeeded {
		return t.succeed(ctx)
	}
	return t.recover(ctx)
}

// follow hears what the sender says until the task is over, or nothing more is
// said of it.
func (t *taskRun) follow(ctx workflow.Context) error {
	events := workflow.GetSignalChannel(ctx, contract.SignalTaskEvent)
	t.hear(ctx, t.in)
	for !t.state.Final() {
		patience := t.in.Policy.Patience
		if patience <= 0 {
			patience = defaultPatience
		}
		heard, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout: patience, TimerOptions: workflow.TimerOptions{Summary: "Nothing more is heard of it"},
		}, func() bool { return events.Len() > 0 })
		if err != nil {
			return err
		}
		if !heard {
			t.state, t.finishedAt = task.Failed, workflow.Now(ctx)
			t.failure = "nothing more was heard of it for " + patience.String()
			return nil
		}
		var in contract.TaskInput
		for events.ReceiveAsync(&in) {
			t.hear(ctx, in)
			in = contract.TaskInput{}
		}
	}
	return nil
}

// hear takes an event in. One that is late or repeats another changes nothing.
// What its source allows when the event comes is what counts.
func (t *taskRun) hear(ctx workflow.Context, in contract.TaskInput) {
	e := in.Event
	next, changed := t.state.Next(e.State)
	if !changed {
		return
	}
	t.state, t.event = next, e
	t.in.Policy, t.in.Channel, t.in.Provider = in.Policy, in.Channel, in.Provider
	for _, step := range workflow.DeterministicKeys(in.Timings) {
		t.timings[step] = in.Timings[step]
	}
	t.show(ctx)
	if next == task.Succeeded && t.revision == 0 && workflow.GetVersion(ctx, changeListed, workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		rec := t.revised(ctx)
		rec.State = task.Processing // until its output is kept, its success is not on record
		t.writeBeside(ctx, rec)
	}
	if next.Final() {
		t.finishedAt = workflow.Now(ctx)
		t.timings["task"] = millis(t.finishedAt.Sub(t.startedAt))
		if next != task.Succeeded {
			t.failure = "the sender says that it " + said[next]
			if e.Error != "" {
				t.failure += ": " + e.Error
			}
		}
		return
	}
	t.writeBeside(ctx, t.revised(ctx))
}

// writeBeside records progress while the task goes on; what follows writes over it.
func (t *taskRun) writeBeside(ctx workflow.Context, rec contract.TaskRecord) {
	workflow.Go(ctx, func(ctx workflow.Context) {
		if err := t.write(ctx, stepMark, rec); err != nil {
			workflow.GetLogger(ctx).Warn("progress of a task not recorded", "error", err)
		}
	})
}

var said = map[task.State]string{task.Failed: "failed", task.Canceled: "was canceled"}

// abandoned ends a task that somebody cancelled in Temporal before it was over.
func (t *taskRun) abandoned(ctx workflow.Context, cause error) (contract.TaskResult, error) {
	t.state, t.finishedAt, t.failure = task.Canceled, workflow.Now(ctx), "cancelled in Temporal"
	if result, err := t.recover(ctx); err != nil {
		return result, err
	}
	return contract.TaskResult{}, cause
}

// record is the task as the record keeps it.
func (t *taskRun) record() contract.TaskRecord {
	return contract.TaskRecord{
		ID: t.in.Source + ":" + t.in.Name, Source: t.in.Source, Provider: t.in.Provider, WorkflowID: t.id, RunID: t.runID,
		Revision: t.revision, State: t.state, Credits: t.credits, Output: t.output, Outputs: t.event.Outputs, Failure: t.failure,
		PredictSeconds: t.event.PredictSeconds, Timings: maps.Clone(t.timings), StartedAt: t.startedAt, FinishedAt: t.finishedAt,
	}
}

// revised is the record of a state that is newer than every one before it, over
// reruns too.
func (t *taskRun) revised(ctx workflow.Context) contract.TaskRecord {
	t.revision = max(t.revision+1, workflow.Now(ctx).UnixMicro())
	return t.record()
}

func (t *taskRun) result() contract.TaskResult {
	return contract.TaskResult{State: t.state, Credits: t.credits, Output: t.output, Failure: t.failure, Timings: t.timings}
}

// show puts the state where Temporal UI shows it.
func (t *taskRun) show(ctx workflow.Context) {
	details := linef("**Task %s**\n\n- State: **%s**\n- Credits: %s\n- Source: %s\n", t.in.Name, t.state, t.credits, t.in.Source)
	if t.output != nil {
		details += linef("- Output: `%s`, %d bytes\n", t.output.Key, t.output.Size)
	}
	if t.failure != "" {
		details += linef("- **Failed**: %s\n", t.failure)
	}
	workflow.SetCurrentDetails(ctx, details)
	err := workflow.UpsertTypedSearchAttributes(ctx, temporal.NewSearchAttributeKeyKeyword(contract.AttrStatus).ValueSet(string(t.state)))
	if err != nil {
		workflow.GetLogger(ctx).Warn("search attributes not set", "error", err)
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
