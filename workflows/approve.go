package workflows

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// editWait is how long an approval that is over waits for its message in Slack.
// The same change can be asked for again only when the workflow has ended.
const editWait = 10 * time.Minute

// nobody acts where it is time that decides.
var nobody = audit.Actor{Person: "nerve", Via: audit.ViaSystem}

// approval is one change that waits for a second person, while its workflow runs.
type approval struct {
	in    contract.ApprovalInput
	state contract.ApprovalState
	id    string // workflow id
	run   string // the run that was started: a reset keeps it, so that what is done twice is done once

	said     contract.ApprovalStatus // what the message in Slack says
	telling  bool
	recorded bool  // the request is in the audit log, or never will be
	unheard  error // why it is not
}

// Approve asks for a second person's yes to a change, waits for it until the
// deadline, and has the change made. It fails, visibly, when a change that was
// granted cannot be made; a denial and an expiry are good ends.
func Approve(ctx workflow.Context, in contract.ApprovalInput) (contract.ApprovalState, error) {
	a := newApproval(ctx, in)
	if err := a.handle(ctx); err != nil {
		return a.state, err
	}
	a.publish(ctx)
	workflow.Go(ctx, a.teller)
	workflow.Go(ctx, a.request)
	if err := a.wait(ctx); err != nil {
		return a.state, a.cancelled(ctx, err)
	}
	switch a.state.Status {
	case contract.ApprovalGranted:
		if err := a.grant(ctx); err != nil {
			return a.state, err
		}
	case contract.ApprovalDenied:
		a.end(ctx, contract.ApprovalDenied)
		a.note(ctx, contract.AuditApprovalDeny, a.state.Ruling.Actor)
	default:
		a.end(ctx, contract.ApprovalExpired)
		a.note(ctx, contract.AuditApprovalExpire, nobody)
	}
	a.settle(ctx)
	return a.state, nil
}

func newApproval(ctx workflow.Context, in contract.ApprovalInput) *approval {
	info := workflow.GetInfo(ctx)
	return &approval{
		in: in, id: info.WorkflowExecution.ID, run: cmp.Or(info.OriginalRunID, info.WorkflowExecution.RunID),
		state: contract.ApprovalState{
			ID: in.ID, Action: in.Change.Action, Target: in.Change.Target, Why: in.Why, Reason: in.Change.Reason,
			Fields: in.Change.Fields, SecretID: in.Change.SecretID, Force: in.Change.Force,
			Status: contract.ApprovalWaiting, RequestedBy: in.RequestedBy, RequestedAt: in.RequestedAt, Deadline: in.Deadline,
		},
	}
}

// handle sets the update and query handlers.
func (a *approval) handle(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, contract.UpdateDecide,
		func(ctx workflow.Context, r contract.Ruling) (contract.ApprovalState, error) {
			a.state.Ruling, a.state.Status = &r, contract.ApprovalDenied
			if r.Grant {
				a.state.Status = contract.ApprovalGranted
			}
			a.publish(ctx)
			return a.state, nil
		}, workflow.UpdateHandlerOptions{Validator: a.check, Description: "A second person grants or denies the change."})
	if err != nil {
		return fmt.Errorf("workflows: set the decide handler: %w", err)
	}
	err = workflow.SetQueryHandlerWithOptions(ctx, contract.QueryApproval,
		func() (contract.ApprovalState, error) { return a.state, nil },
		workflow.QueryHandlerOptions{Description: "Where the approval stands."})
	if err != nil {
		return fmt.Errorf("workflows: set the approval query: %w", err)
	}
	return nil
}

