package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
)

// Find returns the newest run of the incident with an incident id, or the newest
// incident with a workflow id. Temporal's list may be some moments behind, so
// what it names is looked at again.
func (o *Operator) Find(ctx context.Context, id string) (Incident, error) {
	if strings.Contains(id, ":") {
		return o.look(ctx, id, "")
	}
	var found *Incident
	err := o.scan(ctx, Filter{}.query(), func(i Incident) bool {
		if i.ID == id {
			found = &i
		}
		return found == nil
	})
	if err != nil {
		return Incident{}, err
	}
	if found == nil {
		return Incident{}, fmt.Errorf("%w: %s (nerve incidents list shows what there is)", ErrNotFound, id)
	}
	newest, err := o.look(ctx, found.WorkflowID, "")
	if err != nil || newest.ID == id {
		return newest, err
	}
	i, err := o.look(ctx, found.WorkflowID, found.RunID)
	i.Newer = newest.ID
	return i, err
}

// look reads one run; no run id means the newest.
func (o *Operator) look(ctx context.Context, workflowID, runID string) (Incident, error) {
	d, err := o.client.DescribeWorkflowExecution(ctx, workflowID, runID)
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return Incident{}, fmt.Errorf("%w: %s", ErrNotFound, workflowID)
	}
	if err != nil {
		return Incident{}, fmt.Errorf("operator: find incident: %w", err)
	}
	return o.incident(d.GetWorkflowExecutionInfo()), nil
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
		return &changedError{fmt.Sprintf("the alert of %s has fired again meanwhile; see its newer incident: nerve incidents show %s", i.ID, newest.ID)}
	}
	return overtaken(i)
}

func overtaken(i Incident) error {
	return &changedError{fmt.Sprintf("%s was rerun or closed meanwhile; see nerve incidents show %s", i.ID, i.ID)}
}
