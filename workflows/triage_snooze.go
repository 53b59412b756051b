package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// snoozeSlack is how much the clock of whoever asks may differ from Temporal's.
const snoozeSlack = time.Minute

// mayBeSnoozed refuses a snooze that makes no sense now.
func (t *triage) mayBeSnoozed(ctx workflow.Context, s contract.Snooze) error {
	if err := t.unchanged(ctx, s.Made, s.Revision); err != nil {
		return err
	}
	if err := t.over(); err != nil {
		return err
	}
	now := workflow.Now(ctx)
	switch {
	case t.state.Silence != nil:
		return temporal.NewApplicationError("the incident is silenced, and quiet already", contract.ErrorState)
	case s.Actor.Check() != nil:
		return errors.New("say who decides: the person is empty")
	case !s.Until.After(now):
		return errors.New("the snooze ends before it begins")
	case s.Until.Sub(now) > contract.MaxSnooze+snoozeSlack:
		return fmt.Errorf("the longest snooze is %s", contract.MaxSnooze)
	}
	return nil
}

// snooze holds edits and notes back from the next edit on, which says so.
func (t *triage) snooze(ctx workflow.Context, s contract.Snooze) {
	at := since(ctx, s.Made)
	s.Revision, s.Made = 0, contract.Made{} // they were about what is gone now
	s.Reason = incident.Cut(s.Reason, maxReason)
	s.Actor.Person = incident.Cut(s.Actor.Person, maxPerson)
	t.state.Snoozed, t.state.SnoozedAt = &s, t.state.Occurrences
	t.did(ctx, contract.IncidentAction{Ref: t.ref(ctx), Kind: contract.ActionSnoozed, At: at, Actor: s.Actor, Reason: s.Reason, Until: s.Until})
	t.note(ctx, contract.ActionSnoozed, fmt.Sprintf("Snoozed by %s until %s. Repeats are counted meanwhile.", s.Actor.Person, clock(s.Until)), s.Reason)
	t.changed(ctx)
}

// wakeUp ends a snooze whose time is over. What was quiet for so long that the
// incident closes needs no word.
func (t *triage) wakeUp(ctx workflow.Context) {
	more := t.state.Occurrences - t.state.SnoozedAt
	t.state.Snoozed = nil
	t.did(ctx, contract.IncidentAction{Kind: contract.ActionSnoozeEnded, Actor: byNerve})
	switch {
	case !t.quietAt().After(workflow.Now(ctx)):
	case more > 0:
		t.note(ctx, contract.ActionSnoozeEnded, fmt.Sprintf("The snooze is over and it still fires: seen %d more times, last %s.", more, clock(t.state.LastSeen)), "")
	default:
		t.note(ctx, contract.ActionSnoozeEnded, "The snooze is over. It did not fire again, and nobody has resolved it.", "")
	}
	t.changed(ctx)
}

// lit is the light that an answered incident has: its own, but for a snooze.
func (t *triage) lit() string {
	switch {
	case t.state.Snoozed != nil:
		return activities.LightSnoozed
	case t.state.Light == activities.LightSnoozed:
		return t.verdictLight()
	default:
		return t.state.Light
	}
}

// clock is a time for people, who may be anywhere.
func clock(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }
