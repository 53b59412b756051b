package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/api/serviceerror"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Find returns the newest run of the incident with an incident id, or the newest
// incident with a workflow id. Temporal's list may be some moments behind, so
// what it names is looked at again.
func (o *Operator) Find(ctx context.Context, id string) (Incident, error) {
	return o.seek(ctx, id, contract.WorkflowTriage)
}

// seek is Find for workflows of some types.
func (o *Operator) seek(ctx context.Context, id string, kinds ...string) (Incident, error) {
	i, err := o.named(ctx, id)
	switch {
	case err != nil:
		return Incident{}, err
	case !slices.Contains(kinds, i.kind) && i.kind == contract.WorkflowTaskResult:
		return Incident{}, fmt.Errorf("%w: %s is a task; see %s", ErrNotFound, id, i.look())
	case !slices.Contains(kinds, i.kind):
		return Incident{}, fmt.Errorf("%w: %s is another workflow, of the type %s", ErrNotFound, id, i.kind)
	case i.ID == unreadable:
		return Incident{}, fmt.Errorf("%w: %s", ErrKeyset, id)
	}
	return i, nil
}

// named is what has an incident id or a workflow id.
func (o *Operator) named(ctx context.Context, id string) (Incident, error) {
	if strings.Contains(id, ":") {
		return o.look(ctx, id, "")
	}
	var found *Incident
	seen, unread := 0, 0
	err := o.scan(ctx, Filter{}.query(), func(i Incident) bool {
		seen++
		if i.ID == unreadable {
			unread++
		}
		if i.ID == id {
			found = &i
		}
		return found == nil
	})
	switch {
	case err != nil:
		return Incident{}, err
	case found == nil && unread > 0:
		return Incident{}, fmt.Errorf("%w: %s may be one of the %d incidents that cannot be read", ErrKeyset, id, unread)
	case found == nil && seen >= maxScan:
		return Incident{}, fmt.Errorf("%w among the newest %d: %s (an older one is found by its workflow id)", ErrNotFound, maxScan, id)
	case found == nil:
		return Incident{}, missing(id)
	}
	newest, err := o.look(ctx, found.WorkflowID, "")
	if err != nil || newest.ID == id {
		return newest, err
	}
	i, err := o.look(ctx, found.WorkflowID, found.RunID)
	i.Newer = newest.ID
	return i, err
}

func missing(id string) error {
	return fmt.Errorf("%w: %s (nerve incidents list shows what there is)", ErrNotFound, id)
}

// look reads one run; no run id means the newest.
func (o *Operator) look(ctx context.Context, workflowID, runID string) (Incident, error) {
	d, err := o.client.DescribeWorkflowExecution(ctx, workflowID, runID)
	if _, none := errors.AsType[*serviceerror.NotFound](err); none {
		return Incident{}, missing(workflowID)
	}
	if err != nil {
		return Incident{}, fmt.Errorf("operator: find incident: %w", err)
	}
	i := o.incident(d.GetWorkflowExecutionInfo())
	i.kind = d.GetWorkflowExecutionInfo().GetType().GetName()
	return i, nil
}

// unchanged fails when something has happened to an incident since it was found:
// somebody else was faster, or its alert fired again.
func (o *Operator) unchanged(ctx context.Context, i Incident) error {
	newest, err := o.look(ctx, i.WorkflowID, "")
	if err != nil {
		return err
	}
	switch {
	case i.Newer != "", newest.RunID == i.RunID:
		return nil
	case newest.ID != i.ID:
		return &changedError{fmt.Sprintf("the alert of %s has fired again meanwhile; see its newer incident: %s", i.ID, newest.look())}
	}
	return overtaken(i)
}

func overtaken(i Incident) error {
	return &changedError{fmt.Sprintf("%s was rerun or closed meanwhile; see %s", i.ID, i.look())}
}
