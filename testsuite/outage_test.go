package testsuite

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/providers"
)

// other makes the nth alert of its own out of a fixture.
func other(t *testing.T, n int) []byte {
	t.Helper()
	body, err := providers.Fixture("datadog", "triggered")
	require.NoError(t, err)
	return renew(t, "datadog", body, n)
}

// TestTemporalAway answers what the spool has taken, and starts it later, in
// order for each key.
func TestTemporalAway(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	in := s.startIngest("NERVE_START_DEADLINE=300ms")
	s.startWorker()
	s.temporal.set(cut)
	var ids []string
	for n := range 5 {
		a := s.send(in.url, "datadog", other(t, n))
		require.Equal(t, http.StatusOK, a.status, a.raw)
		require.Equal(t, "spooled", a.Entry, a.raw)
		ids = append(ids, a.Incident)
	}
	fired := s.send(in.url, "datadog", fixture(t, "datadog", "triggered"))
	require.Equal(t, "enqueued", fired.Status, fired.raw)
	resolved := s.send(in.url, "datadog", fixture(t, "datadog", "recovered"))
	require.Equal(t, "resolved", resolved.Status, resolved.raw)
	require.Empty(t, s.triage())

	s.temporal.set(passing)
	for _, id := range ids {
		s.answered(id)
	}
	runs := s.onlyRuns(in.url, 6)
	require.Eventually(t, func() bool {
		return len(s.runs(`WorkflowType = "Triage" AND ExecutionStatus = "Completed"`)) == 1
	}, patience, poll, "the resolved incident did not close: %v", runs)
	h, _ := s.answered(fired.Incident)
	s.lit(alerts, h.Timestamp, "white_check_mark")
}

// TestTemporalAndRedisAway takes nothing that it cannot keep.
func TestTemporalAndRedisAway(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	in := s.startIngest("NERVE_START_DEADLINE=300ms")
	s.startWorker()
	s.temporal.set(cut)
	s.redis.set(cut)
	body := fixture(t, "zendesk", "ticket_created")
	refused := s.send(in.url, "zendesk", body)
	require.Equal(t, http.StatusServiceUnavailable, refused.status, refused.raw)
	assert.NotEmpty(t, refused.header.Get("Retry-After"))
	assert.Equal(t, "application/problem+json", refused.header.Get("Content-Type"))

	s.redis.set(passing)
	s.temporal.set(passing)
	var a said
	require.Eventually(t, func() bool {
		a = s.send(in.url, "zendesk", body)
		return a.status == http.StatusOK
	}, patience, poll, "the retry is not taken")
	assert.Equal(t, "enqueued", a.Status, a.raw)
	s.answered(a.Incident)
	s.onlyRuns(in.url, 1)
}

// TestDrainerKilled kills the worker while it empties the spool.
func TestDrainerKilled(t *testing.T) {
	t.Parallel()
	const spooled = 40
	s := newSystem(t)
	in := s.startIngest("NERVE_START_DEADLINE=200ms")
	worker := s.startWorker()
	s.temporal.set(cut)
	var ids []string
	for n := range spooled {
		a := s.send(in.url, "datadog", other(t, n))
		require.Equal(t, http.StatusOK, a.status, a.raw)
		ids = append(ids, a.Incident)
	}
	s.temporal.set(passing)
	require.Eventually(t, func() bool { return len(s.triage()) > 0 }, patience, poll, "nothing is drained")
	worker.kill()
	drained := len(s.triage())
	s.startWorker()
	for _, id := range ids {
		s.answered(id)
	}
	t.Logf("killed after %d of %d", drained, spooled)
	s.onlyRuns(in.url, spooled)
}

// TestSQLAway delays no answer, and loses no record.
func TestSQLAway(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]proxyMode{"refused": cut, "silent": hanging} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, in, _ := running(t)
			s.canary(in.url)
			s.sql.set(mode)
			a := s.send(in.url, "datadog", fixture(t, "datadog", "triggered"))
			require.Equal(t, "enqueued", a.Status, a.raw)
			s.answered(a.Incident)
			s.sql.set(passing)
			s.stored([]string{"open"}, "SELECT phase FROM incidents WHERE id = $1", a.Incident)
			s.stored([]string{"accepted"}, "SELECT outcome FROM deliveries WHERE incident_id = $1", a.Incident)
		})
	}
}

// TestIngestStops ends a front with requests in flight: each is answered, and
// none is lost.
func TestIngestStops(t *testing.T) {
	t.Parallel()
	const inFlight = 10
	s := newSystem(t)
	in := s.startIngest("NERVE_START_DEADLINE=4s")
	s.startWorker()
	s.canary(in.url)
	s.temporal.set(hanging)
	bodies := make([][]byte, inFlight)
	for n := range bodies {
		bodies[n] = other(t, n)
	}
	verified := func() int { return strings.Count(in.text(), `"webhook.verified"`) }
	before := verified()
	answers := make(chan []said, 1)
	go func() {
		answers <- s.burst(inFlight, func(n int) (said, error) { return s.try(in.url, "datadog", bodies[n]) })
	}()
	require.Eventually(t, func() bool { return verified() == before+inFlight }, patience, poll, "the requests are not in flight")
	in.terminate()
	in.line("ingest stops: requests in flight are finished")
	all := <-answers
	for _, a := range all {
		require.Equal(t, http.StatusOK, a.status, a.raw)
	}
	assert.Equal(t, map[string]int{"enqueued": inFlight}, count(all))
	in.ended()
	s.temporal.set(passing)
	second := s.startIngest()
	for _, a := range all {
		s.answered(a.Incident)
	}
	s.onlyRuns(second.url, inFlight)
}
