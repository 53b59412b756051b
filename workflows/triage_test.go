package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/analysis"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/workflows"
)

// bundle is one incident in the SDK's test environment with a world around it.
type bundle struct {
	*world
	env *stage
	in  contract.TriageInput
}

func setup(t *testing.T) *bundle {
	t.Helper()
	w := &world{}
	env := newStage(t, activities.Deps{
		Slack: w, Recorder: w, Windows: w, Scrubber: plain{}, Analyst: analysis.Rules{}, Silences: w,
		Tools: map[string]activities.Evidence{
			contract.ToolThread: w, contract.ToolOccurrences: w, contract.ToolPast: w,
		},
		UIURL: "http://127.0.0.1:8233", Namespace: "default",
	})
	return &bundle{world: w, env: env, in: input()}
}

func input() contract.TriageInput {
	return contract.TriageInput{
		Signal: incident.Signal{
			IncidentID: "slack_1770517375_481419", DeduplicationKey: "slack:alert:C0ALERTS01:1770517375.481419",
			Source: "slack", Provider: "slack", Kind: incident.KindAlert,
			Severity: incident.SeverityHigh, Status: incident.StatusFiring,
			Title: "Disk space low on web-01", Timestamp: time.Unix(1770517375, 0).UTC(),
			Slack:      &incident.SlackRef{ChannelID: "C0ALERTS01", MessageTS: "1770517375.481419", ThreadTS: "1770517375.481419"},
			RawPayload: incident.RawPayload{DeliveryID: "d1", Sealed: []byte("sealed")},
		},
		Salt: []byte("salt"), Window: "w1", Route: contract.Route{QuietPeriod: time.Hour},
	}
}

func (b *bundle) run() { b.env.ExecuteWorkflow(contract.WorkflowTriage, b.in) }

func (b *bundle) result(t *testing.T) contract.TriageResult {
	t.Helper()
	require.True(t, b.env.IsWorkflowCompleted())
	require.NoError(t, b.env.GetWorkflowError())
	var r contract.TriageResult
	require.NoError(t, b.env.GetWorkflowResult(&r))
	return r
}

func (b *bundle) occurAt(d time.Duration, o contract.Occurrence) {
	b.env.RegisterDelayedCallback(func() { b.env.SignalWorkflow(contract.SignalOccurrence, o) }, d)
}

func (b *bundle) resolveAt(d time.Duration, id string) {
	b.env.RegisterDelayedCallback(func() { b.env.SignalWorkflow(contract.SignalResolved, contract.Resolved{DeliveryID: id}) }, d)
}

func TestTriageAnswersInTheThreadAndClosesWhenResolved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.resolveAt(time.Minute, "d2")
	b.run()

	r := b.result(t)
	assert.Equal(t, workflows.OutcomeResolved, r.Outcome)
	assert.Equal(t, "the sender", r.ResolvedBy)
	assert.Equal(t, []string{"eyes", "white_check_mark"}, b.reactions)
	require.NotEmpty(t, b.answers)
	first := b.answers[0]
	assert.Equal(t, "a disk is filling up", first.Verdict.LikelyCause)
	assert.NotEmpty(t, first.WorkflowURL)
	assert.Nil(t, first.Signal.RawPayload.Sealed, "raw bytes have no business in a notification")
	assert.Equal(t, []string{"E1", "E2", "E3", "E4"}, evidenceIDs(first.Evidence))
	assert.Equal(t, incident.StatusResolved, b.lastAnswer().Status, "the answer is edited when the incident is over")
	assert.Equal(t, []string{"w1"}, b.released)
	last := b.lastRecord()
	assert.Equal(t, contract.PhaseClosed, last.Phase)
	assert.False(t, last.ClosedAt.IsZero())
	assert.Equal(t, []byte("sealed"), last.Signal.RawPayload.Sealed, "the record keeps the delivery even when Redis does not")
}

