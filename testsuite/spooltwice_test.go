package testsuite

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/cli"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/providers"
)

const spoolKey = "nerve:{nerve}:spool"

// spooled are the entries of the spool.
func (s *system) spooled() []redis.XMessage {
	s.t.Helper()
	entries, err := s.store.XRange(s.t.Context(), spoolKey, "-", "+").Result()
	require.NoError(s.t, err)
	return entries
}

// drained waits until the spool is empty.
func (s *system) drained() {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return len(s.spooled()) == 0 }, patience, poll, "the spool is not drained")
}

// closed waits until an incident has ended.
func (s *system) closed(runs int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		return len(s.runs(`WorkflowType = "Triage" AND ExecutionStatus = "Completed"`)) == runs
	}, patience, poll, "the incident did not close")
}

// TestSpooledThoughStarted: ingest gave up waiting for a start that Temporal
// took. The incident has run and closed by the time that the drainer gets to it.
func TestSpooledThoughStarted(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	// A worker that died holds the lease, so that nothing is drained yet.
	require.NoError(t, s.store.Set(t.Context(), spoolKey+":lease", "dead", time.Hour).Err())
	in := s.startIngest("NERVE_START_DEADLINE=300ms")
	s.canaryWithoutWorker(in.url)
	s.temporal.set(mute)
	a := s.send(in.url, "datadog", fixture(t, "datadog", "triggered"))
	require.Equal(t, "spooled", a.Entry, a.raw)
	require.Len(t, s.spooled(), 1)
	s.temporal.set(passing)

	s.startWorker()
	s.answered(a.Incident)
	s.find(a.Incident)
	_, err := operator.New(s.client, s.dc, s.namespace).Resolve(t.Context(), a.Incident, contract.Decision{By: "somebody"})
	require.NoError(t, err)
	s.closed(1)
	require.Len(t, s.spooled(), 1)
	require.NoError(t, s.store.Del(t.Context(), spoolKey+":lease").Err())
	s.drained()
	s.onlyRuns(in.url, 1)
}

// TestDrainedTwice: a worker dies before it removes what it told. The alert was
// resolved, and then fired again, before the next worker gets to the entries.
func TestDrainedTwice(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"the incident has closed": false, "the alert is back": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			in := s.startIngest("NERVE_START_DEADLINE=300ms")
			s.temporal.set(cut)
			first := s.send(in.url, "datadog", fixture(t, "datadog", "triggered"))
			require.Equal(t, "spooled", first.Entry, first.raw)
			resolved := s.send(in.url, "datadog", fixture(t, "datadog", "recovered"))
			require.Equal(t, "resolved", resolved.Status, resolved.raw)
			entries := s.spooled()
			require.Len(t, entries, 2)
			s.temporal.set(passing)
			worker := s.startWorker()
			s.closed(1)
			s.drained()
			runs := 1
			if again {
				body, err := providers.Fixture("datadog", "triggered")
				require.NoError(t, err)
				second := s.send(in.url, "datadog", refresh(t, "datadog", body, 7))
				require.Equal(t, http.StatusOK, second.status, second.raw)
				require.Equal(t, "enqueued", second.Status, second.raw)
				s.answered(second.Incident)
				runs = 2
			}

			worker.kill()
			for _, e := range entries {
				require.NoError(t, s.store.XAdd(t.Context(), &redis.XAddArgs{Stream: spoolKey, Values: e.Values}).Err())
			}
			s.startWorker()
			s.drained()
			for _, run := range s.onlyRuns(in.url, runs) {
				assert.EqualValues(t, 1, s.state(run.GetExecution().GetWorkflowId()).Occurrences, "the first firing was counted in the second")
			}
			assert.Len(t, s.runs(`WorkflowType = "Triage" AND ExecutionStatus = "Completed"`), 1, "the old resolve closed the second")
		})
	}
}

// TestDeadLetterIsPutBack: a worker without the key of a spooled command moves it
// aside; put back, another starts the incident.
func TestDeadLetterIsPutBack(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	in := s.startIngest("NERVE_START_DEADLINE=300ms")
	s.temporal.set(cut)
	a := s.send(in.url, "datadog", fixture(t, "datadog", "triggered"))
	require.Equal(t, "spooled", a.Entry, a.raw)
	s.temporal.set(passing)
	other, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	exported, err := other.Export()
	require.NoError(t, err)
	stranger := s.startWorker("NERVE_KEYSET=" + string(exported))
	s.drained()
	stranger.terminate()
	stranger.ended()
	require.Empty(t, s.triage())

	s.startWorker()
	s.file("redis:\n  url: " + s.redisURL + "\n")
	var out bytes.Buffer
	require.Zero(t, cli.Main(t.Context(), []string{"spool", "list", "--config", s.env["NERVE_CONFIG"]}, &out, &out), out.String())
	assert.Contains(t, out.String(), "datadog:alert:")
	require.Zero(t, cli.Main(t.Context(), []string{"spool", "retry", "--config", s.env["NERVE_CONFIG"]}, &out, &out), out.String())
	assert.Contains(t, out.String(), "1 commands for Temporal")
	s.answered(a.Incident)
	s.onlyRuns(in.url, 1)
}
