package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

const raisedText = "It came again, and worse: severity raised from high to critical."

func worse(delivery string) contract.Occurrence {
	return contract.Occurrence{DeliveryID: delivery, Severity: incident.SeverityCritical}
}

func TestAnIncidentIsAsBadAsItsAlertWasAtItsWorst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.in.Signal.Slack, b.in.Route.Channel = nil, "C0ALERTS01"
	b.occurAt(time.Minute, contract.Occurrence{DeliveryID: "d2", Severity: incident.SeverityHigh})
	b.occurAt(2*time.Minute, contract.Occurrence{DeliveryID: "d3"}) // of a release that did not say
	calm := b.editsAt(3 * time.Minute)
	b.occurAt(4*time.Minute, worse("d4"))
	b.occurAt(4*time.Minute, worse("d4"))
	told := b.editsAt(5 * time.Minute)
	b.occurAt(6*time.Minute, contract.Occurrence{DeliveryID: "d5", Severity: incident.SeverityInfo})
	b.resolveAt(10*time.Minute, "d9")
	b.run()

	b.result(t)
	assert.Equal(t, incident.SeverityHigh, b.answers[*calm-1].Signal.Severity)
	assert.Equal(t, incident.SeverityCritical, b.answers[*told-1].Signal.Severity, "the answer says so within a minute")
	assert.Equal(t, incident.SeverityCritical, b.headlines[len(b.headlines)-1].Signal.Severity)
	last := b.lastRecord()
	assert.Equal(t, incident.SeverityCritical, last.Signal.Severity, "a milder one later does not make it milder")
	assert.Equal(t, []contract.ActionKind{contract.ActionRaised, contract.ActionResolved}, kinds(last.Actions), "once, whatever came twice")
	assert.Equal(t, "critical", last.Actions[0].Target)
	assert.False(t, last.Actions[0].Decided(), "no person decided it")
	require.Len(t, b.notes, 2)
	assert.Equal(t, raisedText, b.notes[0])
}

// What came while a step was tried is not lost on whoever reads that it failed.
func TestAFailureKnowsHowBadItHasBecome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.answerErr = errPassing
	b.occurAt(time.Minute, worse("d2"))
	b.env.RegisterDelayedCallback(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.answerErr = final{"slack/channel_not_found"}
	}, 2*time.Minute)
	b.run()

	require.Error(t, b.env.GetWorkflowError())
	assert.Equal(t, incident.SeverityCritical, b.lastAnswer().Signal.Severity)
	assert.Contains(t, b.lastAnswer().Failure, "channel_not_found")
	last := b.lastRecord()
	assert.Equal(t, contract.PhaseFailed, last.Phase)
	assert.Equal(t, incident.SeverityCritical, last.Signal.Severity)
	assert.Equal(t, int64(2), last.Occurrences)
}

// What somebody has snoozed was milder.
func TestRaisedEndsASnooze(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.snoozeAt(time.Minute, 3*time.Hour)
	b.occurAt(time.Hour, contract.Occurrence{DeliveryID: "d2", Severity: incident.SeverityHigh})
	quiet := b.editsAt(90 * time.Minute)
	b.occurAt(2*time.Hour, worse("d3"))
	told := b.editsAt(2*time.Hour + time.Minute)
	b.resolveAt(150*time.Minute, "d9")
	b.run()

	b.result(t)
	assert.Equal(t, 2, *quiet, "the answer, and that it is snoozed")
	assert.Equal(t, 3, *told)
	assert.Empty(t, b.answers[2].SnoozedBy)
	assert.Equal(t, []string{"eyes", "white_check_mark", "zzz", "white_check_mark"}, b.reactions)
	assert.Equal(t, raisedText+" That ends the snooze of alex.", b.notes[1])
	assert.Equal(t, []contract.ActionKind{contract.ActionSnoozed, contract.ActionRaised, contract.ActionSnoozeEnded, contract.ActionResolved},
		kinds(b.lastRecord().Actions))
}

func TestRaisedAsksWhetherItIsSilenced(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		held  string // the silence that holds what is worse
		quiet bool
	}{
		"none holds it":              {"", false},
		"the same one holds it, too": {"s1", true},
		"another one holds it":       {"s2", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := silenced(t, 3*time.Hour)
			if tc.held != "" {
				b.held = &contract.Silencing{ID: tc.held, Until: b.env.Now().Add(3 * time.Hour)}
			}
			b.occurAt(time.Hour, contract.Occurrence{DeliveryID: "d2", Severity: incident.SeverityHigh})
			before := b.quietAt(119 * time.Minute)
			b.occurAt(2*time.Hour, worse("d3"))
			after := b.editsAt(2*time.Hour + time.Minute)
			b.resolveAt(4*time.Hour, "d9")
			b.run()

			b.result(t)
			assert.True(t, *before, "what is no worse changes nothing")
			assert.Equal(t, incident.SeverityCritical, b.answers[0].Signal.Severity)
			if tc.quiet {
				assert.Zero(t, *after)
				require.NotEmpty(t, b.notes)
				assert.NotContains(t, b.notes[0], "no silence")
				return
			}
			assert.Equal(t, 1, *after, "it is raised at once")
			require.Len(t, b.notes, 3)
			assert.Equal(t, raisedText, b.notes[0])
			assert.Contains(t, b.notes[1], "Raised: its severity is critical now, which no silence is known to hold. It has fired since ")
			assert.Equal(t, []contract.ActionKind{contract.ActionSilenced, contract.ActionRaised, contract.ActionSilenceEnded, contract.ActionResolved},
				kinds(b.lastRecord().Actions))
		})
	}
}

// A run that ends before it could ask leaves the question to the next.
func TestRaisedAsksInANewRun(t *testing.T) {
	t.Parallel()
	b := silenced(t, 2*time.Hour)
	held := *b.in.Silence
	held.Worse = true
	b.in.State = &contract.TriageState{
		Phase: contract.PhaseSilenced, Status: incident.StatusFiring, Occurrences: 7, LastSeen: b.env.Now(), OpenedAt: b.env.Now(),
		Silence: &held, Seen: []string{"d1"},
	}
	raised := b.editsAt(time.Minute)
	b.run()
	b.result(t)
	assert.Equal(t, 1, *raised)
}
