package testsuite

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/providers"
)

// TestEveryVendorIsAnswered sends an alert of each provider as a new one, and of
// those that are code every alert that they have.
func TestEveryVendorIsAnswered(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	coded := maps.Clone(s.secrets)
	s.everyVendor()
	in := s.startIngest()
	s.startWorker()
	n := 0
	for _, spec := range providers.All() {
		names := spec.Fixtures
		if _, all := coded[spec.Name]; !all {
			names = names[:1]
		}
		for _, name := range names {
			n++
			body, err := providers.Fixture(spec.Name, name)
			require.NoError(t, err)
			body = renew(t, spec.Name, body, n)
			signals := parse(t, spec.Name, body)
			require.NotEmpty(t, signals, "%s/%s", spec.Name, name)
			a := s.send(in.url, spec.Name, body)
			require.Equal(t, http.StatusOK, a.status, "%s/%s: %s", spec.Name, name, a.raw)
			if signals[0].Status == incident.StatusResolved {
				assert.Equal(t, "ignored", a.Status, "%s/%s resolves what never fired: %s", spec.Name, name, a.raw)
				continue
			}
			require.Equal(t, "enqueued", a.Status, "%s/%s: %s", spec.Name, name, a.raw)
			s.told(t, spec.Name+"/"+name, a.Incident, signals[0])
		}
	}
}

// told expects that an incident was answered where its signal says.
func (s *system) told(t testing.TB, name, id string, signal incident.Signal) {
	t.Helper()
	if ref := signal.Slack; ref != nil {
		answer := s.answeredInThread(ref.ChannelID, ref.ThreadTS, id)
		assert.Contains(t, shown(answer), "http://temporal.example.com/namespaces/", name)
		s.lit(ref.ChannelID, ref.MessageTS, "white_check_mark", "question")
		assert.True(t, s.reacted(ref.MessageTS, "eyes"), "%s: no 👀", name)
		return
	}
	headline, _ := s.answered(id)
	assert.Contains(t, unescaped(headline.Text), incident.Cut(signal.Title, 100), name)
	s.lit(alerts, headline.Timestamp, "white_check_mark", "question")
}

func unescaped(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

// parse reads a payload as ingest does.
func parse(t testing.TB, provider string, body []byte) []incident.Signal {
	t.Helper()
	accepted := accept(t, provider, body)
	if accepted.Batch == nil {
		return nil
	}
	return accepted.Batch.Signals
}

func accept(t testing.TB, provider string, body []byte) providers.Accepted {
	t.Helper()
	spec, known := providers.Lookup(provider)
	require.True(t, known)
	s := &system{secrets: map[string]string{provider: otherSecret(t, spec)}}
	s.t, _ = t.(*testing.T)
	req := s.signed("http://ingest.example.com", provider, body)
	sent, err := io.ReadAll(req.Body)
	require.NoError(t, err)
	accepted, err := providers.Accept(vendor(t, provider), &providers.Request{
		Method: req.Method, URL: req.URL, Header: req.Header, Body: sent, ReceivedAt: time.Now(),
	})
	require.NoError(t, err)
	return accepted
}
