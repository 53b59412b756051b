package ingest

import (
	"context"
	"errors"

	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
)

// errClosing means that an incident was closed each time it was to be told.
var errClosing = errors.New("ingest: the incident closed while it was told, twice")

// settle admits a signal and does what the verdict asks for. When the incident
// to be told turns out to be closed, its window is closed too and the signal is
// admitted once more: the window of a closed incident must not swallow an alert.
func (p *pipeline) settle(ctx context.Context, sub *submission) *answer {
	for range 2 {
		d, err := p.Gate.Admit(ctx, sub.claim, sub.delivery)
		if err != nil {
			return failed(err)
		}
		if !sub.storm && d.WorkflowID == stormID(sub.source) {
			// A retry: the delivery was over the rate when it came first, and its
			// mark is the storm's. It is not the alert's own incident that is meant.
			sub = p.storm(sub)
		}
		a := p.act(ctx, sub, d)
		if a != nil {
			return a
		}
		p.reopen(ctx, sub, d)
	}
	return failed(errClosing)
}

// act follows a verdict; nil means that the incident is closed.
func (p *pipeline) act(ctx context.Context, sub *submission, d admission.Decision) *answer {
	switch d.Verdict {
	case admission.New, admission.Pending:
		return p.open(ctx, sub, d)
	case admission.Repeat:
		return p.repeat(ctx, sub, d)
	case admission.Duplicate:
		a := sub.duplicate(d.WorkflowID, d.IncidentID)
		a.settled = true
		return a
	case admission.Over:
		return p.fold(ctx, sub)
	case admission.Refused:
		a := refuse(limited(), contract.OutcomeLimited, contract.ReasonHardCap)
		a.limit = sub.claim.Limits.Cap()
		a.retryAfter = d.RetryAfter
		return a
	default:
		return failed(errors.New("ingest: unknown verdict " + string(d.Verdict)))
	}
}

// reopen makes room for a new incident after the old one turned out closed. The
// rate was counted already.
func (p *pipeline) reopen(ctx context.Context, sub *submission, d admission.Decision) {
	sub.claim.SkipRate, sub.reopened = true, true
	claim := sub.claim
	// Whatever the verdict: by now another signal may have opened the window.
	if err := p.Windows.Release(ctx, claim.Source, claim.Window, d.WorkflowID); err != nil {
		p.warn(ctx, "the window of a closed incident stays", sub, err)
	}
	p.abandon(ctx, sub, claim.For(d))
}

// open starts the incident that was decided on, and opens its window only when
// the start is durable. Pending may name the incident of another signal of the
// same window: then this one starts that one, or is its occurrence.
func (p *pipeline) open(ctx context.Context, sub *submission, d admission.Decision) *answer {
	claim := sub.claim.For(d)
	input := *sub.input()
	input.Signal.DeduplicationKey, input.Signal.IncidentID = d.WorkflowID, d.IncidentID
	start := contract.Command{WorkflowID: d.WorkflowID, KeyKind: sub.kind, Start: &input}
	if d.WorkflowID != sub.claim.WorkflowID {
		start.Fallback = sub.input()
	}

	result, err := p.do(ctx, start)
	switch {
	case err != nil:
		return p.startFailed(ctx, sub, claim, d, start, err)
	case result.Outcome == starter.Started:
		a := sub.accepted(d, result.RunID)
		p.confirm(ctx, sub, claim, d, a)
		return a
	case result.Outcome == starter.AlreadyTaken && d.WorkflowID == sub.claim.WorkflowID:
		a := sub.duplicate(d.WorkflowID, d.IncidentID)
		a.rule = contract.RuleTaken
		p.confirm(ctx, sub, claim, d, a)
		return a
	default:
		return p.join(ctx, sub, claim, d, result.Running)
	}
}

func (p *pipeline) startFailed(ctx context.Context, sub *submission, claim admission.Claim, d admission.Decision, start contract.Command, cause error) *answer {
	if errors.Is(cause, starter.ErrPermanent) {
		p.abandon(ctx, sub, claim)
		a := refuse(internal(), contract.OutcomeFailed, contract.ReasonStartRefused)
		a.failure = cause
		return a
	}
	if err := p.spool(ctx, start, cause); err != nil {
		p.abandon(ctx, sub, claim)
		return failed(errors.Join(cause, err))
	}
	p.warn(ctx, "temporal did not take the start in time; the spool did", sub, cause)
	a := sub.accepted(d, "spooled")
	p.confirm(ctx, sub, claim, d, a)
	return a
}