func evidenceIDs(evidence []incident.Evidence) []string {
	ids := make([]string, 0, len(evidence))
	for _, e := range evidence {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestTriagePostsAHeadlineForOtherSources(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.in.Signal.Slack = nil
	b.in.Route.Channel = "C0ALERTS01"
	b.run()

	assert.Equal(t, workflows.OutcomeQuiet, b.result(t).Outcome)
	require.Len(t, b.headlines, 1)
	require.Len(t, b.answers, 1)
	assert.Equal(t, []string{"white_check_mark"}, b.reactions)
}

func TestTriageWithoutSlackStillRecords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.in.Signal.Slack = nil
	b.run()

	assert.Equal(t, workflows.OutcomeQuiet, b.result(t).Outcome)
	assert.Empty(t, b.answers)
	assert.Equal(t, contract.PhaseClosed, b.lastRecord().Phase)
}

func TestTriageGoesOnWithoutEvidence(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.toolErr = errPassing
	b.run()

	b.result(t)
	v := b.answers[0].Verdict
	var blind int
	for _, e := range b.answers[0].Evidence {
		if e.Failed {
			blind++
			assert.Contains(t, e.Text, "away for a while")
		}
	}
	assert.Equal(t, 3, blind)
	assert.Contains(t, v.Claims[len(v.Claims)-1].Text, "Could not see")
}

// A record that is away for hours must not keep people waiting for the answer.
func TestTriageAnswersSoonWhileTheRecordIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.in.Signal.Slack, b.in.Route.Channel = nil, "C0ALERTS01"
	b.toolErr, b.recordErr = errPassing, errPassing
	answered := 0
	b.env.RegisterDelayedCallback(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		answered = len(b.answers)
	}, 10*time.Second)
	b.run()

	b.result(t)
	assert.Equal(t, 1, answered, "the answer was not there after ten seconds")
}

func TestTriageFailsVisibly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.answerErr = final{"slack/channel_not_found"}
	b.run()

	require.True(t, b.env.IsWorkflowCompleted())
	var app *temporal.ApplicationError
	require.ErrorAs(t, b.env.GetWorkflowError(), &app)
	assert.Equal(t, workflows.ErrorStepFailed, app.Type())
	assert.Contains(t, app.Message(), "step notify failed: post the answer in the thread: slack/channel_not_found")
	assert.Equal(t, []string{"eyes", "x"}, b.reactions)
	assert.Contains(t, b.lastAnswer().Failure, "channel_not_found", "a note says so where the answer would be")
	assert.Equal(t, contract.PhaseFailed, b.lastRecord().Phase)
}

func TestTriageOutlastsASlackOutage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.answerErr = errPassing
	b.env.RegisterDelayedCallback(func() {
		b.mu.Lock()
		b.answerErr = nil
		b.mu.Unlock()
	}, 3*time.Minute) // the test environment gives up after ten attempts
	b.run()

	assert.Equal(t, workflows.OutcomeQuiet, b.result(t).Outcome)
	assert.Len(t, b.answers, 1)
}

func TestTriageSeenLightIsNotCritical(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.reactErr = final{"slack/not_reactable"}
	b.run()
	b.result(t)
	assert.Len(t, b.answers, 1)
}

func TestTriageCountsEachOccurrenceOnceAndEditsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, o := range []contract.Occurrence{
		{DeliveryID: "d2", Count: 2}, {DeliveryID: "d2", Count: 2}, {DeliveryID: "d5", Count: 5}, {DeliveryID: "d10", Count: 10},
	} {
		b.occurAt(time.Minute, o)
	}
	b.occurAt(2*time.Minute, contract.Occurrence{DeliveryID: "d1"}) // the first delivery again
	b.run()

	assert.Equal(t, int64(10), b.result(t).Occurrences)
	require.Len(t, b.answers, 2, "a burst of occurrences is one edit")
	assert.Equal(t, int64(10), b.answers[1].Occurrences)
}

// A sender's retry that meets the incident which its first attempt has opened
// carries another delivery's id, but the same name of the vendor's.
func TestTriageDoesNotCountTheRetryOfItsOwnDelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.in.Delivery = "e1"
	b.occurAt(time.Minute, contract.Occurrence{DeliveryID: "e1"})
	b.resolveAt(2*time.Minute, "e2")
	b.run()
	assert.EqualValues(t, 1, b.result(t).Occurrences)
}

// A resolve that waited in the spool while the alert fired again ended what was
// before; one that is newer than all that fired closes the incident.
func TestTriageStaysOpenWhenALateResolveIsOlderThanItsAlert(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 2, 8, 2, 22, 55, 0, time.UTC)
	for name, tt := range map[string]struct {
		opened  time.Time
		fired   time.Time
		late    bool
		outcome string
	}{
		"joined since":          {opened: at.Add(-time.Hour), fired: at.Add(time.Second), late: true, outcome: workflows.OutcomeQuiet},
		"opened since":          {opened: at.Add(time.Second), fired: at.Add(-time.Minute), late: true, outcome: workflows.OutcomeQuiet},
		"fired only before":     {opened: at.Add(-time.Hour), fired: at.Add(-time.Second), late: true, outcome: workflows.OutcomeResolved},
		"came straight":         {opened: at.Add(-time.Hour), fired: at.Add(time.Second), outcome: workflows.OutcomeResolved},
		"from an older release": {fired: time.Time{}, late: true, outcome: workflows.OutcomeResolved},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.in.ReceivedAt = tt.opened
			b.occurAt(time.Minute, contract.Occurrence{DeliveryID: "d2", At: tt.fired})
			b.env.RegisterDelayedCallback(func() {
				b.env.SignalWorkflow(contract.SignalResolved, contract.Resolved{DeliveryID: "d3", At: at, Late: tt.late})
			}, 2*time.Minute)
			b.run()
			assert.Equal(t, tt.outcome, b.result(t).Outcome)
		})
	}
}

func TestTriageStaysOpenWhileItKeepsFiring(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := b.env.Now()
	b.occurAt(50*time.Minute, contract.Occurrence{DeliveryID: "d2"})
	b.run()
	b.result(t)
	assert.GreaterOrEqual(t, b.env.Now().Sub(start), 110*time.Minute, "the quiet period starts anew with each occurrence")
}

func TestTriageDecisions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var refused, acknowledged, resolved outcome
	b.env.RegisterDelayedCallback(func() {
		b.env.UpdateWorkflow(contract.UpdateAcknowledge, "u0", &refused, contract.Decision{})
	}, time.Minute)
	b.env.RegisterDelayedCallback(func() {
		b.env.UpdateWorkflow(contract.UpdateAcknowledge, "u1", &acknowledged, contract.Decision{By: "an engineer"})
	}, 2*time.Minute)
	b.env.RegisterDelayedCallback(func() {
		b.env.UpdateWorkflow(contract.UpdateResolve, "u2", &resolved, contract.Decision{By: "an engineer"})
	}, 3*time.Minute)
	b.run()

	r := b.result(t)
	require.ErrorContains(t, refused.rejected, "say who decides")
	require.NoError(t, acknowledged.err)
	require.NoError(t, resolved.err)
	assert.Equal(t, "an engineer", r.ResolvedBy)
	var statuses []incident.Status
	for _, a := range b.answers {
		statuses = append(statuses, a.Status)
	}
	assert.Equal(t, []incident.Status{incident.StatusFiring, incident.StatusAcknowledged, incident.StatusResolved}, statuses)
}

// Of several decisions about one revision the first wins, also when they come in
// one workflow task.
func TestTriageDecisionsAboutOneRevision(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var all [5]outcome
	var early, late, snoozed, whatever outcome
	var first, second int64
	b.env.RegisterDelayedCallback(func() {
		first = b.lastRecord().Revision
		b.env.UpdateWorkflow(contract.UpdateAcknowledge, "early", &early, contract.Decision{By: "an engineer", Revision: first - 1})
		for i := range all {
			b.env.UpdateWorkflow(contract.UpdateAcknowledge, fmt.Sprint("u", i), &all[i], contract.Decision{By: fmt.Sprint("engineer ", i), Revision: first})
		}
	}, time.Minute)
	b.env.RegisterDelayedCallback(func() {
		second = b.lastRecord().Revision
		b.env.UpdateWorkflow(contract.UpdateSnooze, "z", &snoozed, contract.Snooze{Actor: onCall, Until: b.env.Now().Add(time.Hour), Revision: first})
		b.env.UpdateWorkflow(contract.UpdateResolve, "late", &late, contract.Decision{By: "an engineer", Revision: first})
		b.env.UpdateWorkflow(contract.UpdateSnooze, "z2", &outcome{}, contract.Snooze{Actor: onCall, Until: b.env.Now().Add(time.Hour), Revision: second})
		b.env.UpdateWorkflow(contract.UpdateResolve, "whatever", &whatever, contract.Decision{By: "an engineer"})
	}, 2*time.Minute)
	b.run()

	assert.Equal(t, "an engineer", b.result(t).ResolvedBy)
	assert.Greater(t, second, first)
	require.NoError(t, all[0].rejected)
	require.NoError(t, all[0].err)
	for _, refused := range append(all[1:], early, late, snoozed) {
		var failed *temporal.ApplicationError
		require.ErrorAs(t, refused.rejected, &failed)
		assert.Equal(t, contract.ErrorChanged, failed.Type())
	}
	require.NoError(t, whatever.rejected)
	last := b.lastRecord()
	assert.Equal(t, "engineer 0", last.AcknowledgedBy)
	assert.Equal(t, []contract.ActionKind{contract.ActionAcknowledged, contract.ActionSnoozed, contract.ActionResolved}, kinds(last.Actions))
}

