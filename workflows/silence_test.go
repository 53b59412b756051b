package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/workflows"
)

// silenced is an alert that a silence holds for a time.
func silenced(t *testing.T, d time.Duration) *bundle {
	t.Helper()
	b := setup(t)
	b.in.Silence = &contract.Silencing{ID: "s1", Until: b.env.Now().Add(d)}
	b.in.Route.QuietPeriod = 24 * time.Hour
	return b
}

// quietAt says whether nothing at all was told until a moment.
func (b *bundle) quietAt(at time.Duration) *bool {
	var quiet bool
	b.env.RegisterDelayedCallback(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		quiet = len(b.reactions)+len(b.answers)+len(b.headlines)+len(b.notes) == 0 &&
			b.records[len(b.records)-1].Phase == contract.PhaseSilenced
	}, at)
	return &quiet
}

func TestSilencedIsRaisedWhenTheWindowEnds(t *testing.T) {
	t.Parallel()
	for name, slack := range map[string]bool{"in Slack": true, "with a headline": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := silenced(t, 2*time.Hour)
			if !slack {
				b.in.Signal.Slack, b.in.Route.Channel = nil, "C0ALERTS01"
			}
			b.occurAt(time.Hour, contract.Occurrence{DeliveryID: "d2", Count: 5})
			held := b.quietAt(119 * time.Minute)
			b.resolveAt(3*time.Hour, "d9")
			b.run()

			assert.Equal(t, workflows.OutcomeResolved, b.result(t).Outcome)
			assert.True(t, *held)
			require.NotEmpty(t, b.answers)
			assert.EqualValues(t, 5, b.answers[0].Occurrences, "what came meanwhile was counted")
			assert.Equal(t, "a disk is filling up", b.answers[0].Verdict.LikelyCause, "it goes on like any other")
			require.Len(t, b.notes, 2)
			assert.Contains(t, b.notes[0], "Raised: the silence s1 ended. It has fired since ")
			assert.Contains(t, b.notes[0], ", 5 times.")
			assert.Equal(t, []contract.ActionKind{contract.ActionSilenced, contract.ActionSilenceEnded, contract.ActionResolved}, kinds(b.lastRecord().Actions))
		})
	}
}

func TestSilencedEndsQuietlyWhenItIsResolved(t *testing.T) {
	t.Parallel()
	b := silenced(t, 2*time.Hour)
	b.resolveAt(time.Hour, "d9")
	start := b.env.Now()
	b.run()

	assert.Equal(t, workflows.OutcomeResolved, b.result(t).Outcome)
	assert.Less(t, b.env.Now().Sub(start), 2*time.Hour)
	assert.Empty(t, b.reactions)
	assert.Empty(t, b.answers)
	assert.Empty(t, b.notes)
	assert.Equal(t, []string{"w1"}, b.released)
	assert.Equal(t, contract.PhaseClosed, b.lastRecord().Phase)
}

// A sender that tells once and never repeats is not to be lost to a silence that
// is longer than the quiet period: a weekend of maintenance.
func TestSilencedForLongerThanItsQuietPeriodIsRaised(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]time.Duration{"at its end": 0, "ended early": 30 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := silenced(t, 60*time.Hour)
			at := 60 * time.Hour
			if end > 0 {
				at = end
				b.env.RegisterDelayedCallback(func() {
					b.env.SignalWorkflow(contract.SignalSilenceEnded, contract.SilenceEnded{ID: "s1", Actor: onCall})
				}, at)
			}
			held, start := b.quietAt(at-time.Minute), b.env.Now()
			b.run()
			assert.Equal(t, workflows.OutcomeQuiet, b.result(t).Outcome)
			assert.True(t, *held)
			require.NotEmpty(t, b.answers, "somebody was told")
			require.NotEmpty(t, b.notes)
			assert.Contains(t, b.notes[0], "Raised: the silence s1 ")
			assert.GreaterOrEqual(t, b.env.Now().Sub(start), at+24*time.Hour, "it stays open for as long as one that was raised at once")
		})
	}
}

func TestSilencedIsHeldAgainWhenItFiresWhileItCloses(t *testing.T) {
	t.Parallel()
	b := silenced(t, 2*time.Hour)
	b.resolveAt(time.Minute, "d2")
	b.env.RegisterDelayedCallback(func() { b.set(errPassing) }, 59*time.Second)
	b.occurAt(2*time.Minute, contract.Occurrence{DeliveryID: "d3"})
	b.env.RegisterDelayedCallback(func() { b.set(nil) }, 3*time.Minute)
	held := b.quietAt(119 * time.Minute)
	b.run()
	b.result(t)
	assert.True(t, *held)
	assert.Equal(t, incident.StatusFiring, b.answers[0].Status)
}

