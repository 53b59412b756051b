package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

const (
	// changeNotes is the change from which on decisions are told in the thread.
	changeNotes = "notes"
	// changeRises is the change from which on severity rises, with the severity that it
	// rises to behind it.
	changeRises = "severity-rises-to-"
	// maxReason is how much of a reason is kept, in characters.
	maxReason = 500
	maxPerson = 200
)

// The actors that are nobody in particular.
var (
	bySender = audit.Actor{Person: "the sender", Via: audit.ViaSystem}
	byNerve  = audit.Actor{Person: "nerve", Via: audit.ViaSystem}
)

// note is a message on its way to the incident's thread.
type note struct{ key, text, reason string }

// did keeps an action, once for its name, and as of now unless it says when, as one
// that a failed run had taken in does. What no person decided goes first when
// there are too many: the audit log has no second source of the others until
// they are recorded.
func (t *triage) did(ctx workflow.Context, a contract.IncidentAction) bool {
	known := func(k contract.IncidentAction) bool { return a.Ref != "" && k.Ref == a.Ref }
	if slices.ContainsFunc(t.state.Actions, known) {
		return false
	}
	if a.At.IsZero() {
		a.At = workflow.Now(ctx)
	}
	a.Reason = incident.Cut(a.Reason, maxReason)
	a.Actor.Person = incident.Cut(a.Actor.Person, maxPerson)
	t.state.Actions = append(slices.Clip(t.state.Actions), a)
	for len(t.state.Actions) > contract.MaxActions {
		first := slices.IndexFunc(t.state.Actions, func(k contract.IncidentAction) bool { return !k.Decided() })
		t.state.Actions = slices.Delete(t.state.Actions, max(0, first), max(0, first)+1)
	}
	return true
}

// ref names a decision for ever: the run that it was made in, over resets, and
// the update that brought it.
func (t *triage) ref(ctx workflow.Context) string {
	name := ""
	if u := workflow.GetCurrentUpdateInfo(ctx); u != nil {
		name = u.ID
	}
	return t.id + "/" + workflow.GetInfo(ctx).OriginalRunID + "/" + name
}

// note has something said in the thread, with the next edit. An incident whose
// history was recorded before there were notes goes on without.
func (t *triage) note(ctx workflow.Context, kind contract.ActionKind, text, reason string) {
	if workflow.GetVersion(ctx, changeNotes, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return
	}
	key := fmt.Sprintf("%s/%s/%d", t.in.Signal.IncidentID, kind, workflow.Now(ctx).UnixMicro())
	t.notes = append(t.notes, note{key, text, incident.Cut(reason, maxReason)})
}

// tell posts what there is to say in the thread. A note that cannot be posted is
// not worth more than its tries: the answer says the same.
func (t *triage) tell(ctx workflow.Context) {
	thread, notes := t.thread(), t.notes
	if thread == nil || t.state.Silence != nil || len(notes) == 0 {
		return
	}
	t.notes = nil
	for _, n := range notes {
		err := workflow.ExecuteActivity(with(ctx, stepNote, "Note in the Slack thread"), acts.Note, activities.NoteInput{
			Thread: *thread, Key: n.key, Text: n.text, Reason: n.reason, Salt: t.in.Salt,
		}).Get(ctx, nil)
		if err != nil {
			workflow.GetLogger(ctx).Warn("note not posted", "error", err)
		}
	}
}

// listen takes in decisions that were carried out elsewhere, beside everything
// else: a rerun is told to an incident that is busy.
func (t *triage) listen(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	told := workflow.GetSignalChannel(ctx, contract.SignalAction)
	for workflow.Await(ctx, func() bool { return told.Len() > 0 }) == nil {
		t.hear(ctx)
	}
}

// hear takes in the decisions that have arrived.
func (t *triage) hear(ctx workflow.Context) {
	told := workflow.GetSignalChannel(ctx, contract.SignalAction)
	var a contract.IncidentAction
	for told.ReceiveAsync(&a) {
		if t.did(ctx, a) {
			if a.Kind == contract.ActionRerun {
				t.note(ctx, a.Kind, a.Actor.Person+" had nerve go on from the step that had failed.", a.Reason)
			}
			t.changed(ctx)
		}
		a = contract.IncidentAction{}
	}
}

// acknowledge says that somebody is on it, which ends a snooze.
func (t *triage) acknowledge(ctx workflow.Context, d contract.Decision) {
	news := t.state.AcknowledgedBy != d.By || t.state.Snoozed != nil
	if t.state.Status != incident.StatusResolved {
		t.state.Status = incident.StatusAcknowledged
	}
	t.state.AcknowledgedBy = d.By
	t.state.Snoozed = nil
	t.did(ctx, contract.IncidentAction{Ref: t.ref(ctx), Kind: contract.ActionAcknowledged, At: since(ctx, d.Made), Actor: d.Who(), Reason: d.Reason})
	if news {
		t.note(ctx, contract.ActionAcknowledged, d.By+" is on it.", d.Reason)
	}
	t.changed(ctx)
}

// decide resolves the incident because somebody says so.
func (t *triage) decide(ctx workflow.Context, d contract.Decision) {
	t.resolve(ctx, d.By, contract.IncidentAction{Ref: t.ref(ctx), At: since(ctx, d.Made), Actor: d.Who(), Reason: d.Reason})
}

// resolve ends the incident. It is whoever came first who has resolved it: the sender
// often says so, too, moments after a person did.
func (t *triage) resolve(ctx workflow.Context, by string, a contract.IncidentAction) {
	if t.state.Status != incident.StatusResolved {
		t.state.Status, t.state.ResolvedBy, t.state.Snoozed = incident.StatusResolved, by, nil
		a.Kind = contract.ActionResolved
		t.did(ctx, a)
		t.note(ctx, a.Kind, "Resolved by "+by+".", a.Reason)
	}
	t.changed(ctx)
}

// raise takes over a severity above the incident's, which is as bad as its alert has
// been at its worst. What somebody snoozed was milder, so a snooze ends; whether a
// silence holds what is worse, too, is for held to find out. A history in which an
// older worker was told of that severity goes on as it was.
func (t *triage) raise(ctx workflow.Context, to incident.Severity) {
	if workflow.GetVersion(ctx, changeRises+string(to), workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return
	}
	text := fmt.Sprintf("It came again, and worse: severity raised from %s to %s.", t.in.Signal.Severity, to)
	t.in.Signal.Severity, t.raised = to, true
	t.did(ctx, contract.IncidentAction{Kind: contract.ActionRaised, Actor: bySender, Target: string(to)})
	if t.state.Snoozed != nil {
		text += fmt.Sprintf(" That ends the snooze of %s.", t.state.Snoozed.Actor.Person)
		t.state.Snoozed = nil
		t.did(ctx, contract.IncidentAction{Kind: contract.ActionSnoozeEnded, Actor: byNerve})
	}
	if s := t.state.Silence; s != nil {
		worse := *s
		worse.Worse = true
		t.state.Silence = &worse
	}
	t.note(ctx, contract.ActionRaised, text, "")
}

// reopen is what an alert that fires after it was resolved does, while its
// incident is not closed yet. After that it opens another.
func (t *triage) reopen(ctx workflow.Context) {
	t.did(ctx, contract.IncidentAction{Kind: contract.ActionReopened, Actor: bySender})
	t.note(ctx, contract.ActionReopened, "It fired again after it was resolved by "+t.state.ResolvedBy+": open again.", "")
	t.state.Status = incident.StatusFiring
	t.state.ResolvedBy = ""
}
