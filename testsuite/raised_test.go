package testsuite

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

// TestSeverityRises has a monitor warn, and then alert: the incident that is open
// becomes worse at once, everywhere that it is shown, and milder no more.
func TestSeverityRises(t *testing.T) {
	t.Parallel()
	s, in, _ := running(t)
	original, err := providers.Fixture("datadog", "triggered")
	require.NoError(t, err)
	fire := func(n int, priority string) said {
		var payload map[string]any
		require.NoError(t, json.Unmarshal(original, &payload))
		payload["alert_priority"] = priority
		changed, err := json.Marshal(payload)
		require.NoError(t, err)
		a := s.send(in.url, "datadog", refresh(t, "datadog", changed, n))
		require.Equal(t, 200, a.status, a.raw)
		return a
	}
	first := fire(0, "P3")
	require.Equal(t, "enqueued", first.Status)
	_, answer := s.answered(first.Incident)
	require.Contains(t, shown(answer), "medium")
	id := s.onlyRuns(in.url, 1)[0].GetExecution().GetWorkflowId()
	require.Eventually(t, func() bool { return s.state(id).Phase == contract.PhaseOpen }, patience, poll)

	assert.Equal(t, "debounced", fire(1, "P3").Status)
	assert.Equal(t, "debounced", fire(2, "P1").Status, "the third: no milestone")
	assert.Equal(t, "debounced", fire(3, "P4").Status)
	headline, answer := s.answered(first.Incident)
	require.Eventually(t, func() bool {
		headline, answer = s.answered(first.Incident)
		return strings.Contains(shown(headline), "critical") && strings.Contains(shown(answer), "critical")
	}, patience, poll, "nobody is told: %s", shown(answer))
	const said = "It came again, and worse: severity raised from medium to critical."
	require.Eventually(t, func() bool {
		notes := s.notes(alerts, headline.Timestamp)
		return len(notes) == 1 && strings.Contains(notes[0].Text, said)
	}, patience, poll, "the thread does not say so")
	require.Eventually(t, func() bool { return len(s.runs(`NerveSeverity = "critical"`)) == 1 }, patience, poll)
	s.stored([]string{"critical"}, "SELECT severity FROM incidents WHERE id = $1", first.Incident)
	s.onlyRuns(in.url, 1)
}
