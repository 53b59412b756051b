package testsuite

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/slackstand"
)

// onCall is somebody who works on the system's incidents.
func (s *system) onCall() *operator.Operator { return operator.New(s.client, s.dc, s.namespace) }

// find waits until the incident can be found by its id: Temporal lists what was
// started a moment later.
func (s *system) find(id string) operator.Incident {
	s.t.Helper()
	var found operator.Incident
	require.Eventually(s.t, func() bool {
		var err error
		found, err = s.onCall().Find(s.t.Context(), id)
		return err == nil
	}, patience, poll, "incident %s is not listed", id)
	return found
}

// failing sends an alert that Slack refuses for good in one method, and waits
// until its incident has failed.
func (s *system) failing(base, method string, body []byte) said {
	s.t.Helper()
	s.stand.Fail(slackstand.Fault{Method: method, Times: -1, Error: "is_archived"})
	a := s.send(base, "datadog", body)
	require.Equal(s.t, "enqueued", a.Status, a.raw)
	require.Eventually(s.t, func() bool {
		return len(s.runs(`WorkflowType = "Triage" AND ExecutionStatus = "Failed"`)) == 1
	}, patience, poll, "the incident did not fail")
	s.stored([]string{"firing failed"}, "SELECT status || ' ' || phase FROM incidents WHERE id = $1", a.Incident)
	s.stand.ClearFaults()
	return a
}

// dismissed waits until an incident that had failed is closed wherever it shows.
func (s *system) dismissed(id, by string) operator.Detail {
	s.t.Helper()
	var d operator.Detail
	require.Eventually(s.t, func() bool {
		var err error
		d, err = s.onCall().Show(s.t.Context(), id)
		require.NoError(s.t, err)
		return d.Execution == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED.String()
	}, patience, poll, "%s was not closed", id)
	assert.Equal(s.t, "resolved", d.Status)
	assert.Equal(s.t, "closed", d.Phase)
	assert.Empty(s.t, d.Next)
	assert.Equal(s.t, by, d.State.ResolvedBy)
	s.stored([]string{"resolved closed " + by + " t "},
		"SELECT concat_ws(' ', status, phase, resolved_by, closed_at IS NOT NULL, '') || failure FROM incidents WHERE id = $1", id)
	return d
}

// failures are the incidents that the operator is told have failed.
func (s *system) failures() []string {
	s.t.Helper()
	found, err := s.onCall().List(s.t.Context(), operator.Filter{Limit: 10, Failed: true})
	require.NoError(s.t, err)
	ids := []string{}
	for _, i := range found {
		ids = append(ids, i.ID)
	}
	return ids
}

// TestFailedIsResolved fails an incident where its answer should go, and closes
// it without one step being done again.
func TestFailedIsResolved(t *testing.T) {
	t.Parallel()
	s, in, worker := running(t)
	body := fixture(t, "datadog", "triggered")
	a := s.failing(in.url, "conversations.replies", body)
	headline := s.headlines(alerts, a.Incident)[0]
	s.lit(alerts, headline.Timestamp, "x")
	assert.Equal(t, []string{a.Incident}, s.failures())

	op, ctx := s.onCall(), t.Context()
	failed, err := op.Show(ctx, a.Incident)
	require.NoError(t, err)
	assert.Equal(t, []string{operator.NextRerun, operator.NextResolve}, failed.Next)
	_, err = op.Acknowledge(ctx, a.Incident, contract.Decision{By: "alex"})
	require.ErrorIs(t, err, operator.ErrState)
	require.ErrorContains(t, err, "nerve incidents resolve "+a.Incident)
	worker.kill()
	_, err = op.Resolve(ctx, a.Incident, contract.Decision{By: "alex"})
	require.ErrorIs(t, err, operator.ErrNoWorker)
	s.startWorker()

	s.bothResolve(a.Incident)
	s.dismissed(a.Incident, "alex")
	s.lit(alerts, headline.Timestamp, "white_check_mark")
	assert.Contains(t, shown(s.headlines(alerts, a.Incident)[0]), "resolved")
	answers := s.answers(alerts, headline.Timestamp, a.Incident)
	require.Len(t, answers, 1)
	assert.True(t, complete(answers[0]), "the verdict was kept")
	assert.Contains(t, shown(answers[0]), "resolved by alex")
	runs := s.runs(`WorkflowId = "` + failed.WorkflowID + `"`)
	require.Len(t, runs, 2, "the one that failed and the one that closed")
	require.Eventually(t, func() bool { return len(s.failures()) == 0 }, patience, poll, "it is still listed as failed")
	var steps []string
	for _, e := range s.events(failed.WorkflowID, "") {
		if scheduled := e.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			steps = append(steps, scheduled.GetActivityType().GetName())
		}
	}
	assert.Equal(t, []string{"ReleaseWindow", "Headline", "Notify", "SetLight", "Record"}, steps)

	_, err = op.Rerun(ctx, a.Incident, contract.Decision{By: "alex", Reason: "too late"})
	require.ErrorIs(t, err, operator.ErrState)
	_, err = op.Resolve(ctx, a.Incident, contract.Decision{By: "robin"})
	require.ErrorIs(t, err, operator.ErrState)

	again := s.send(in.url, "datadog", refresh(t, "datadog", body, 1))
	require.Equal(t, "enqueued", again.Status, again.raw)
	assert.NotEqual(t, a.Incident, again.Incident)
	s.answered(again.Incident)
}

