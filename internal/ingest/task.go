package ingest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
	"github.com/nerve-alerts/nerve/providers"
	"github.com/nerve-alerts/nerve/task"
)

// TaskRules are a source's for the handler task_result.
type TaskRules struct {
	Policy contract.TaskPolicy
	// RequireKnown takes only events of tasks that run already.
	RequireKnown bool
}

// minted is what ids look like that a machine has made: a UUID, or Replicate's
// 26 letters and digits. Any other could have been typed by a customer.
var minted = regexp.MustCompile(`^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z0-9]{26})$`)

// TaskName is what a task is called everywhere but at its sender: its id where a
// machine has made it, else a hash.
func TaskName(source, id string) string {
	if minted.MatchString(id) {
		return id
	}
	return digest("task", source, id)
}

// readTask reads a delivery for the handler task_result.
func readTask(x *exchange, batch *providers.Batch) (*task.Event, error) {
	if x.source.handler(batch.EventType) != contract.HandlerTaskResult {
		return nil, nil //nolint:nilnil // it is not for that handler
	}
	e, err := task.Read(x.body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", providers.ErrMalformed, err)
	}
	e.At = x.began.UTC()
	return &e, nil
}

// task makes what a delivery says of a task durable: it starts the task, or tells
// the one that runs. Every state of a task has a window of its own, so that a
// sender that reports progress every second is folded into one event for each.
func (p *pipeline) task(ctx context.Context, v *verified) *answer {
	if v.unread != nil {
		return unreadable(v.unread, v.source.StaleStatus)
	}
	sub, cmd := p.prepareTask(v)
	d, err := p.Gate.Admit(ctx, sub.claim, sub.delivery)
	if err == nil && d.Verdict == admission.Over {
		// There is no storm to fold a result into: it is taken up to the hard cap.
		sub.claim.SkipRate = true
		d, err = p.Gate.Admit(ctx, sub.claim, sub.delivery)
	}
	if err != nil {
		return failed(err)
	}
	a := p.actOnTask(ctx, sub, cmd, d)
	a.entry = &sub.delivery
	return a
}

func (p *pipeline) prepareTask(v *verified) (*submission, contract.Command) {
	src, now := v.source, v.delivery.ReceivedAt
	e, salt := *v.task, p.NewSalt()
	name := TaskName(src.Name, e.ID)
	id := contract.TaskWorkflowID(src.Name, name)
	// Only the text is anything that a person could have written.
	words := incident.Signal{Description: e.Error}
	p.Scrubber.Signal(salt, &words)
	e.Error = words.Description

	delivery := v.delivery
	identity, deliveryID := deliveryKey(&verified{source: src, batch: &providers.Batch{EventID: v.batch.EventID}, raw: v.raw, untimed: v.untimed}, 0)
	window := src.digest("task", id, string(e.State))
	amend(&delivery, func(t *contract.Trace) {
		t.KeyKind, t.Identity, t.Window, t.Handler = incident.KeyEvent, identity, contract.WindowKey, contract.HandlerTaskResult
	})
	delivery.Outcome = contract.OutcomeDebounced // what admission logs of a repeat
	return &submission{
			source: src, attempt: v.delivery.ID, kind: incident.KeyEvent, receivedAt: now, delivery: delivery,
			claim: admission.Claim{
				Source: src.Name, WorkflowID: id, DeliveryID: deliveryID, Window: window, Limits: src.limits(src.Debounce), Now: now,
			},
		}, contract.Command{WorkflowID: id, KeyKind: incident.KeyEvent, Task: &contract.TaskInput{
			Name: name, Source: src.Name, Provider: src.ProviderName, Event: e, Policy: src.Tasks.Policy, Channel: src.Route.Channel,
			KnownOnly: src.Tasks.RequireKnown, Salt: salt, Delivery: v.delivery.ID, ReceivedAt: now,
			Timings: map[string]float64{"verify": float64(v.proved.Microseconds()) / 1000},
		}}
}

