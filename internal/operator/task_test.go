package operator_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/task"
)

// desk is a Temporal that starts tasks, and nothing else.
type desk struct {
	operator.Client
	err error
	id  string
	in  contract.TaskInput
}

func (d *desk) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	d.id, d.in = o.ID, args[0].(contract.TaskInput)
	return nil, d.err
}

func TestExpect(t *testing.T) {
	t.Parallel()
	d := &desk{}
	op := operator.New(d, converter.GetDefaultDataConverter(), "default")
	id, err := op.Expect(t.Context(), "replicate", "order 7", time.Hour, []byte("salt"))
	require.NoError(t, err)
	assert.Equal(t, "task:replicate:"+task.Name("replicate", "order 7"), id)
	assert.Equal(t, id, d.id)
	assert.Equal(t, task.Starting, d.in.Event.State)
	assert.Equal(t, "order 7", d.in.Event.ID)
	assert.Equal(t, time.Hour, d.in.Policy.Patience)
	assert.NotContains(t, id, "order")

	d.err = serviceerror.NewWorkflowExecutionAlreadyStarted("again", "r", "run")
	_, err = op.Expect(t.Context(), "replicate", "order 7", time.Hour, nil)
	require.ErrorIs(t, err, operator.ErrKnown)
	d.err = serviceerror.NewUnavailable("away")
	_, err = op.Expect(t.Context(), "replicate", "order 7", time.Hour, nil)
	require.ErrorIs(t, err, d.err)
}
