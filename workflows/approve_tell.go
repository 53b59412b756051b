package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// teller keeps the message in Slack up with the state, beside everything else:
// whoever decides on the command line does not wait for Slack.
func (a *approval) teller(ctx workflow.Context) {
	if a.in.Channel == "" {
		return
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	for {
		if err := workflow.Await(ctx, func() bool { return a.said != a.state.Status }); err != nil {
			return
		}
		a.said, a.telling = a.state.Status, true
		err := a.tell(ctx)
		a.telling = false
		if err != nil {
			workflow.GetLogger(ctx).Warn("approval not shown in slack", "approval", a.in.ID, "status", string(a.said), "error", err)
		}
	}
}

// tell posts the request, or edits it. A message that could not be posted while
// it was waiting is not posted for its result alone.
func (a *approval) tell(ctx workflow.Context) error {
	in := a.message()
	if a.state.Message != nil {
		return workflow.ExecuteActivity(with(ctx, stepEdit, "Show in Slack: "+string(a.said)), acts.EditApproval, in).Get(ctx, nil)
	}
	if a.said != contract.ApprovalWaiting {
		return nil
	}
	// What is decided meanwhile need not be asked any more.
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	asked := workflow.ExecuteActivity(with(ctx, stepAsk, "Ask in Slack"), acts.AskApproval, in)
	if err := workflow.Await(ctx, func() bool { return asked.IsReady() || a.over() }); err != nil {
		return err
	}
	var ref incident.SlackRef
	if !asked.IsReady() && !a.grace(ctx, asked) {
		cancel()
	}
	if err := asked.Get(ctx, &ref); err != nil {
		return err
	}
	a.state.Message = &ref
	return nil
}

// grace gives a request that is on its way to Slack the time to arrive: one that
// was abandoned there would keep its buttons.
func (a *approval) grace(ctx workflow.Context, asked workflow.Future) bool {
	ok, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout: policies[stepAsk].try, TimerOptions: workflow.TimerOptions{Summary: "Let the request arrive"},
	}, asked.IsReady)
	return ok && err == nil
}

func (a *approval) over() bool {
	return a.state.Status != contract.ApprovalWaiting && a.state.Status != contract.ApprovalGranted
}

func (a *approval) message() activities.ApprovalMessage {
	return activities.ApprovalMessage{
		WorkflowID: a.id, RunID: a.run, Channel: a.in.Channel, Known: a.state.Message, State: a.state, Salt: a.in.Salt,
	}
}

// remind tells the channel that nobody has decided yet.
func (a *approval) remind(ctx workflow.Context) {
	if a.state.Message == nil {
		return
	}
	err := workflow.ExecuteActivity(with(ctx, stepRemind, "Remind in Slack"), acts.RemindApproval, a.message()).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Warn("nobody was reminded", "approval", a.in.ID, "error", err)
	}
}

// request writes the request into the audit log, beside the wait for a decision.
func (a *approval) request(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	a.unheard = a.record(ctx, contract.AuditApprovalRequest, a.in.RequestedBy)
	a.recorded = true
}

// audited writes an entry behind that of the request, so that the log reads in
// the order in which things happened.
func (a *approval) audited(ctx workflow.Context, action string, who audit.Actor) error {
	if err := workflow.Await(ctx, func() bool { return a.recorded }); err != nil {
		return err
	}
	if a.unheard != nil {
		return a.unheard
	}
	return a.record(ctx, action, who)
}

// note is audited for what has happened whether the log takes it or not.
func (a *approval) note(ctx workflow.Context, action string, who audit.Actor) {
	if err := a.audited(ctx, action, who); err != nil {
		workflow.GetLogger(ctx).Error("not in the audit log", "approval", a.in.ID, "action", action, "error", err)
	}
}

func (a *approval) record(ctx workflow.Context, action string, who audit.Actor) error {
	return workflow.ExecuteActivity(with(ctx, stepAudit, "Audit: "+action), acts.RecordApproval, activities.ApprovalEntry{
		WorkflowID: a.id, RunID: a.run, Action: action, Actor: who, State: a.state, Salt: a.in.Salt,
	}).Get(ctx, nil)
}

// apply has the granted change made.
func (a *approval) apply(ctx workflow.Context) error {
	return workflow.ExecuteActivity(with(ctx, stepApply, "Apply: "+string(a.in.Change.Action)+" "+a.in.Change.Target), acts.ApplyChange,
		activities.ApplyInput{
			ID: a.in.ID, Ref: a.id + "/" + a.run, Change: a.in.Change, Sealed: a.in.Sealed,
			RequestedBy: a.in.RequestedBy, ApprovedBy: a.state.Ruling.Actor, Salt: a.in.Salt,
		}).Get(ctx, nil)
}

// settle waits until Slack shows the end, for a while.
func (a *approval) settle(ctx workflow.Context) {
	if a.in.Channel == "" {
		return
	}
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout: editWait, TimerOptions: workflow.TimerOptions{Summary: "Wait for Slack to show the end"},
	}, func() bool { return a.said == a.state.Status && !a.telling })
	if err != nil && !temporal.IsCanceledError(err) {
		workflow.GetLogger(ctx).Warn("did not wait for slack", "error", err)
	}
}

// details is what Temporal UI shows as the workflow's current details.
func (a *approval) details() string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, linef(format, args...)) }
	s := a.state
	add("**%s** of **%s**: **%s**\n\n", s.Action, s.Target, s.Status)
	add("- Asked by %s (%s), %s\n", s.RequestedBy.Person, s.RequestedBy.Via, s.RequestedAt.UTC().Format(time.RFC3339))
	if s.Reason != "" {
		add("- Reason: %s\n", s.Reason)
	}
	if s.Why != "" {
		add("- Why a second person: %s\n", s.Why)
	}
	if removes := s.Removes(); removes != "" {
		add("- Removes %s\n", removes)
	}
	if r := s.Ruling; r != nil {
		verb := "Denied"
		if r.Grant {
			verb = "Granted"
		}
		add("- %s by %s (%s)\n", verb, r.Actor.Person, r.Actor.Via)
		if r.Reason != "" {
			add("- Their reason: %s\n", r.Reason)
		}
	}
	if s.Failure != "" {
		add("- **%s**\n", s.Failure)
	}
	if s.Status == contract.ApprovalWaiting {
		add("- Until %s: `nerve approvals grant %s` or `nerve approvals deny %s`\n", s.Deadline.UTC().Format(time.RFC3339), s.ID, s.ID)
	}
	return strings.Join(lines, "")
}
