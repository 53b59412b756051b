package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/workflows"
)

var onCall = audit.Actor{Person: "alex", Via: audit.ViaCLI}

// snoozeAt snoozes the incident from a moment on, for a time.
func (b *bundle) snoozeAt(at, length time.Duration) *outcome {
	var got outcome
	until := b.env.Now().Add(at + length)
	b.env.RegisterDelayedCallback(func() {
		b.env.UpdateWorkflow(contract.UpdateSnooze, "z"+at.String(), &got, contract.Snooze{Actor: onCall, Until: until, Reason: "known, fixed tomorrow"})
	}, at)
	return &got
}

// decideAt acknowledges or resolves.
func (b *bundle) decideAt(at time.Duration, update string) {
	b.env.RegisterDelayedCallback(func() {
		b.env.UpdateWorkflow(update, update+at.String(), &outcome{}, contract.Decision{By: "alex", Reason: "on it"})
	}, at)
}

// edits counts the edits of the answer at a moment.
func (b *bundle) editsAt(at time.Duration) *int {
	var n int
	b.env.RegisterDelayedCallback(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		n = len(b.answers)
	}, at)
	return &n
}

func kinds(actions []contract.IncidentAction) []contract.ActionKind {
	all := make([]contract.ActionKind, len(actions))
	for i, a := range actions {
		all[i] = a.Kind
	}
	return all
}

func TestSnoozeIsQuietAndCountsOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.snoozeAt(time.Minute, 3*time.Hour)
	begun := b.editsAt(2 * time.Minute)
	b.occurAt(30*time.Minute, contract.Occurrence{DeliveryID: "d2"})
	b.occurAt(150*time.Minute, contract.Occurrence{DeliveryID: "d5", Count: 5})
	meanwhile := b.editsAt(3 * time.Hour)
	b.resolveAt(182*time.Minute, "d9")
	b.run()

	assert.EqualValues(t, 5, b.result(t).Occurrences)
	require.NoError(t, got.err)
	assert.Equal(t, 2, *begun, "the answer says that it is snoozed")
	assert.Equal(t, 2, *meanwhile, "nothing is edited while it is snoozed, and it does not close")
	assert.Equal(t, "alex", b.answers[1].SnoozedBy)
	assert.Equal(t, []string{"eyes", "white_check_mark", "zzz", "white_check_mark"}, b.reactions)
	require.Len(t, b.notes, 3)
	assert.Contains(t, b.notes[0], "Snoozed by alex until ")
	assert.Contains(t, b.notes[0], "Reason: known, fixed tomorrow")
	assert.Contains(t, b.notes[1], "The snooze is over and it still fires: seen 4 more times")
	assert.Contains(t, b.notes[2], "Resolved by the sender.")
	assert.True(t, b.answers[2].SnoozedUntil.IsZero())
	assert.EqualValues(t, 5, b.answers[2].Occurrences)
	last := b.lastRecord()
	assert.Equal(t, []contract.ActionKind{contract.ActionSnoozed, contract.ActionSnoozeEnded, contract.ActionResolved}, kinds(last.Actions))
	snoozed := last.Actions[0]
	assert.True(t, snoozed.Decided())
	assert.Equal(t, onCall, snoozed.Actor)
	assert.Contains(t, snoozed.Ref, "z1m0s")
	assert.False(t, last.Actions[2].Decided(), "the sender is nobody")
	assert.True(t, last.SnoozedUntil.IsZero())
}

func TestSnoozeIsRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.snoozeAt(time.Minute, time.Hour)
	var until time.Time
	start := b.env.Now()
	b.env.RegisterDelayedCallback(func() { until = b.lastRecord().SnoozedUntil }, 2*time.Minute)
	b.run()
	b.result(t)
	assert.Equal(t, 61*time.Minute, until.Sub(start))
}

func TestSnoozeEndsWithADecision(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.snoozeAt(time.Minute, 3*time.Hour)
	b.decideAt(10*time.Minute, contract.UpdateAcknowledge)
	acknowledged := b.editsAt(11 * time.Minute)
	b.snoozeAt(20*time.Minute, 3*time.Hour)
	b.decideAt(30*time.Minute, contract.UpdateResolve)
	start := b.env.Now()
	b.run()

	assert.Equal(t, workflows.OutcomeResolved, b.result(t).Outcome)
	assert.Less(t, b.env.Now().Sub(start), time.Hour)
	assert.Equal(t, 3, *acknowledged)
	assert.Equal(t, incident.StatusAcknowledged, b.answers[2].Status)
	assert.True(t, b.answers[2].SnoozedUntil.IsZero())
	assert.Equal(t, []string{"eyes", "white_check_mark", "zzz", "white_check_mark", "zzz", "white_check_mark"}, b.reactions)
	assert.Equal(t, []contract.ActionKind{
		contract.ActionSnoozed, contract.ActionAcknowledged, contract.ActionSnoozed, contract.ActionResolved,
	}, kinds(b.lastRecord().Actions))
	assert.Contains(t, b.notes[1], "alex is on it. Reason: on it")
}