// check refuses a ruling that comes too late, or from somebody who has no say.
// Whoever asked may take the request back, and never grant it.
func (a *approval) check(ctx workflow.Context, r contract.Ruling) error {
	refuse := func(kind, format string, args ...any) error {
		return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), kind, nil)
	}
	if a.state.Status != contract.ApprovalWaiting {
		return refuse(contract.RefusedDecided, "it is %s already", a.ended())
	}
	if !workflow.Now(ctx).Before(a.in.Deadline) {
		return refuse(contract.RefusedDecided, "its deadline is over")
	}
	if r.Actor.Check() != nil {
		return refuse(contract.RefusedNobody, "say who decides: the person is empty")
	}
	if r.Actor.Via == audit.ViaSystem {
		return refuse(contract.RefusedNobody, "a person has to decide, not a program")
	}
	if r.Grant && r.Actor.Same(a.in.RequestedBy) {
		return refuse(contract.RefusedRequester, "%s asked for it, so somebody else than %s has to grant it", a.in.RequestedBy.Person, strings.TrimSpace(r.Actor.Person))
	}
	return nil
}

// ended is how it stands, and who decided.
func (a *approval) ended() string {
	if a.state.Ruling == nil {
		return string(a.state.Status)
	}
	return string(a.state.Status) + " (decided by " + a.state.Ruling.Actor.Person + ")"
}

// wait returns when somebody has decided or the deadline has come; at half time
// it reminds people. Its error is that the workflow was cancelled.
func (a *approval) wait(ctx workflow.Context) error {
	decided := func() bool { return a.state.Status != contract.ApprovalWaiting }
	half := a.in.RequestedAt.Add(a.in.Deadline.Sub(a.in.RequestedAt) / 2)
	for _, until := range []struct {
		at      time.Time
		summary string
	}{{half, "Remind at half time"}, {a.in.Deadline, "Deadline"}} {
		left := until.at.Sub(workflow.Now(ctx))
		if left <= 0 {
			continue
		}
		ok, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout: left, TimerOptions: workflow.TimerOptions{Summary: until.summary},
		}, decided)
		if ok || err != nil {
			return err
		}
		if until.at.Before(a.in.Deadline) {
			workflow.Go(ctx, a.remind)
		}
	}
	return nil
}

// grant has the change made. The grant is in the audit log before it is.
func (a *approval) grant(ctx workflow.Context) error {
	if err := a.audited(ctx, contract.AuditApprovalGrant, a.state.Ruling.Actor); err != nil {
		return a.fail(ctx, fmt.Errorf("the audit log does not take the grant: %w", err))
	}
	if err := a.apply(ctx); err != nil {
		return a.fail(ctx, err)
	}
	a.end(ctx, contract.ApprovalApplied)
	return nil
}

// fail says everywhere that a change that was granted was not made.
func (a *approval) fail(ctx workflow.Context, err error) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	a.state.Failure = reason(err)
	workflow.GetLogger(ctx).Error("approval.failed", "approval", a.in.ID, "action", string(a.in.Change.Action))
	a.end(ctx, contract.ApprovalFailed)
	a.note(ctx, contract.AuditApprovalFail, nobody)
	a.settle(ctx)
	return temporal.NewApplicationErrorWithCause("granted, and not applied: "+a.state.Failure, contract.ErrorNotApplied, err)
}

// cancelled leaves a trace of an approval that somebody cancelled in Temporal:
// nothing is changed.
func (a *approval) cancelled(ctx workflow.Context, err error) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	a.state.Failure = "cancelled in Temporal"
	a.end(ctx, contract.ApprovalDenied)
	a.note(ctx, contract.AuditApprovalDeny, nobody)
	a.settle(ctx)
	return err
}

func (a *approval) end(ctx workflow.Context, s contract.ApprovalStatus) {
	a.state.Status, a.state.EndedAt = s, workflow.Now(ctx)
	a.publish(ctx)
}

// publish shows the state in Temporal UI. The search attribute is in the clear,
// so it is the status and nothing of a person.
func (a *approval) publish(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, a.details())
	err := workflow.UpsertTypedSearchAttributes(ctx, temporal.NewSearchAttributeKeyKeyword(contract.AttrStatus).ValueSet(string(a.state.Status)))
	if err != nil {
		workflow.GetLogger(ctx).Warn("search attributes not set", "error", err)
	}
}
