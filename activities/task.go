package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Outputs keeps what tasks have made.
type Outputs interface {
	// Keep fetches an output and stores it; one that is there is stored already.
	Keep(ctx context.Context, q contract.OutputQuery) (contract.TaskOutput, error)
	Remove(ctx context.Context, key string) error
}

// Tasks keeps the record of tasks.
type Tasks interface {
	SaveTask(ctx context.Context, rec contract.TaskRecord) error
}

// Billing is the system that reserved the credits of a task.
type Billing interface {
	Settle(ctx context.Context, c contract.Charge) error
	Reverse(ctx context.Context, c contract.Charge) error
}

// ErrorNoOutputs is the type of the error for a task with an output while the
// worker has nowhere to keep it.
const ErrorNoOutputs = "task/no_blob_store"

// StoreOutputInput is an output to keep.
type StoreOutputInput struct {
	Query contract.OutputQuery `json:"query"`
	Salt  []byte               `json:"salt"`
}

// StoreOutput fetches what a task has made and keeps it. To do it twice is to do
// it once.
func (a *Activities) StoreOutput(ctx context.Context, in StoreOutputInput) (contract.TaskOutput, error) {
	if a.deps.Outputs == nil {
		return contract.TaskOutput{}, temporal.NewNonRetryableApplicationError(
			"this worker has no blob store: set NERVE_BLOB_URL", ErrorNoOutputs, nil)
	}
	defer heartbeat(ctx)()
	out, err := a.deps.Outputs.Keep(ctx, in.Query)
	return out, a.failed(in.Salt, "store the output", err)
}

// beat is how often a long activity says that it is alive.
const beat = 10 * time.Second

// heartbeat tells Temporal that an activity is alive until the function that it
// returns is called. A worker that dies is then noticed long before the time for
// a large output is up.
func heartbeat(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	activity.RecordHeartbeat(ctx)
	go func() {
		tick := time.NewTicker(beat)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				activity.RecordHeartbeat(ctx)
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// RemoveOutputInput names an output.
type RemoveOutputInput struct {
	Key  string `json:"key"`
	Salt []byte `json:"salt"`
}

// RemoveOutput takes an output away again: the compensation of StoreOutput.
func (a *Activities) RemoveOutput(ctx context.Context, in RemoveOutputInput) error {
	if a.deps.Outputs == nil {
		return temporal.NewNonRetryableApplicationError("this worker has no blob store: set NERVE_BLOB_URL", ErrorNoOutputs, nil)
	}
	return a.failed(in.Salt, "remove the output", a.deps.Outputs.Remove(ctx, in.Key))
}

// RecordTaskInput is the state of a task to keep.
type RecordTaskInput struct {
	Record contract.TaskRecord `json:"record"`
	Salt   []byte              `json:"salt"`
	// Reruns are those that are to be in the audit log.
	Reruns []contract.IncidentAction `json:"reruns,omitempty"`
}

// RecordTask writes a task's state to the record, and who had it rerun to the
// audit log, each once. An older state never overwrites a newer one.
func (a *Activities) RecordTask(ctx context.Context, in RecordTaskInput) error {
	if a.deps.Tasks == nil {
		return temporal.NewNonRetryableApplicationError("this worker keeps no record of tasks", "task/no_record", nil)
	}
	if err := a.deps.Tasks.SaveTask(ctx, in.Record); err != nil {
		return a.failed(in.Salt, "record the task", err)
	}
	for _, r := range in.Reruns {
		if a.deps.Auditor == nil {
			return notSetUp("audit log")
		}
		e := audit.Entry{Ref: r.Ref, Actor: r.Actor, Action: contract.AuditTaskRerun, Target: in.Record.ID}
		if r.Reason != "" { // people type it, so it may hold anything
			e.Detail = map[string]string{"reason": a.deps.Scrubber.Text(in.Salt, r.Reason)}
		}
		if _, err := a.deps.Auditor.AppendAudit(ctx, e); err != nil {
			return a.failed(in.Salt, "write the audit log", err)
		}
	}
	return nil
}

// ChargeInput is what the billing system is to be told.
type ChargeInput struct {
	Charge contract.Charge `json:"charge"`
	Salt   []byte          `json:"salt"`
}

// SettleCredits confirms the credits that were reserved for a task. Without a
// billing system there are none.
func (a *Activities) SettleCredits(ctx context.Context, in ChargeInput) (contract.Credits, error) {
	if a.deps.Billing == nil {
		return contract.CreditsNone, nil
	}
	err := a.deps.Billing.Settle(ctx, in.Charge)
	return contract.CreditsSettled, a.failed(in.Salt, "settle the credits", err)
}

// ReverseCredits gives the credits that were reserved for a task back.
func (a *Activities) ReverseCredits(ctx context.Context, in ChargeInput) (contract.Credits, error) {
	if a.deps.Billing == nil {
		return contract.CreditsNone, nil
	}
	err := a.deps.Billing.Reverse(ctx, in.Charge)
	return contract.CreditsReversed, a.failed(in.Salt, "reverse the credits", err)
}

// TellInput tells people something that is no incident.
type TellInput struct {
	WorkflowID string          `json:"workflow_id"`
	Channel    string          `json:"channel"`
	Report     incident.Report `json:"report"`
	Salt       []byte          `json:"salt"`
}

// Tell posts a notice in a channel, once for its report's incident id.
func (a *Activities) Tell(ctx context.Context, in TellInput) error {
	if a.deps.Slack == nil {
		return noSlack()
	}
	in.Report.WorkflowURL = a.workflowURL(in.WorkflowID)
	_, err := a.deps.Slack.Headline(ctx, in.Channel, nil, in.Report)
	return a.failed(in.Salt, "post the notice", err)
}