// A rerun is told again what the failed run had taken in, with revisions that were
// that run's: it stays decided, as of then.
func TestARerunKeepsWhatWasDecidedInTheFailedRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var acked, snoozed, resolved outcome
	then := b.env.Now().Add(-time.Hour)
	failed := contract.Made{Run: "the run that failed", At: then}
	b.env.RegisterDelayedCallback(func() {
		b.env.UpdateWorkflow(contract.UpdateAcknowledge, "a", &acked, contract.Decision{By: "kim", Revision: 7, Made: failed})
		b.env.UpdateWorkflow(contract.UpdateSnooze, "z", &snoozed, contract.Snooze{Actor: onCall, Until: b.env.Now().Add(time.Hour), Revision: 8, Made: failed})
		b.env.SignalWorkflow(contract.SignalAction, contract.IncidentAction{Ref: "r", Kind: contract.ActionRerun, At: then, Actor: onCall})
	}, time.Minute)
	b.env.RegisterDelayedCallback(func() {
		b.env.UpdateWorkflow(contract.UpdateResolve, "r", &resolved, contract.Decision{By: "kim", Revision: 9, Made: failed})
	}, 2*time.Minute)
	b.run()

	assert.Equal(t, "kim", b.result(t).ResolvedBy)
	for _, o := range []outcome{acked, snoozed, resolved} {
		require.NoError(t, o.rejected)
		require.NoError(t, o.err)
	}
	actions := b.lastRecord().Actions
	assert.ElementsMatch(t, []contract.ActionKind{contract.ActionAcknowledged, contract.ActionSnoozed, contract.ActionRerun, contract.ActionResolved}, kinds(actions))
	for _, a := range actions {
		assert.True(t, then.Equal(a.At), "%s was at %s", a.Kind, a.At)
	}
}

// A run that goes on from another has the revision that was recorded last; one
// from before there were any takes what was decided about anything.
func TestTriageKnowsItsRevisionInANewRun(t *testing.T) {
	t.Parallel()
	for _, known := range []int64{0, 7} {
		b := setup(t)
		b.in.State = &contract.TriageState{
			Phase: contract.PhaseOpen, Status: incident.StatusFiring, Occurrences: 1, OpenedAt: b.env.Now(), LastSeen: b.env.Now(), Revision: known,
		}
		var old, first, second outcome
		b.env.RegisterDelayedCallback(func() {
			b.env.UpdateWorkflow(contract.UpdateAcknowledge, "old", &old, contract.Decision{By: "an engineer", Revision: 6})
			b.env.UpdateWorkflow(contract.UpdateAcknowledge, "first", &first, contract.Decision{By: "an engineer", Revision: 7})
			b.env.UpdateWorkflow(contract.UpdateAcknowledge, "second", &second, contract.Decision{By: "an engineer", Revision: 7})
		}, time.Minute)
		b.run()
		b.result(t)
		if known == 0 {
			require.NoError(t, old.rejected)
			require.Error(t, first.rejected)
		} else {
			require.Error(t, old.rejected)
			require.NoError(t, first.rejected)
		}
		require.Error(t, second.rejected)
	}
}

// outcome takes the callbacks of an update.
type outcome struct {
	rejected, err error
}

func (o *outcome) Accept()                   {}
func (o *outcome) Reject(err error)          { o.rejected = err }
func (o *outcome) Complete(_ any, err error) { o.err = err }

func TestTriageARecordOutageDelaysNoAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.recordErr = errPassing
	var answered time.Time
	start := b.env.Now()
	b.env.RegisterDelayedCallback(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.answers) == 1 {
			answered = b.env.Now()
		}
		b.recordErr = nil
	}, 3*time.Minute)
	b.run()

	b.result(t)
	assert.False(t, answered.IsZero(), "the answer was there while the database was away")
	assert.Equal(t, contract.PhaseClosed, b.lastRecord().Phase, "the record caught up")
	assert.Greater(t, b.env.Now().Sub(start), 3*time.Minute)
}

