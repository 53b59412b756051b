package starter

import (
	"context"
	"errors"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// TaskOptions says how a task is started. It lives once: an event that comes
// after its end starts nothing. The command must have a Task.
func TaskOptions(cmd contract.Command) client.StartWorkflowOptions {
	in := cmd.Task
	return client.StartWorkflowOptions{
		ID:                       cmd.WorkflowID,
		TaskQueue:                contract.QueueTasks,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		// Without it a duplicate looks like a start.
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(contract.AttrSource).ValueSet(in.Source),
			temporal.NewSearchAttributeKeyKeyword(contract.AttrProvider).ValueSet(in.Provider),
			temporal.NewSearchAttributeKeyKeyword(contract.AttrStatus).ValueSet(string(in.Event.State))),
		Memo:          map[string]any{contract.MemoIncidentID: "task_" + in.Name, contract.MemoTitle: "Task " + in.Name},
		StaticSummary: cutBytes("Task "+in.Name+" of "+in.Source, maxSummary),
		Priority:      temporal.Priority{FairnessKey: in.Source},
	}
}

// task starts a task, or tells it of the event when it runs. AlreadyTaken means
// that it is over, NotRunning that it was never known where it had to be.
//
// It is a start first, and not a signal that also starts: most senders tell only
// of the end, and whoever asks wants to know whether the event changed anything.
func (s *Starter) task(ctx context.Context, cmd contract.Command) (Result, error) {
	in := *cmd.Task
	if in.KnownOnly {
		return s.signal(ctx, cmd.WorkflowID, contract.SignalTaskEvent, in.Event)
	}
	run, err := s.client.ExecuteWorkflow(ctx, TaskOptions(cmd), contract.WorkflowTaskResult, in)
	if err == nil {
		return Result{Outcome: Started, RunID: run.GetRunID()}, nil
	}
	already, ok := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err)
	if !ok {
		return Result{}, classify("start a task", err)
	}
	result, err := s.signal(ctx, cmd.WorkflowID, contract.SignalTaskEvent, in.Event)
	if err == nil && result.Outcome == NotRunning {
		return Result{Outcome: AlreadyTaken, RunID: already.RunId}, nil
	}
	return result, err
}
