package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// A lease is a workflow that no worker knows. It keeps its id taken for as long
// as it runs, and Temporal ends it: see docs/adr/0023-one-rerun-at-a-time.md.
const (
	workflowLease = "Lease"
	queueLeases   = "leases" // nobody polls it
	memoHolder    = "holder"

	// leaseTime is how long a lease holds, and so how long a rerun that died
	// half-way keeps others from another.
	leaseTime = 30 * time.Second
	// leaseWork bounds what is done under a lease. It is far below leaseTime, so
	// that nothing is under way any more when the lease ends.
	leaseWork = 10 * time.Second
)

// holder is who has a lease, and what for.
type holder struct {
	Actor audit.Actor         `json:"actor"`
	Kind  contract.ActionKind `json:"kind"`
}

func (h holder) String() string { return h.Actor.Person + " (" + h.Actor.Via + ")" }

// leaseID is one for each failed run: a rerun that fails again has another.
func leaseID(i Incident) string { return "lease:" + i.RunID }

// alone does what may be done about a failed run only once: nobody else does
// anything about it meanwhile, and it is still the incident's newest. The lease
// is left to run out. What went well has made it worthless; what did not may
// still arrive at Temporal.
func (o *Operator) alone(ctx context.Context, i Incident, h holder, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, leaseWork)
	defer cancel()
	_, err := o.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: leaseID(i), TaskQueue: queueLeases, WorkflowRunTimeout: leaseTime,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo:                                     map[string]any{memoHolder: h},
	}, workflowLease)
	if _, already := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); already {
		return o.taken(ctx, i)
	}
	if err != nil {
		return fmt.Errorf("operator: keep others from deciding about %s: %w", i.ID, err)
	}
	if err := o.unchanged(ctx, i); err != nil {
		return err
	}
	return do(ctx)
}

// taken says who has the lease, and what became of it.
func (o *Operator) taken(ctx context.Context, i Incident) error {
	d, err := o.client.DescribeWorkflowExecution(ctx, leaseID(i), "")
	if err != nil {
		return fmt.Errorf("operator: see who decides about %s: %w", i.ID, err)
	}
	info := d.GetWorkflowExecutionInfo()
	who, since := o.holder(info), info.GetStartTime().AsTime().UTC()
	did, do := "rerun", "rerun"
	if who.Kind == contract.ActionResolved {
		did, do = "resolved", "resolve"
	}
	err = o.unchanged(ctx, i)
	if errors.Is(err, ErrChanged) {
		return &changedError{fmt.Sprintf("%s was %s by %s at %s; see %s", i.ID, did, who, since.Format(time.RFC3339), i.look())}
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: %s began to %s %s at %s; see %s, and if nothing has come of it, try again after %s",
		ErrState, who, do, i.ID, since.Format(time.RFC3339), i.look(), since.Add(leaseTime).Format(time.RFC3339))
}

// holder reads who has a lease.
func (o *Operator) holder(info *workflowpb.WorkflowExecutionInfo) holder {
	var h holder
	if p := info.GetMemo().GetFields()[memoHolder]; p == nil || o.converter.FromPayload(p, &h) != nil {
		return holder{Actor: audit.Actor{Person: "somebody", Via: "another keyset"}}
	}
	return h
}