// actOnTask follows a verdict.
func (p *pipeline) actOnTask(ctx context.Context, sub *submission, cmd contract.Command, d admission.Decision) *answer {
	switch d.Verdict {
	case admission.New, admission.Pending:
		return p.tellTask(ctx, sub, cmd, d)
	case admission.Repeat:
		a := sub.taskKnown(contract.RuleWindow)
		a.reply.Status = "debounced"
		if a.outcome = contract.OutcomeDebounced; d.Tell {
			p.confirm(ctx, sub, sub.claim.For(d), d, a)
		} else {
			a.settled = true
		}
		return a
	case admission.Duplicate:
		a := sub.duplicate(d.WorkflowID, "")
		a.settled = true
		return a
	case admission.Refused:
		a := refuse(limited(), contract.OutcomeLimited, contract.ReasonHardCap)
		a.limit, a.retryAfter = sub.claim.Limits.Cap(), d.RetryAfter
		return a
	default:
		return failed(errors.New("ingest: unknown verdict " + string(d.Verdict)))
	}
}

// tellTask starts or tells the task, and confirms the claim when that is durable.
func (p *pipeline) tellTask(ctx context.Context, sub *submission, cmd contract.Command, d admission.Decision) *answer {
	claim := sub.claim.For(d)
	result, err := p.do(ctx, cmd)
	var a *answer
	switch {
	case errors.Is(err, starter.ErrPermanent):
		p.abandon(ctx, sub, claim)
		a = refuse(internal(), contract.OutcomeFailed, contract.ReasonStartRefused)
		a.failure = err
		return a
	case err != nil:
		if spoolErr := p.spool(ctx, cmd, err); spoolErr != nil {
			p.abandon(ctx, sub, claim)
			return failed(errors.Join(err, spoolErr))
		}
		p.warn(ctx, "temporal did not take the task in time; the spool did", sub, err)
		a = sub.taskTaken("spooled")
		a.reason = contract.ReasonSpooled
	case result.Outcome == starter.NotRunning:
		p.abandon(ctx, sub, claim)
		return sub.taskUnknown()
	case result.Outcome == starter.AlreadyTaken:
		a = sub.taskKnown(contract.RuleTaken)
	case result.Outcome == starter.Signalled:
		a = sub.taskTaken("")
		a.rule = contract.RuleTaskTold
	default:
		a = sub.taskTaken(result.RunID)
	}
	p.confirm(ctx, sub, claim, d, a)
	return a
}

// taskTaken answers an event that started its task or was told to it.
func (s *submission) taskTaken(entryID string) *answer {
	yes := true
	return &answer{
		outcome: contract.OutcomeAccepted, rule: contract.RuleTaskStarted, workflowID: s.claim.WorkflowID,
		reply: &reply{Status: "enqueued", EntryID: entryID, Processed: &yes},
	}
}

// taskKnown answers an event that changes nothing: it is late, or repeats one.
func (s *submission) taskKnown(rule string) *answer {
	no := false
	return &answer{
		outcome: contract.OutcomeDuplicate, rule: rule, workflowID: s.claim.WorkflowID,
		reply: &reply{Status: "duplicate", Idempotent: true, Processed: &no, Message: "This state of the task was known already; nothing was done."},
	}
}

// taskUnknown answers an event of a task that nobody has registered (row T2).
func (s *submission) taskUnknown() *answer {
	no := false
	return &answer{
		outcome: contract.OutcomeIgnored, reason: contract.ReasonTaskUnknown, workflowID: s.claim.WorkflowID,
		reply: &reply{Status: "ignored", Reason: contract.ReasonTaskUnknown.String(), Processed: &no},
	}
}

// tasking is what a verified delivery has for the handler task_result.
type tasking struct {
	task   *task.Event
	unread error         // why there is none
	proved time.Duration // how long the proof and the reading took
}
