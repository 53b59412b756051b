package operator_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/privacy"
)

// failure is the history of a run whose workflow tasks completed with the events
// 4, 10 and 15, which scheduled the activities 5, 11 and 16. It failed because
// of one of them, or of none.
func (f *temporal) failure(step, message string, because int64) []*historypb.HistoryEvent {
	events := f.history(nil)
	var cause *failurepb.Failure
	if because != 0 {
		cause = &failurepb.Failure{FailureInfo: &failurepb.Failure_ActivityFailureInfo{
			ActivityFailureInfo: &failurepb.ActivityFailureInfo{ScheduledEventId: because},
		}}
		cause = &failurepb.Failure{Cause: cause}
	}
	var details []any
	if step != "" {
		details = []any{step}
	}
	why := privacy.NewFailureConverter(f.dc).ErrorToFailure(sdktemporal.NewApplicationErrorWithCause(message, "nerve/step_failed", nil, details...))
	require.NotContains(f.t, why.GetMessage(), message, "the test's failures are encrypted")
	why.Cause = cause
	return append(events, &historypb.HistoryEvent{
		EventId: 21, EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{
			WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{Failure: why},
		},
	})
}

// history is that run's until it fails; in is what it started with.
func (f *temporal) history(in any) []*historypb.HistoryEvent {
	events := []*historypb.HistoryEvent{{
		EventId: 1, EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
			WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
				Input: &commonpb.Payloads{Payloads: []*commonpb.Payload{f.payload(in)}},
			},
		},
	}}
	for _, task := range []int64{4, 10, 15} {
		events = append(
			events,
			&historypb.HistoryEvent{EventId: task, EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED},
			&historypb.HistoryEvent{
				EventId: task + 1, EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
				Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
					ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{WorkflowTaskCompletedEventId: task},
				},
			},
		)
	}
	return events
}

func TestRerunGoesBackToTheStepThatFailed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, step, want string
		because, point   int64
	}{
		{"the first activity", "headline", "headline", 5, 4},
		{"a later one, before the failure was told", "notify", "notify", 11, 10},
		{"no activity", "notify", "notify", 0, 4},
		{"an activity that is not in the history", "notify", "notify", 99, 4},
		{"a failure that names no step", "", "unknown", 11, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			op, f := setup(t)
			f.add(&run{workflow: "a:x:1", incident: "i1", execution: failed, events: f.failure(tt.step, "it failed", tt.because)})
			r, err := op.Rerun(t.Context(), "i1", contract.Decision{By: "alex", Reason: "the channel is back"})
			require.NoError(t, err)
			assert.Equal(t, tt.want, r.Step)
			assert.Equal(t, "run-new", r.NewRunID)
			require.Len(t, f.resets, 1)
			assert.Equal(t, tt.point, f.resets[0].GetWorkflowTaskFinishEventId())
			assert.Equal(t, "a:x:1", f.resets[0].GetWorkflowExecution().GetWorkflowId())
			assert.Equal(t, "run-1", f.resets[0].GetWorkflowExecution().GetRunId())
			assert.Equal(t, "alerts", f.resets[0].GetNamespace())
			assert.Equal(t, "rerun by an operator", f.resets[0].GetReason(), "Temporal keeps it in the clear, so it names nobody")
			require.Len(t, f.signals, 1)
			told, ok := f.signals[0].arg.(contract.IncidentAction)
			require.True(t, ok)
			assert.NotZero(t, told.At, "the rerun of this one is told again")
			told.At = time.Time{}
			f.signals[0].arg = told
			assert.Equal(t, []signal{{"a:x:1", "run-new", contract.SignalAction, contract.IncidentAction{
				Ref: "a:x:1/run-1/rerun", Kind: contract.ActionRerun, Actor: audit.Actor{Person: "alex", Via: audit.ViaCLI}, Reason: "the channel is back",
			}}}, f.signals)
			assert.NotEmpty(t, f.resets[0].GetRequestId())
		})
	}
}

func TestRerunIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		runs []*run
		says string
	}{
		{"running", []*run{{workflow: "a:x:1", incident: "i1"}}, "i1 is running; see nerve incidents show i1"},
		{"closed", []*run{{workflow: "a:x:1", incident: "i1", execution: completed}}, "is closed already (completed)"},
		{"terminated", []*run{{workflow: "a:x:1", incident: "i1", execution: terminated}}, "was terminated: resolve it (nerve incidents resolve i1); only what has failed is rerun"},
		{
			"resolved after it failed, and the list is behind",
			[]*run{{workflow: "a:x:1", incident: "i1", execution: failed}, {workflow: "a:x:1", incident: "i1", execution: completed, unlisted: true}},
			"is closed already (completed)",
		},
		{"fired again", []*run{{workflow: "a:x:1", incident: "i1", execution: failed}, {workflow: "a:x:1", incident: "i2"}}, "newer incident of the same alert, i2"},
		{"without a failure in its history", []*run{{workflow: "a:x:1", incident: "i1", execution: failed}}, "no failure in its history"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			op, f := setup(t, tt.runs...)
			_, err := op.Rerun(t.Context(), "i1", alex)
			require.ErrorIs(t, err, operator.ErrState)
			require.ErrorContains(t, err, tt.says)
			assert.Empty(t, f.resets)
		})
	}
}

func TestRerunIsRefusedWhenSomebodyWasFaster(t *testing.T) {
	t.Parallel()
	op, f := setup(t)
	f.add(&run{workflow: "a:x:1", incident: "i1", execution: failed, events: f.failure("notify", "it failed", 11)})
	f.onHistory = func() { f.add(&run{workflow: "a:x:1", incident: "i1"}) }
	_, err := op.Rerun(t.Context(), "i1", alex)
	require.ErrorIs(t, err, operator.ErrChanged)
	require.ErrorIs(t, err, operator.ErrState)
	require.ErrorContains(t, err, "i1 was rerun or closed meanwhile; see nerve incidents show i1")
	assert.Empty(t, f.resets, "a reset would have ended the other's rerun")
}

func TestRerunSaysWhyNot(t *testing.T) {
	t.Parallel()
	op, f := setup(t)
	f.add(&run{workflow: "a:x:1", incident: "i1", execution: failed, events: f.failure("notify", "it failed", 11)})
	away := errors.New("connection refused")
	f.onHistory = func() { f.down = away }
	_, err := op.Rerun(t.Context(), "i1", alex)
	require.ErrorIs(t, err, away)
	_, err = op.Rerun(t.Context(), "nobody", alex)
	require.ErrorIs(t, err, away)
}

// A task is rerun by its workflow id, and is no incident otherwise.
func TestRerunOfATask(t *testing.T) {
	t.Parallel()
	op, f := setup(t)
	f.add(&run{workflow: "task:replicate:t1", incident: "task_t1", kind: contract.WorkflowTaskResult, execution: failed, events: f.failure("fetch", "it failed", 11)})
	for _, do := range decisions(op) {
		err := do(t.Context(), "task:replicate:t1")
		require.ErrorIs(t, err, operator.ErrNotFound)
		require.ErrorContains(t, err, "is a task; see nerve tasks show replicate:t1")
	}
	r, err := op.Rerun(t.Context(), "task:replicate:t1", alex)
	require.NoError(t, err)
	assert.Equal(t, "fetch", r.Step)
	f.add(&run{workflow: "task:replicate:t1", incident: "task_t1", kind: contract.WorkflowTaskResult})
	_, err = op.Rerun(t.Context(), "task:replicate:t1", alex)
	require.ErrorContains(t, err, "is running; see nerve tasks show replicate:t1")
}
