package operator

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Rerun is what a rerun did.
type Rerun struct {
	Incident
	Step     string `json:"step"` // the step that it goes on from
	NewRunID string `json:"new_run_id"`
}

// resetReason is what Temporal keeps of a rerun, in the clear. Who had it done,
// and why, is told to the incident, encrypted.
const resetReason = "rerun by an operator"

// Rerun resets a failed incident to just before the step that failed, so that
// the steps that worked are not done again, and tells it who had that done. It
// refuses when the incident did not fail, when its alert has a newer incident,
// which a reset would end, and while somebody else reruns or resolves it.
func (o *Operator) Rerun(ctx context.Context, id string, d contract.Decision) (Rerun, error) {
	i, err := o.find(ctx, id, d, contract.WorkflowTriage, contract.WorkflowTaskResult)
	if err != nil {
		return Rerun{}, err
	}
	switch {
	case i.failed():
	case i.running():
		return Rerun{}, fmt.Errorf("%w: only a failed incident is rerun, and %s is running; see %s", ErrState, i.ID, i.look())
	case i.broken() && i.kind == contract.WorkflowTriage:
		return Rerun{}, fmt.Errorf("%w; only what has failed is rerun", stuck(i))
	default:
		return Rerun{}, ended(i)
	}
	if i.Newer != "" {
		return Rerun{}, fmt.Errorf("%w: a rerun would end the newer incident of the same alert, %s", ErrState, i.Newer)
	}
	step, _, point, err := o.failure(ctx, i)
	if err != nil {
		return Rerun{}, err
	}
	r := Rerun{Incident: i, Step: step}
	err = o.alone(ctx, i, holder{d.Who(), contract.ActionRerun}, func(bounded context.Context) error {
		r.NewRunID, err = o.reset(ctx, bounded, i, point)
		return err
	})
	if err != nil {
		return Rerun{}, err
	}
	err = o.client.SignalWorkflow(ctx, i.WorkflowID, r.NewRunID, contract.SignalAction, contract.IncidentAction{
		Ref: i.WorkflowID + "/" + i.RunID + "/rerun", Kind: contract.ActionRerun, At: o.now().UTC(), Actor: d.Who(), Reason: d.Reason,
	})
	if _, over := errors.AsType[*serviceerror.NotFound](err); err != nil && !over {
		return r, fmt.Errorf("operator: %s goes on, and could not be told who had that done: %w", i.ID, err)
	}
	return r, nil
}

// reset is sent once: Temporal makes another run of each one that arrives, and
// the client's own method repeats what has failed. Where the answer was lost, the
// newest run tells what became of it. ctx outlives bounded for that.
func (o *Operator) reset(ctx, bounded context.Context, i Incident, point int64) (runID string, err error) {
	resp, err := o.client.WorkflowService().ResetWorkflowExecution(bounded, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 o.namespace,
		WorkflowExecution:         &commonpb.WorkflowExecution{WorkflowId: i.WorkflowID, RunId: i.RunID},
		Reason:                    resetReason,
		WorkflowTaskFinishEventId: point,
		RequestId:                 uuid.NewString(),
	})
	if err == nil {
		return resp.GetRunId(), nil
	}
	if newest, away := o.look(ctx, i.WorkflowID, ""); away == nil && newest.ID == i.ID && newest.RunID != i.RunID {
		return newest.RunID, nil
	}
	return "", fmt.Errorf("operator: rerun %s, which can be tried again in %s: %w", i.ID, leaseTime, err)
}

// failure reads why an incident failed, and the event to reset to: the workflow
// task that scheduled the activity that failed. An incident that failed
// otherwise goes back to its first task.
func (o *Operator) failure(ctx context.Context, i Incident) (step, text string, point int64, err error) {
	completedBy := map[int64]int64{} // scheduled activity -> workflow task that scheduled it
	var first int64
	var failed *historypb.WorkflowExecutionFailedEventAttributes
	events := o.client.GetWorkflowHistory(ctx, i.WorkflowID, i.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return "", "", 0, fmt.Errorf("operator: read the history of %s: %w", i.ID, err)
		}
		switch e.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			if first == 0 {
				first = e.GetEventId()
			}
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			completedBy[e.GetEventId()] = e.GetActivityTaskScheduledEventAttributes().GetWorkflowTaskCompletedEventId()
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
			failed = e.GetWorkflowExecutionFailedEventAttributes()
		}
	}
	if failed == nil {
		return "", "", 0, fmt.Errorf("%w: %s has no failure in its history", ErrState, i.ID)
	}
	step, text = o.describe(failed.GetFailure())
	point = first
	for f := failed.GetFailure(); f != nil; f = f.GetCause() {
		if task := completedBy[f.GetActivityFailureInfo().GetScheduledEventId()]; task != 0 {
			point = task
		}
	}
	return step, text, point, nil
}

// describe reads the step and the message of a failure, decrypting what the
// failure converter encrypted.
func (o *Operator) describe(f *failurepb.Failure) (step, text string) {
	text = f.GetMessage()
	if p := f.GetEncodedAttributes(); p != nil {
		var attrs struct {
			Message string `json:"message"`
		}
		if err := o.converter.FromPayload(p, &attrs); err == nil {
			text = attrs.Message
		}
	}
	if err := o.converter.FromPayloads(f.GetApplicationFailureInfo().GetDetails(), &step); err != nil || step == "" {
		step = "unknown"
	}
	return step, text
}
