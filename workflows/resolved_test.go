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

// over is the state of an incident that failed and that somebody has resolved.
func (b *bundle) over() *contract.TriageState {
	return &contract.TriageState{
		Phase: contract.PhaseOpen, Status: incident.StatusResolved, ResolvedBy: "alex", Occurrences: 3,
		OpenedAt: b.env.Now().Add(-time.Hour), LastSeen: b.env.Now().Add(-time.Hour), Seen: []string{"d1"},
	}
}

func TestTriageOnlyClosesWhatFailedAndWasResolved(t *testing.T) {
	t.Parallel()
	for name, slackErr := range map[string]error{"Slack is back": nil, "Slack still refuses": final{"slack/is_archived"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.answerErr, b.toolErr = slackErr, errPassing
			b.in.State = b.over()
			b.in.State.Verdict = &incident.Verdict{Summary: "the disk is full"}
			b.run()

			r := b.result(t)
			assert.Equal(t, workflows.OutcomeResolved, r.Outcome)
			assert.Equal(t, "alex", r.ResolvedBy)
			assert.Equal(t, []string{"w1"}, b.released)
			assert.Equal(t, []string{"white_check_mark"}, b.reactions)
			last := b.lastRecord()
			assert.Equal(t, contract.PhaseClosed, last.Phase)
			assert.Equal(t, int64(3), last.Occurrences)
			assert.Empty(t, last.Failure)
			assert.False(t, last.ClosedAt.IsZero())
			if slackErr == nil {
				require.Len(t, b.answers, 1)
				assert.Equal(t, "the disk is full", b.answers[0].Verdict.Summary, "nothing was looked into again")
			}
		})
	}
}

func TestTriageTellsOfWhatFiresAgainAfterItFailedWithoutAHeadline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.in.Signal.Slack, b.in.Route.Channel = nil, "C0ALERTS01"
	b.in.State = b.over()
	b.recordErr = errPassing // so that it is still closing when the alert fires again
	b.occurAt(time.Minute, contract.Occurrence{DeliveryID: "d2"})
	b.env.RegisterDelayedCallback(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.recordErr = nil
	}, 2*time.Minute)
	b.run()

	assert.Equal(t, workflows.OutcomeQuiet, b.result(t).Outcome)
	require.NotEmpty(t, b.headlines)
	require.NotEmpty(t, b.answers)
	assert.Equal(t, incident.StatusFiring, b.lastAnswer().Status)
}

// Whoever came first has resolved it. The next is told so, and the sender, who
// only says what everybody knows by then, takes nobody's place.
func TestResolvedOnceByWhoeverCameFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env.RegisterDelayedCallback(func() { b.set(errPassing) }, 59*time.Second) // it cannot close yet
	b.decideAt(time.Minute, contract.UpdateResolve)
	b.resolveAt(61*time.Second, "d9")
	refused := map[string]*outcome{contract.UpdateResolve: {}, contract.UpdateAcknowledge: {}, contract.UpdateSnooze: {}}
	b.env.RegisterDelayedCallback(func() {
		d := contract.Decision{By: "sam", Reason: "late"}
		b.env.UpdateWorkflow(contract.UpdateResolve, "u1", refused[contract.UpdateResolve], d)
		b.env.UpdateWorkflow(contract.UpdateAcknowledge, "u2", refused[contract.UpdateAcknowledge], d)
		b.env.UpdateWorkflow(contract.UpdateSnooze, "u3", refused[contract.UpdateSnooze], contract.Snooze{Actor: onCall, Until: b.env.Now().Add(time.Hour)})
	}, 62*time.Second)
	b.env.RegisterDelayedCallback(func() { b.set(nil) }, 2*time.Minute)
	b.run()

	assert.Equal(t, "alex", b.result(t).ResolvedBy)
	for update, got := range refused {
		var app *temporal.ApplicationError
		require.ErrorAs(t, got.rejected, &app, update)
		assert.Equal(t, contract.ErrorState, app.Type(), update)
	}
	assert.Equal(t, []contract.ActionKind{contract.ActionResolved}, kinds(b.lastRecord().Actions))
	require.Len(t, b.notes, 1)
	assert.Contains(t, b.notes[0], "Resolved by alex.")
}