func TestTriageReopensWhenItFiresWhileClosing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.resolveAt(time.Minute, "d2")
	b.env.RegisterDelayedCallback(func() { // the database is away while the incident closes
		b.mu.Lock()
		b.recordErr = errPassing
		b.mu.Unlock()
	}, 59*time.Second)
	b.occurAt(2*time.Minute, contract.Occurrence{DeliveryID: "d3"})
	b.env.RegisterDelayedCallback(func() {
		b.mu.Lock()
		b.recordErr = nil
		b.mu.Unlock()
	}, 5*time.Minute)
	var reopened bool
	b.env.RegisterDelayedCallback(func() { // while the database is still away
		reopened = b.lastAnswer().Status == incident.StatusFiring
	}, 3*time.Minute)
	b.run()

	r := b.result(t)
	assert.Equal(t, workflows.OutcomeQuiet, r.Outcome, "it was open again until it went quiet")
	assert.Equal(t, int64(2), r.Occurrences)
	assert.Equal(t, incident.StatusFiring, b.lastAnswer().Status)
	assert.True(t, reopened, "an alert that fires again does not wait for the database")
}

func TestTriageCancelledLeavesATrace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env.RegisterDelayedCallback(b.env.CancelWorkflow, time.Minute)
	b.run()
	require.True(t, b.env.IsWorkflowCompleted())
	require.True(t, temporal.IsCanceledError(b.env.GetWorkflowError()))
	assert.Equal(t, "cancelled in Temporal", b.lastRecord().ResolvedBy)
}

func TestTriageContinuesAsNew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env.SetContinueAsNewSuggested(true)
	b.run()
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, b.env.GetWorkflowError(), &next)
	require.Len(t, b.answers, 1)

	b2 := setup(t)
	b2.in.State = &contract.TriageState{
		Phase: contract.PhaseOpen, Status: incident.StatusFiring, Occurrences: 7, LastSeen: b2.env.Now(), OpenedAt: b2.env.Now(),
		Light: "white_check_mark", VerdictTS: "2.000002", Verdict: b.answers[0].Verdict, Seen: []string{"d1"},
	}
	b2.occurAt(time.Minute, contract.Occurrence{DeliveryID: "d1"})
	b2.run()
	assert.Equal(t, int64(7), b2.result(t).Occurrences)
	assert.LessOrEqual(t, len(b2.answers), 1, "a continued incident is not answered anew")
}

// What comes while a run ends is told and recorded like anything else.
func TestTriageContinuesAsNewWithEverythingToldAndRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env.SetContinueAsNewSuggested(true)
	once := false
	b.onRecord = func(rec contract.IncidentRecord) {
		if rec.Phase != contract.PhaseOpen || once {
			return
		}
		once = true
		b.env.SignalWorkflow(contract.SignalOccurrence, contract.Occurrence{DeliveryID: "late"})
		b.env.SignalWorkflow(contract.SignalResolved, contract.Resolved{DeliveryID: "over"})
		b.env.SignalWorkflow(contract.SignalAction, contract.IncidentAction{Ref: "r1", Kind: contract.ActionRerun, Actor: audit.Actor{Person: "alex", Via: audit.ViaCLI}})
	}
	b.run()
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, b.env.GetWorkflowError(), &next)
	var in contract.TriageInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	require.Equal(t, int64(2), in.State.Occurrences)
	assert.Equal(t, int64(2), b.lastRecord().Occurrences, "the record knows what the next run starts with")
	assert.Equal(t, incident.StatusResolved, b.lastRecord().Status)
	kinds := []contract.ActionKind{}
	for _, a := range in.State.Actions {
		kinds = append(kinds, a.Kind)
	}
	assert.ElementsMatch(t, []contract.ActionKind{contract.ActionRerun, contract.ActionResolved}, kinds)
	assert.ElementsMatch(t, []string{
		"alex had nerve go on from the step that had failed.", "Resolved by the sender.",
	}, b.notes)
}

// limited is a rate limit: Slack says how long to wait.
type limited struct{ after time.Duration }

func (e limited) Error() string             { return "slack: reactions.add: ratelimited" }
func (e limited) Code() string              { return "slack/ratelimited" }
func (e limited) Retryable() bool           { return true }
func (e limited) RetryAfter() time.Duration { return e.after }

func TestTriageDoesNotWaitForTheEyes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.reactErr = limited{time.Hour}
	began := b.env.Now()
	var answered time.Duration
	b.onAnswer = func() {
		if len(b.answers) == 1 {
			answered = b.env.Now().Sub(began)
		}
	}
	b.run()
	require.NoError(t, b.env.GetWorkflowError())
	require.NotEmpty(t, b.answers)
	assert.Less(t, answered, time.Minute, "an hour's rate limit on the light is not one on the answer")
}
