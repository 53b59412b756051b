package testsuite

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/sender"
	"github.com/nerve-alerts/nerve/internal/slackstand"
	"github.com/nerve-alerts/nerve/providers"
)

// TestFront is what senders see, and what the delivery log says of it.
func TestFront(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.everyVendor()
	in := s.startIngest()
	s.startWorker()
	t.Run("Slack's handshake", func(t *testing.T) {
		require.NoError(t, s.stand.VerifyURL(t.Context()))
		s.stored([]string{"handshake"}, "SELECT outcome FROM deliveries WHERE outcome = 'handshake'")
	})
	t.Run("Slack's own retry", func(t *testing.T) {
		body := fixture(t, "slack", "question")
		first := s.send(in.url, "slack", body)
		require.Equal(t, "enqueued", first.Status, first.raw)
		req := s.signed(in.url, "slack", body)
		req.Header.Set("X-Slack-Retry-Num", "1")
		req.Header.Set("X-Slack-Retry-Reason", "http_timeout")
		again, err := s.do(req)
		require.NoError(t, err)
		assert.Equal(t, "duplicate", again.Status, again.raw)
		s.toldOnce("slack", body, first.Incident)
		s.stored([]string{"accepted", "duplicate"}, "SELECT outcome FROM deliveries WHERE incident_id = $1 ORDER BY outcome", first.Incident)
		s.stored([]string{"1"}, "SELECT headers->>'X-Slack-Retry-Num' FROM deliveries WHERE incident_id = $1 AND outcome = 'duplicate'", first.Incident)
	})
	t.Run("nerve's own message", func(t *testing.T) {
		a := s.send(in.url, "slack", fixture(t, "slack", "self_message"))
		assert.Equal(t, http.StatusOK, a.status)
		assert.Equal(t, "ignored", a.Status, a.raw)
		assert.Equal(t, "self_message", a.Reason, a.raw)
	})
	t.Run("an event that nothing handles", func(t *testing.T) {
		a := s.send(in.url, "slack", fixture(t, "slack", "reaction_added"))
		assert.Equal(t, "stored", a.Status, a.raw)
		s.stored([]string{"stored 200"}, "SELECT outcome || ' ' || status FROM deliveries WHERE event_type = 'reaction_added' AND sealed IS NOT NULL")
	})
	t.Run("forged, stale, unsigned", func(t *testing.T) { s.refusals(t, in.url) })
	t.Run("malformed", func(t *testing.T) {
		a := s.send0(in.url, "zendesk", []byte(`{"type":`))
		assert.Equal(t, http.StatusBadRequest, a.status, a.raw)
		assert.Equal(t, "WEBHOOK_PAYLOAD_MALFORMED", a.Code)
		assert.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
		var p struct {
			Type, Title, Detail, Instance string
			Errors                        []struct{ Field string } `json:"validation_errors"`
		}
		require.NoError(t, json.Unmarshal([]byte(a.raw), &p))
		assert.NotEmpty(t, p.Type)
		assert.NotEmpty(t, p.Instance)
		assert.NotEmpty(t, p.Errors)
	})
	t.Run("too large", func(t *testing.T) {
		a := s.send0(in.url, "datadog", bytes.Repeat([]byte("x"), 1<<20+1))
		assert.Equal(t, http.StatusRequestEntityTooLarge, a.status, a.raw)
	})
	t.Run("no such source", func(t *testing.T) {
		resp, err := http.Post(in.url+"/webhooks/nothing", "application/json", strings.NewReader("{}")) //nolint:noctx // a test's request
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusNotFound, resp.StatusCode)
	})
}

// send0 sends a body that Slack's stand-in need not know.
func (s *system) send0(base, provider string, body []byte) said {
	s.t.Helper()
	a, err := s.try(base, provider, body)
	require.NoError(s.t, err)
	return a
}

// refusals sends each provider's alert spoilt in each way; nothing of it may be kept.
func (s *system) refusals(t *testing.T, base string) {
	before := len(s.triage())
	for _, spec := range providers.All() {
		for name, spoil := range map[string]func(*sender.Options){
			"forged": func(o *sender.Options) { o.Tamper = true },
			"stale":  func(o *sender.Options) { o.Stale = true },
			"secret": func(o *sender.Options) { o.Secret = otherSecret(t, spec) },
		} {
			o := sender.Options{
				URL: base + "/webhooks/" + sourceOf(spec.Name), Provider: spec.Name, Secret: s.secrets[spec.Name],
				Body: renew(t, spec.Name, fixture(t, spec.Name, spec.Fixtures[0]), 7),
			}
			spoil(&o)
			err := sender.Send(t.Context(), o, func(r sender.Result) {
				want := http.StatusUnauthorized
				if name == "stale" {
					want = spec.StaleStatus
				}
				assert.Equal(t, want, r.Status, "%s %s: %s", spec.Name, name, r.Body)
			})
			if name != "stale" { // many sign no time
				require.NoError(t, err)
			}
		}
	}
	assert.Len(t, s.triage(), before)
	s.stored([]string{"0"}, "SELECT count(*)::text FROM deliveries WHERE outcome = 'rejected' AND assurance = '' AND sealed IS NOT NULL")
}

// TestPeopleInSlack goes through the Events API as Slack itself delivers.
func TestPeopleInSlack(t *testing.T) {
	t.Parallel()
	s, in, _ := running(t)
	asked, err := s.stand.Post(t.Context(), alerts, slackstand.Message{User: "U0ENGINEER", Text: "Is the payment API slow for anybody else?"})
	require.NoError(t, err)
	runs := s.onlyRuns(in.url, 1)
	memo := runs[0].GetMemo().GetFields()["incident_id"]
	var id string
	require.NoError(t, s.dc.FromPayload(memo, &id))
	s.answeredInThread(alerts, asked.TS, id)
	assert.True(t, s.reacted(asked.TS, "eyes"))
	_, err = s.stand.Post(t.Context(), alerts, slackstand.Message{User: "U0ENGINEER", Text: "I am on it", ThreadTS: asked.TS})
	require.NoError(t, err)
	s.onlyRuns(in.url, 1) // a reply in the thread is no alert
}
