package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
	"github.com/nerve-alerts/nerve/task"
)

// ErrKnown means that a task is known already, running or over.
var ErrKnown = errors.New("operator: the task is known already")

// Expect registers a task before its sender says anything of it: its life begins,
// as starting. A source with require_known takes events of such tasks only. It
// fails with ErrKnown for a task that is known already.
func (o *Operator) Expect(ctx context.Context, source, id string, patience time.Duration, salt []byte) (workflowID string, err error) {
	name := task.Name(source, id)
	in := contract.TaskInput{
		Name: name, Source: source, Event: task.Event{ID: id, State: task.Starting, At: time.Now().UTC()},
		Policy: contract.TaskPolicy{Patience: patience}, Salt: salt, ReceivedAt: time.Now().UTC(),
	}
	cmd := contract.Command{WorkflowID: contract.TaskWorkflowID(source, name), KeyKind: incident.KeyEvent, Task: &in}
	_, err = o.client.ExecuteWorkflow(ctx, starter.TaskOptions(cmd), contract.WorkflowTaskResult, in)
	if _, already := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); already {
		return "", fmt.Errorf("%w: %s", ErrKnown, cmd.WorkflowID)
	}
	if err != nil {
		return "", fmt.Errorf("operator: expect a task: %w", err)
	}
	return cmd.WorkflowID, nil
}