func TestSilenceEndedEarlyRaisesWhatItHolds(t *testing.T) {
	t.Parallel()
	b := silenced(t, 10*time.Hour)
	for id, at := range map[string]time.Duration{"another": 30 * time.Minute, "s1": time.Hour} {
		b.env.RegisterDelayedCallback(func() {
			b.env.SignalWorkflow(contract.SignalSilenceEnded, contract.SilenceEnded{ID: id, Actor: onCall, Reason: "done sooner"})
		}, at)
	}
	held := b.quietAt(59 * time.Minute)
	raised := b.editsAt(61 * time.Minute)
	b.run()
	b.result(t)
	assert.True(t, *held, "another silence is none of its business")
	assert.Equal(t, 1, *raised)
	assert.Contains(t, b.notes[0], "Raised: the silence s1 was ended by alex.")
	assert.Contains(t, b.notes[0], "Reason: done sooner")
	ended := b.lastRecord().Actions[1]
	assert.Equal(t, contract.ActionSilenceEnded, ended.Kind)
	assert.Equal(t, "s1", ended.Target)
	assert.False(t, ended.Decided(), "the audit log has it once, from who ended the silence")
}

func TestSilenceEndedEarlyLeavesToAnotherWhatThatHolds(t *testing.T) {
	t.Parallel()
	b := silenced(t, 10*time.Hour)
	b.held = &contract.Silencing{ID: "s2", Until: b.env.Now().Add(5 * time.Hour)}
	b.env.RegisterDelayedCallback(func() {
		b.env.SignalWorkflow(contract.SignalSilenceEnded, contract.SilenceEnded{ID: "s1", Actor: onCall, Reason: "done sooner"})
		b.env.SignalWorkflow(contract.SignalSilenceEnded, contract.SilenceEnded{ID: "s1", Actor: onCall}) // the worker's sweep
	}, time.Hour)
	b.env.RegisterDelayedCallback(func() {
		b.mu.Lock()
		b.held = nil
		b.mu.Unlock()
		b.env.SignalWorkflow(contract.SignalSilenceEnded, contract.SilenceEnded{ID: "s2", Actor: onCall})
	}, 3*time.Hour)
	held := b.quietAt(179 * time.Minute)
	raised := b.editsAt(181 * time.Minute)
	b.run()
	b.result(t)
	assert.True(t, *held)
	assert.Equal(t, 1, *raised)
	assert.Contains(t, b.notes[0], "Raised: the silence s2 was ended by alex.")
	var targets []string
	for _, a := range b.lastRecord().Actions[:3] {
		targets = append(targets, string(a.Kind)+" "+a.Target)
	}
	assert.Equal(t, []string{"incident.silence s1", "incident.silence s2", "incident.silence_end s2"}, targets)
}

func TestSilenceIsExtendedByAnother(t *testing.T) {
	t.Parallel()
	b := silenced(t, time.Hour)
	b.held = &contract.Silencing{ID: "s2", Until: b.env.Now().Add(2 * time.Hour)}
	held := b.quietAt(119 * time.Minute)
	raised := b.editsAt(121 * time.Minute)
	b.env.RegisterDelayedCallback(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.held = nil
	}, 90*time.Minute)
	b.run()
	b.result(t)
	assert.True(t, *held)
	assert.Equal(t, 1, *raised)
	assert.Contains(t, b.notes[0], "the silence s2 ended")
}

func TestSilenceThatIsOverHoldsNothing(t *testing.T) {
	t.Parallel()
	b := silenced(t, 0)
	raised := b.editsAt(time.Minute)
	b.run()
	b.result(t)
	assert.Equal(t, 1, *raised, "it waited in the spool for longer than the window")
	assert.Empty(t, b.lastRecord().Actions)
}

func TestSilencedTakesDecisionsButNoSnooze(t *testing.T) {
	t.Parallel()
	b := silenced(t, 2*time.Hour)
	snooze := b.snoozeAt(time.Minute, time.Hour)
	b.decideAt(time.Hour, contract.UpdateResolve)
	b.run()
	assert.Equal(t, "alex", b.result(t).ResolvedBy)
	require.ErrorContains(t, snooze.rejected, "silenced, and quiet already")
	assert.Empty(t, b.answers)
	assert.Empty(t, b.notes)
}

func TestSilencedThatIsCancelledStaysQuiet(t *testing.T) {
	t.Parallel()
	b := silenced(t, 2*time.Hour)
	b.env.RegisterDelayedCallback(b.env.CancelWorkflow, time.Minute)
	b.run()
	require.True(t, temporal.IsCanceledError(b.env.GetWorkflowError()))
	assert.Empty(t, b.reactions)
	assert.Equal(t, contract.PhaseClosed, b.lastRecord().Phase)
}

func TestSilencedGoesOnInANewRun(t *testing.T) {
	t.Parallel()
	b := silenced(t, 2*time.Hour)
	b.in.State = &contract.TriageState{
		Phase: contract.PhaseSilenced, Status: incident.StatusFiring, Occurrences: 7, LastSeen: b.env.Now(), OpenedAt: b.env.Now(),
		Silence: b.in.Silence, Seen: []string{"d1"},
	}
	meanwhile := b.editsAt(time.Hour)
	b.run()
	b.result(t)
	assert.Zero(t, *meanwhile)
	require.NotEmpty(t, b.answers)
	assert.EqualValues(t, 7, b.answers[0].Occurrences)
}