func TestSnoozeThatNobodyHeardOfClosesQuietly(t *testing.T) {
	t.Parallel()
	b := setup(t) // quiet after an hour
	b.snoozeAt(time.Minute, 3*time.Hour)
	b.run()
	assert.Equal(t, workflows.OutcomeQuiet, b.result(t).Outcome)
	assert.Len(t, b.notes, 1, "there is no word of what is over")
	assert.Equal(t, "white_check_mark", b.reactions[len(b.reactions)-1], "nothing goes on looking snoozed")
	assert.True(t, b.lastAnswer().SnoozedUntil.IsZero())
}

func TestSnoozeThatIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var past, long, nobody outcome
	now := b.env.Now()
	b.env.RegisterDelayedCallback(func() {
		b.env.UpdateWorkflow(contract.UpdateSnooze, "u1", &past, contract.Snooze{Actor: onCall, Until: now})
		b.env.UpdateWorkflow(contract.UpdateSnooze, "u2", &long, contract.Snooze{Actor: onCall, Until: now.Add(8 * 24 * time.Hour)})
		b.env.UpdateWorkflow(contract.UpdateSnooze, "u3", &nobody, contract.Snooze{Until: now.Add(time.Hour)})
	}, time.Minute)
	b.run()
	b.result(t)
	require.ErrorContains(t, past.rejected, "ends before it begins")
	require.ErrorContains(t, long.rejected, "the longest snooze is 168h")
	require.ErrorContains(t, nobody.rejected, "say who decides")
	assert.Empty(t, b.notes)
	assert.Empty(t, b.lastRecord().Actions)
}

// A run that goes on in the middle of a snooze neither edits nor forgets it.
func TestSnoozeOutlivesItsRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.in.State = &contract.TriageState{
		Phase: contract.PhaseOpen, Status: incident.StatusFiring, Occurrences: 7, LastSeen: b.env.Now(), OpenedAt: b.env.Now(),
		Light: "zzz", VerdictTS: "2.000002", Verdict: &incident.Verdict{Summary: "s"}, SnoozedAt: 6,
		Snoozed: &contract.Snooze{Actor: onCall, Until: b.env.Now().Add(30 * time.Minute)},
	}
	meanwhile := b.editsAt(29 * time.Minute)
	b.run()
	b.result(t)
	assert.Zero(t, *meanwhile)
	require.Len(t, b.notes, 1)
	assert.Contains(t, b.notes[0], "seen 1 more times")
}

func TestReopeningIsSaidInTheThread(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.decideAt(time.Minute, contract.UpdateResolve)
	b.env.RegisterDelayedCallback(func() { b.set(errPassing) }, 59*time.Second) // so that it is still closing
	b.occurAt(2*time.Minute, contract.Occurrence{DeliveryID: "d3"})
	b.env.RegisterDelayedCallback(func() { b.set(nil) }, 5*time.Minute)
	b.run()
	b.result(t)
	require.Len(t, b.notes, 2)
	assert.Equal(t, "It fired again after it was resolved by alex: open again.", b.notes[1])
	assert.Equal(t, []contract.ActionKind{contract.ActionResolved, contract.ActionReopened}, kinds(b.lastRecord().Actions))
}

// set takes the record away, or gives it back.
func (b *bundle) set(recordErr error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recordErr = recordErr
}

func TestARerunIsKeptAndNoted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 2 {
		b.env.RegisterDelayedCallback(func() {
			b.env.SignalWorkflow(contract.SignalAction, contract.IncidentAction{Ref: "w/r/rerun", Kind: contract.ActionRerun, Actor: onCall, Reason: "the channel is back"})
		}, time.Minute)
	}
	b.run()
	b.result(t)
	assert.Equal(t, []string{"alex had nerve go on from the step that had failed. Reason: the channel is back"}, b.notes)
	assert.Equal(t, []contract.ActionKind{contract.ActionRerun}, kinds(b.lastRecord().Actions))
}

func TestActionsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.in.State = &contract.TriageState{
		Phase: contract.PhaseOpen, Status: incident.StatusFiring, Occurrences: 1, LastSeen: b.env.Now(), OpenedAt: b.env.Now(),
		Verdict: &incident.Verdict{}, VerdictTS: "2.000002",
	}
	for range contract.MaxActions {
		b.in.State.Actions = append(b.in.State.Actions, contract.IncidentAction{Kind: contract.ActionReopened})
	}
	b.in.State.Actions[0] = contract.IncidentAction{Ref: "kept", Kind: contract.ActionAcknowledged, Actor: alex}
	b.decideAt(time.Minute, contract.UpdateResolve)
	b.run()
	b.result(t)
	got := b.lastRecord().Actions
	require.Len(t, got, contract.MaxActions)
	assert.Equal(t, "kept", got[0].Ref, "what a person decided goes last")
	assert.Equal(t, contract.ActionResolved, got[contract.MaxActions-1].Kind)
}
