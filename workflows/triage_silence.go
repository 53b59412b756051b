package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// changeEndedEarly is the change from which on an incident whose silence was ended
// early stays quiet while another silence holds it.
const changeEndedEarly = "silence-ended-early-asks"

// hush holds the incident back for as long as its silence lasts: it counts and
// is recorded, and nobody is told. It reports whether the incident ended
// meanwhile; if not, people are to be told of it now.
func (t *triage) hush(ctx workflow.Context) (result contract.TriageResult, ended bool, err error) {
	for {
		outcome, err := t.held(ctx)
		switch {
		case errors.Is(err, errContinue):
			return result, true, t.continueAsNew(ctx)
		case err != nil:
			return result, true, t.cancelled(ctx, err)
		case outcome == "":
			t.enter(ctx, contract.PhaseOpening)
			return result, false, nil
		}
		if t.close(ctx, outcome) {
			return t.result(outcome), true, nil
		}
		t.enter(ctx, contract.PhaseSilenced)
	}
}

// held waits until the incident may be raised, and then returns "", or until
// there is nothing to raise any more: it was resolved. That nothing was heard of
// it for long says nothing, because many senders tell once and never repeat.
func (t *triage) held(ctx workflow.Context) (string, error) {
	for {
		t.drain(ctx)
		now := workflow.Now(ctx)
		s := t.state.Silence
		over := s == nil || s.Ended != nil || !s.Until.After(now)
		switch {
		case t.state.Status == incident.StatusResolved:
			return OutcomeResolved, nil
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested() && !over:
			return "", errContinue
		case s == nil:
			return "", nil
		case over && t.extended(ctx):
			continue
		case over && s.Ended != nil:
			t.endSilence(ctx, contract.IncidentAction{Actor: s.Ended.Actor, Reason: s.Ended.Reason})
			continue
		case over:
			t.endSilence(ctx, contract.IncidentAction{Actor: byNerve})
			continue
		case s.Worse:
			t.reconsider(ctx)
			continue
		}
		if err := t.sleep(ctx, s.Until.Sub(now), "End of the silence"); err != nil {
			return "", err
		}
	}
}

// extended asks whether another silence holds the incident now, as when a
// maintenance takes longer than was planned, or two silences overlap. When nobody can tell, none does.
func (t *triage) extended(ctx workflow.Context) bool {
	next := t.holding(ctx, "Does another silence hold it?")
	if next == nil || next.ID == t.state.Silence.ID {
		return false
	}
	t.silence(ctx, *next)
	t.changed(ctx)
	return true
}

// holding asks which silence holds the incident now: nil when none does, or when
// nobody can tell.
func (t *triage) holding(ctx workflow.Context, summary string) *contract.Silencing {
	var next *contract.Silencing
	err := workflow.ExecuteActivity(with(ctx, stepSilence, summary), acts.Silenced, activities.SilencedInput{
		Signal: t.unsealed(), Salt: t.in.Salt,
	}).Get(ctx, &next)
	if err != nil {
		workflow.GetLogger(ctx).Warn("silences not asked for: the incident is raised", "error", err)
		return nil
	}
	if next == nil || !next.Until.After(workflow.Now(ctx)) {
		return nil
	}
	return next
}

// reconsider has an incident that came again, and worse, be raised unless a silence
// holds that, too: one for what is mild is none for what is critical.
func (t *triage) reconsider(ctx workflow.Context) {
	next := t.holding(ctx, "Is what is worse silenced, too?")
	held := *t.state.Silence
	switch {
	case next == nil:
		t.did(ctx, contract.IncidentAction{Kind: contract.ActionSilenceEnded, Actor: byNerve, Target: held.ID})
		t.lift(ctx, fmt.Sprintf("Raised: its severity is %s now, which no silence is known to hold.", t.in.Signal.Severity), "")
		return
	case next.ID != held.ID:
		held = *next
		t.silence(ctx, held)
	}
	held.Worse = false
	t.state.Silence = &held
	t.changed(ctx)
}

// silence has a silence hold the incident.
func (t *triage) silence(ctx workflow.Context, s contract.Silencing) {
	t.state.Silence = &s
	t.did(ctx, contract.IncidentAction{Kind: contract.ActionSilenced, Actor: byNerve, Until: s.Until, Target: s.ID})
}

// endSilence raises the incident: from here on it is like any other.
func (t *triage) endSilence(ctx workflow.Context, a contract.IncidentAction) {
	a.Kind, a.Target = contract.ActionSilenceEnded, t.state.Silence.ID
	t.did(ctx, a)
	text := fmt.Sprintf("Raised: the silence %s ended.", a.Target)
	if a.Actor.Via != audit.ViaSystem {
		text = fmt.Sprintf("Raised: the silence %s was ended by %s.", a.Target, a.Actor.Person)
	}
	t.lift(ctx, text, a.Reason)
}

// lift ends what held the incident back, and has people told why.
func (t *triage) lift(ctx workflow.Context, text, reason string) {
	if since := workflow.Now(ctx).Sub(t.state.OpenedAt).Round(time.Minute); since > 0 {
		text += fmt.Sprintf(" It has fired since %s, %d times.", clock(t.state.OpenedAt), t.state.Occurrences)
	}
	t.state.Silence = nil
	t.note(ctx, contract.ActionSilenceEnded, text, reason)
	t.changed(ctx)
}

// release takes in that a silence was ended early. Whether the incident is raised
// now is for held to find out: another silence may hold it, too. An incident whose
// history was recorded before that was asked is raised at once.
func (t *triage) release(ctx workflow.Context) {
	ended := workflow.GetSignalChannel(ctx, contract.SignalSilenceEnded)
	var e contract.SilenceEnded
	for ended.ReceiveAsync(&e) {
		if s := t.state.Silence; s != nil && s.ID == e.ID && s.Ended == nil {
			if workflow.GetVersion(ctx, changeEndedEarly, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
				t.endSilence(ctx, contract.IncidentAction{Actor: e.Actor, Reason: e.Reason})
			} else {
				t.state.Silence = &contract.Silencing{ID: s.ID, Until: s.Until, Ended: &contract.SilenceEnded{ID: e.ID, Actor: e.Actor, Reason: e.Reason}}
			}
		}
		e = contract.SilenceEnded{}
	}
}
