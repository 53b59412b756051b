package ingest

import (
	"context"
	"errors"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
)

// resolve tells the running incident that the sender closed its alert, and
// closes the window, so that the next firing starts anew.
func (p *pipeline) resolve(ctx context.Context, sub *submission) *answer {
	workflowID, incidentID, known, err := p.target(ctx, sub)
	if err != nil {
		return failed(err)
	}
	if workflowID == "" {
		return nothingToResolve()
	}
	claim := sub.claim
	claim.WorkflowID, claim.IncidentID = workflowID, incidentID
	// No window and no rate: a resolve repeats nothing and must not be folded.
	claim.Window, claim.SkipRate = "", true
	if claim.DeliveryID != "" {
		// An old resolve that comes again must not close the alert's next life.
		d, err := p.Gate.Admit(ctx, claim, sub.delivery)
		if err != nil {
			return failed(err)
		}
		if d.Verdict == admission.Duplicate {
			a := sub.duplicate(workflowID, incidentID)
			a.settled = true
			return a
		}
	}
	a := p.close(ctx, sub, claim, known)
	if a.problem != nil {
		p.abandon(ctx, sub, claim)
		return a
	}
	p.confirm(ctx, sub, claim, admission.Decision{}, a)
	return a
}

// target finds the incident that a resolve means. known says that it has started, as
// far as admission can tell, so that it runs, or ran, or waits in the spool.
func (p *pipeline) target(ctx context.Context, sub *submission) (workflowID, incidentID string, known bool, err error) {
	id, name, found, err := p.Windows.Lookup(ctx, sub.claim.Source, sub.claim.Window)
	if sub.kind == incident.KeyAlert {
		if err != nil {
			return sub.claim.WorkflowID, "", true, nil // its id is known without Redis
		}
		if id != sub.claim.WorkflowID {
			// Another of its group has the window by now, and it may have been before.
			return sub.claim.WorkflowID, "", found, nil
		}
		return id, name, found, nil
	}
	if err != nil || !found {
		return "", "", false, err
	}
	return id, name, true, nil
}

func (p *pipeline) close(ctx context.Context, sub *submission, claim admission.Claim, known bool) *answer {
	cmd := contract.Command{
		WorkflowID: claim.WorkflowID, KeyKind: sub.kind,
		Resolved: &contract.Resolved{DeliveryID: sub.occurrenceID(), At: sub.receivedAt},
	}
	result, err := p.do(ctx, cmd)
	a := resolved(claim.WorkflowID, claim.IncidentID)
	switch {
	case errors.Is(err, starter.ErrPermanent):
		a = refuse(internal(), contract.OutcomeFailed, contract.ReasonResolveRefused)
		a.failure = err
		return a
	case err != nil:
		if spoolErr := p.spool(ctx, cmd, err); spoolErr != nil {
			return failed(errors.Join(err, spoolErr))
		}
		a.reason = contract.ReasonSpooled
	case result.Outcome == starter.NotRunning:
		if !known || !p.waits(ctx) {
			a = nothingToResolve()
			break
		}
		// Its start may still wait in the spool: the resolve follows it there, which
		// keeps the order of a key. The drainer drops it when nothing runs.
		if err := p.keep(ctx, cmd); err != nil {
			return failed(err)
		}
		a.reason = contract.ReasonSpooled
	}
	if err := p.Windows.Release(ctx, claim.Source, sub.claim.Window, claim.WorkflowID); err != nil {
		p.warn(ctx, "the window of a resolved alert stays until it ends", sub, err)
	}
	return a
}

// waits reports whether anything may wait in the spool. Without a durable one nothing
// does: nobody was promised a start that Temporal had not taken.
func (p *pipeline) waits(ctx context.Context) bool {
	if p.Backlog == nil {
		return false
	}
	n, err := p.Backlog(ctx)
	return err != nil || n > 0
}
