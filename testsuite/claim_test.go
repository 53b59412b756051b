package testsuite

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// state asks an incident's workflow for its state.
func (s *system) state(workflowID string) contract.TriageState {
	s.t.Helper()
	var state contract.TriageState
	require.Eventually(s.t, func() bool {
		v, err := s.client.QueryWorkflow(s.t.Context(), workflowID, "", contract.QueryState)
		return err == nil && v.Get(&state) == nil
	}, patience, poll, "incident %s does not tell its state", workflowID)
	return state
}

// pending counts the claims in Redis that nobody has confirmed.
func (s *system) pending() int {
	s.t.Helper()
	n := 0
	keys, err := s.store.Keys(s.t.Context(), "nerve:*").Result()
	require.NoError(s.t, err)
	for _, k := range keys {
		if v, err := s.store.HGet(s.t.Context(), k, "s").Result(); err == nil && v == "pending" {
			n++
		}
	}
	return n
}

// claimed reports whether a claim waits for its start: in Redis, or in the
// front's memory where a busy machine let Redis seem away.
func (s *system) claimed(in *ingest) bool {
	return s.pending() > 0 || strings.Contains(in.text(), "decisions are made in memory") && strings.Contains(in.text(), "webhook.verified")
}

// TestKilledBetweenClaimAndStart is the promise of claim and commit: a front
// that dies in between swallows nothing.
func TestKilledBetweenClaimAndStart(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"slack", "datadog"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			first := s.startIngest("NERVE_START_DEADLINE=60s")
			s.startWorker()
			s.canaryWithoutWorker(first.url)
			s.temporal.set(hanging)
			body := fixture(t, provider, firing[provider])
			if provider == "slack" {
				_, err := s.stand.Import(body)
				require.NoError(t, err)
			}
			lost := make(chan error, 1)
			go func() {
				_, err := s.try(first.url, provider, body)
				lost <- err
			}()
			require.Eventually(t, func() bool { return s.claimed(first) }, patience, poll, "nothing was claimed")
			first.kill()
			require.Error(t, <-lost, "the first delivery was answered")
			require.Empty(t, s.triage(), "the first front started the incident already")

			s.temporal.set(passing)
			second := s.startIngest()
			a := s.send(second.url, provider, body)
			require.Equal(t, http.StatusOK, a.status, a.raw)
			assert.Equal(t, "enqueued", a.Status, a.raw)
			run := s.onlyRuns(second.url, 1)[0]
			s.toldOnce(provider, body, a.Incident)
			assert.EqualValues(t, 1, s.state(run.GetExecution().GetWorkflowId()).Occurrences)
			again := s.send(second.url, provider, body)
			assert.Equal(t, "duplicate", again.Status, again.raw)
		})
	}
}

// firing is one firing alert of each provider.
var firing = map[string]string{"slack": "bot_attachment_firing", "datadog": "triggered", "zendesk": "ticket_created"}

// toldOnce expects one answer of an incident, wherever its provider is told.
func (s *system) toldOnce(provider string, body []byte, id string) {
	s.t.Helper()
	s.told(s.t, provider, id, parse(s.t, provider, body)[0])
}

// TestKilledBetweenStartAndConfirm loses the answer of Temporal, so that the
// front dies not knowing that it has started the incident.
func TestKilledBetweenStartAndConfirm(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"slack", "zendesk"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			first := s.startIngest("NERVE_START_DEADLINE=60s")
			s.canaryWithoutWorker(first.url)
			s.temporal.set(mute)
			body := fixture(t, provider, firing[provider])
			if provider == "slack" {
				_, err := s.stand.Import(body)
				require.NoError(t, err)
			}
			lost := make(chan error, 1)
			go func() {
				_, err := s.try(first.url, provider, body)
				lost <- err
			}()
			require.Eventually(t, func() bool { return len(s.triage()) == 1 }, patience, poll, "nothing was started")
			first.kill()
			require.Error(t, <-lost, "the first delivery was answered")

			s.temporal.set(passing)
			second := s.startIngest()
			a := s.send(second.url, provider, body)
			require.Equal(t, http.StatusOK, a.status, a.raw)
			assert.Contains(t, []string{"duplicate", "debounced"}, a.Status, a.raw)
			s.startWorker()
			run := s.onlyRuns(second.url, 1)[0]
			assert.EqualValues(t, 1, s.state(run.GetExecution().GetWorkflowId()).Occurrences,
				"the same delivery was counted twice")
		})
	}
}

// TestSameDeliveryAtOnce sends one delivery ten times at the same moment.
func TestSameDeliveryAtOnce(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	fronts := []*ingest{s.startIngest(), s.startIngest()}
	s.startWorker()
	body := fixture(t, "zendesk", "ticket_created")
	all := s.burst(10, func(n int) (said, error) { return s.try(fronts[n%2].url, "zendesk", body) })
	s.judgeDuplicates(all, fronts[0].url, 1)
	id := ""
	for _, a := range all {
		if a.Status == "enqueued" {
			id = a.Incident
		}
	}
	s.answered(id)
}

// TestSameDeliveryWithoutRedis shows that the workflow id is the guarantee and
// Redis an optimisation: away, and emptied between two deliveries.
func TestSameDeliveryWithoutRedis(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	fronts := []*ingest{s.startIngest(), s.startIngest()}
	s.startWorker()

	s.redis.set(cut)
	body := fixture(t, "zendesk", "ticket_created")
	s.judgeDuplicates(s.burst(10, func(n int) (said, error) { return s.try(fronts[n%2].url, "zendesk", body) }), "", 1)

	s.redis.set(passing)
	event := fixture(t, "slack", "question")
	first := s.send(fronts[0].url, "slack", event)
	require.Equal(t, "enqueued", first.Status, first.raw)
	s.toldOnce("slack", event, first.Incident)
	require.NoError(t, s.store.FlushAll(t.Context()).Err())
	second := s.send(fronts[1].url, "slack", event)
	assert.Equal(t, "duplicate", second.Status, second.raw)
	s.onlyRuns(fronts[0].url, 2)
}

// burst calls send n times at the same moment.
func (s *system) burst(n int, send func(n int) (said, error)) []said {
	s.t.Helper()
	all := make([]said, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	ready := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-ready
			all[i], errs[i] = send(i)
		})
	}
	close(ready)
	wg.Wait()
	for i := range n {
		assert.NoError(s.t, errs[i])
	}
	return all
}

func (s *system) judgeDuplicates(all []said, canary string, runs int) {
	s.t.Helper()
	tally := count(all)
	assert.Equal(s.t, 1, tally["enqueued"], "%v", tally)
	assert.Equal(s.t, len(all)-1, tally["duplicate"]+tally["debounced"], "%v", tally)
	require.Eventually(s.t, func() bool { return len(s.triage()) == runs }, patience, poll)
	if canary != "" {
		s.onlyRuns(canary, runs)
	}
	for _, r := range s.triage() {
		assert.EqualValues(s.t, 1, s.state(r.GetExecution().GetWorkflowId()).Occurrences, "one delivery was counted more than once")
	}
}