// bothResolve has two people resolve at once: whoever is refused is told why.
func (s *system) bothResolve(id string) {
	s.t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for n := range errs {
		wg.Go(func() {
			_, errs[n] = s.onCall().Resolve(s.t.Context(), id, contract.Decision{By: "alex", Reason: "a test"})
		})
	}
	wg.Wait()
	if errs[0] != nil && errs[1] != nil {
		require.NoError(s.t, errs[0], "nobody could resolve")
	}
	for _, err := range errs {
		if err != nil {
			s.t.Log("the second was told:", err)
			assert.ErrorIs(s.t, err, operator.ErrState)
		}
	}
}

// TestFailedIsResolvedBesideItsNewerIncident closes an incident whose alert has
// fired again since, and leaves the newer one as it is.
func TestFailedIsResolvedBesideItsNewerIncident(t *testing.T) {
	t.Parallel()
	s, in, _ := running(t)
	body := fixture(t, "datadog", "triggered")
	older := s.failing(in.url, "conversations.replies", body)
	s.find(older.Incident)
	newer := s.send(in.url, "datadog", refresh(t, "datadog", body, 1))
	require.Equal(t, "enqueued", newer.Status, newer.raw)
	require.NotEqual(t, older.Incident, newer.Incident)
	s.answered(newer.Incident)

	op, ctx := s.onCall(), t.Context()
	detail, err := op.Show(ctx, older.Incident)
	require.NoError(t, err)
	assert.Equal(t, newer.Incident, detail.Newer)
	assert.Equal(t, []string{operator.NextResolve}, detail.Next, "a rerun would end the newer one")
	_, err = op.Rerun(ctx, older.Incident, contract.Decision{By: "alex", Reason: "too late"})
	require.ErrorIs(t, err, operator.ErrState)
	before := s.find(newer.Incident)
	s.bothResolve(older.Incident)
	s.dismissed(older.Incident, "alex")
	s.lit(alerts, s.headlines(alerts, older.Incident)[0].Timestamp, "white_check_mark")
	assert.Contains(t, shown(s.headlines(alerts, older.Incident)[0]), "resolved")
	require.Eventually(t, func() bool { return len(s.failures()) == 0 }, patience, poll, "it is still listed as failed")

	after, err := op.Find(ctx, newer.Incident)
	require.NoError(t, err)
	assert.Equal(t, before, after)
	assert.Equal(t, "firing", after.Status)
	repeat := s.send(in.url, "datadog", refresh(t, "datadog", body, 2))
	assert.Equal(t, "debounced", repeat.Status, "the newer incident's window was released: %s", repeat.raw)
	_, err = op.Resolve(ctx, newer.Incident, contract.Decision{By: "robin"})
	require.NoError(t, err)
	s.dismissed(newer.Incident, "robin")
}

// TestTerminatedIsResolved closes an incident that was terminated before any
// worker had it.
func TestTerminatedIsResolved(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	in := s.startIngest()
	body := fixture(t, "slack", "bot_text_firing")
	a := s.send(in.url, "slack", body)
	require.Equal(t, "enqueued", a.Status, a.raw)
	i := s.find(a.Incident)
	require.NoError(t, s.client.TerminateWorkflow(t.Context(), i.WorkflowID, i.RunID, "a test"))
	_, err := s.onCall().Resolve(t.Context(), a.Incident, contract.Decision{By: "alex"})
	require.NoError(t, err)
	s.startWorker()
	s.dismissed(a.Incident, "alex")
	ref := parse(t, "slack", body)[0].Slack
	s.lit(ref.ChannelID, ref.MessageTS, "white_check_mark")
}