// join counts the signal to an incident that runs although no window was open
// for it; nil means that it has closed meanwhile. The claim carried the name of
// a life that never began, so the marks are made anew with the running one's.
// A repeat that met the window before it was open is told like any other: at
// milestones and when it is worse, as long as its incident is known to run.
func (p *pipeline) join(ctx context.Context, sub *submission, claim admission.Claim, d admission.Decision, running bool) *answer {
	if d.Verdict == admission.Pending && running && d.Count > 1 && !d.Raised && !contract.Milestone(d.Count) {
		claim.Level = 0 // the incident was not told
		a := sub.running(d.WorkflowID, claim.IncidentID)
		p.confirm(ctx, sub, claim, d, a)
		return a
	}
	cmd := contract.Command{WorkflowID: d.WorkflowID, KeyKind: sub.kind, Occurrence: sub.occurrence(pendingCount(d)), Fallback: sub.input()}
	told, err := p.tell(ctx, cmd)
	if err != nil {
		p.abandon(ctx, sub, claim)
		return failed(err)
	}
	if !told {
		return nil
	}
	if d.Verdict == admission.New {
		p.abandon(ctx, sub, claim)
		claim.IncidentID = ""
		id, name, found, err := p.Windows.Lookup(ctx, claim.Source, claim.Window)
		if err == nil && found && id == d.WorkflowID {
			claim.IncidentID = name
		}
	}
	a := sub.running(d.WorkflowID, claim.IncidentID)
	a.worse(d)
	p.confirm(ctx, sub, claim, d, a)
	return a
}

// pendingCount is what admission counted of a repeat in a window that is not
// open yet, or 0 when it does not know of the incident.
func pendingCount(d admission.Decision) int64 {
	if d.Verdict == admission.Pending {
		return d.Count
	}
	return 0
}

// repeat counts within an open window. The incident hears of it at milestones and
// when it is worse, and that is when it shows that it has closed: nil then. Until it was
// told the delivery stays pending, so that no retry of it is a duplicate.
func (p *pipeline) repeat(ctx context.Context, sub *submission, d admission.Decision) *answer {
	a := sub.repeated(d.WorkflowID, d.IncidentID)
	if !d.Tell {
		a.settled = true
		return a
	}
	claim := sub.claim.For(d)
	cmd := contract.Command{WorkflowID: d.WorkflowID, KeyKind: sub.kind, Occurrence: sub.occurrence(d.Count), Fallback: sub.input()}
	told, err := p.tell(ctx, cmd)
	switch {
	case errors.Is(err, starter.ErrPermanent):
		// A retry would be refused as well. The window keeps the count, and of how
		// bad it is the incident has heard nothing.
		claim.Level = 0
		p.warn(ctx, "the incident does not take a repeat", sub, err)
	case err != nil:
		// Nobody knows whether the incident is open. The mark stays: a retry is
		// then told at once, where without it it would count again, untold.
		return failed(err)
	case !told:
		return nil
	default:
		a.worse(d)
	}
	p.confirm(ctx, sub, claim, d, a)
	return a
}

// tell signals an incident, or spools the signal while Temporal is away. told is
// false when the incident does not run.
func (p *pipeline) tell(ctx context.Context, cmd contract.Command) (told bool, err error) {
	result, err := p.do(ctx, cmd)
	if err == nil {
		return result.Outcome != starter.NotRunning, nil
	}
	if errors.Is(err, starter.ErrPermanent) {
		return false, err
	}
	if spoolErr := p.spool(ctx, cmd, err); spoolErr != nil {
		return false, errors.Join(err, spoolErr)
	}
	return true, nil
}

// confirm opens the claim's marks and logs the delivery. The start is durable by
// now, so a failure costs an extra start that Temporal will refuse, no more.
func (p *pipeline) confirm(ctx context.Context, sub *submission, claim admission.Claim, d admission.Decision, a *answer) {
	entry := sub.delivery
	complete(&entry, a)
	entry.Count = d.Count
	amend(&entry, func(t *contract.Trace) {
		t.Local, t.WindowStart, t.WindowEnd = d.Local, d.WindowStart, d.WindowEnd
		if t.WindowEnd.IsZero() && claim.Window != "" { // Confirm opens it
			t.WindowStart, t.WindowEnd = sub.receivedAt.UTC(), sub.receivedAt.Add(claim.Limits.Folds()).UTC()
		}
	})
	if err := p.Gate.Confirm(ctx, claim, entry); err != nil {
		p.warn(ctx, "the claim was not confirmed", sub, err)
		return
	}
	a.settled = true
}

func (p *pipeline) abandon(ctx context.Context, sub *submission, claim admission.Claim) {
	ctx, cancel := undo(ctx)
	defer cancel()
	if err := p.Gate.Abandon(ctx, claim); err != nil {
		p.warn(ctx, "the claim was not taken back; it lapses by itself", sub, err)
	}
}

// failed is the answer when nothing could take the signal.
func failed(err error) *answer {
	a := refuse(unavailable(), contract.OutcomeFailed, contract.ReasonNothingDurable)
	a.retryAfter, a.failure = retryAfter, err
	return a
}
