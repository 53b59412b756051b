package starter

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/task"
)

func taskCommand() contract.Command {
	return contract.Command{WorkflowID: "task:replicate:t1", KeyKind: incident.KeyEvent, Task: &contract.TaskInput{
		Name: "t1", Source: "replicate", Provider: "replicate", Event: task.Event{ID: "t1", State: task.Processing},
	}}
}

func TestATaskIsStartedOrTold(t *testing.T) {
	t.Parallel()
	started := serviceerror.NewWorkflowExecutionAlreadyStarted("again", "request", "run-0")
	for name, tt := range map[string]struct {
		known       bool
		start, tell error
		want        Result
		starts      int
		tells       int
	}{
		"new":               {false, nil, nil, Result{Outcome: Started, RunID: "run-1"}, 1, 0},
		"running":           {false, started, nil, Result{Outcome: Signalled}, 1, 1},
		"over":              {false, started, serviceerror.NewNotFound("closed"), Result{Outcome: AlreadyTaken, RunID: "run-0"}, 1, 1},
		"known and running": {true, nil, nil, Result{Outcome: Signalled}, 0, 1},
		"not known":         {true, nil, serviceerror.NewNotFound("no such"), Result{Outcome: NotRunning}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, run := mocked(t)
			run.On("GetRunID").Return("run-1").Maybe()
			cmd := taskCommand()
			cmd.Task.KnownOnly = tt.known
			if tt.starts > 0 {
				c.On("ExecuteWorkflow", mock.Anything, mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
					return o.ID == "task:replicate:t1" && o.WorkflowIDReusePolicy == enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE &&
						o.WorkflowExecutionErrorWhenAlreadyStarted && o.TaskQueue == contract.QueueTasks
				}), contract.WorkflowTaskResult, *cmd.Task).Return(run, tt.start).Once()
			}
			if tt.tells > 0 {
				c.On("SignalWorkflow", mock.Anything, "task:replicate:t1", "", contract.SignalTaskEvent, cmd.Task.Event).Return(tt.tell).Once()
			}
			got, err := New(c, Options{}).Do(t.Context(), cmd)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestATaskThatTemporalDoesNotTake(t *testing.T) {
	t.Parallel()
	c, _ := mocked(t)
	c.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, serviceerror.NewUnavailable("away"))
	_, err := New(c, Options{}).Do(t.Context(), taskCommand())
	require.ErrorIs(t, err, ErrUnavailable)
	past, err := New(nil, Options{}).Past(t.Context(), taskCommand())
	require.NoError(t, err)
	assert.False(t, past)
	both := taskCommand()
	both.Resolved = &contract.Resolved{}
	_, err = New(nil, Options{}).Do(t.Context(), both)
	require.ErrorIs(t, err, ErrPermanent)
}
