package testsuite

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
)

// TestCorpus sends every real payload through the running system: each alert
// among them ends as one incident with a title and an answer.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("NERVE_CORPUS")
	if dir == "" {
		t.Skip("no corpus: set NERVE_CORPUS to a folder with <provider>/*.json to send real payloads")
	}
	t.Parallel()
	s, in, _ := running(t)
	seen := map[string]int{}
	for _, provider := range []string{"slack", "datadog", "zendesk"} {
		files, err := filepath.Glob(filepath.Join(dir, provider, "*"))
		require.NoError(t, err)
		for n, file := range files {
			name := filepath.Base(file)
			if name == "oracle.json" || name == "vectors.json" || strings.HasSuffix(name, ".md") {
				continue
			}
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			became := s.fromCorpus(t, provider, name, n, body)
			seen[became]++
			t.Logf("%-8s %-75s %s", provider, name, became)
		}
		assert.NotEmpty(t, files, "no payloads of %s", provider)
	}
	assert.Positive(t, seen["answered"], "%v", seen)
	t.Logf("%v", seen)
	s.onlyRuns(in.url, seen["answered"])
}

// fromCorpus sends one payload as a new alert and returns what became of it.
func (s *system) fromCorpus(t *testing.T, provider, name string, n int, body []byte) string {
	t.Helper()
	if provider == "slack" && strings.Contains(name, ".inner.") {
		// What a source recorded without Slack's envelope.
		body = []byte(`{"token":"t","team_id":"T1","api_app_id":"A1","type":"event_callback","event_id":"Ev1","event_time":1760000000,"event":` +
			string(body) + `}`)
	}
	base := s.frontURL
	if json.Valid(body) {
		// A form cannot be made new; it is sent as it is.
		body = renew(t, provider, body, n)
	}
	accepted := accept(t, provider, body)
	if b := accepted.Batch; provider == "slack" && b != nil && len(b.Signals) > 0 && b.Signals[0].Slack != nil {
		// Slack knows the message, whatever shape told nerve of it.
		ref := b.Signals[0].Slack
		event := map[string]any{"type": "message", "user": "U0PERSON01", "text": b.Signals[0].Title, "channel": ref.ChannelID, "ts": ref.MessageTS}
		if ref.ThreadTS != ref.MessageTS {
			event["thread_ts"] = ref.ThreadTS
		}
		raw, err := json.Marshal(map[string]any{"event": event})
		require.NoError(t, err)
		_, err = s.stand.Import(raw)
		require.NoError(t, err, name)
	}
	a := s.send0(base, provider, body)
	require.Equal(t, http.StatusOK, a.status, "%s: %s", name, a.raw)
	switch {
	case accepted.Handshake != nil:
		return "handshake"
	case len(accepted.Batch.Signals) == 0:
		assert.Contains(t, []string{"stored", "ignored"}, a.Status, name)
		return a.Status
	}
	require.Len(t, accepted.Batch.Signals, 1, name)
	signal := accepted.Batch.Signals[0]
	if signal.Status == incident.StatusResolved {
		assert.Equal(t, "ignored", a.Status, "%s resolves what never fired: %s", name, a.raw)
		return "resolved"
	}
	require.Equal(t, "enqueued", a.Status, "%s: %s", name, a.raw)
	assert.NotEmpty(t, signal.Title, name)
	if ref := signal.Slack; ref != nil {
		s.answeredInThread(ref.ChannelID, ref.ThreadTS, a.Incident)
	} else {
		s.answered(a.Incident)
	}
	return "answered"
}
