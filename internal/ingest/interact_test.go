package ingest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

// clicks remembers what it was given.
type clicks struct {
	mu     sync.Mutex
	bodies []string
}

func (c *clicks) Click(_ context.Context, body []byte) (contract.Outcome, contract.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bodies = append(c.bodies, string(body))
	return contract.OutcomeDecided, contract.ReasonClick.With("granted")
}

// signedClick is a click as Slack posts it.
func signedClick(t *testing.T, p providers.Provider, at time.Time) (*http.Request, string) {
	t.Helper()
	body := url.Values{"payload": {`{"type":"block_actions","trigger_id":"t1","user":{"id":"U1"},"actions":[{"action_id":"a"}]}`}}.Encode()
	r := &providers.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body), ReceivedAt: at}
	p.Sign(r, at)
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, interactPath, strings.NewReader(body))
	req.Header = r.Header
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, body
}

func slackSource(t *testing.T, change ...func(*providers.Config)) (*Source, providers.Provider) {
	t.Helper()
	spec, ok := providers.Lookup("slack")
	require.True(t, ok)
	cfg := providers.Config{Secrets: []providers.Secret{{Value: strings.Repeat("s", 32)}}, TolerancePast: 5 * time.Minute}
	for _, f := range change {
		f(&cfg)
	}
	p, err := spec.New(cfg)
	require.NoError(t, err)
	s := source("slack", p)
	s.ProviderName = slackProvider
	return &s, p
}

func TestInteractionsAreProvedLikeEvents(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil  func(*http.Request)
		age    time.Duration
		status int
		reason contract.Reason
	}{
		"as Slack sends it": {func(*http.Request) {}, 0, 200, contract.ReasonClick.With("granted")},
		"tampered": {func(r *http.Request) {
			other := "payload=%7B%22type%22%3A%22block_actions%22%7D"
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(other)), int64(len(other))
		}, 0, 401, contract.ReasonSignature},
		"stale":        {func(*http.Request) {}, time.Hour, 401, contract.ReasonStale},
		"unsigned":     {func(r *http.Request) { r.Header.Del("X-Slack-Signature") }, 0, 401, contract.ReasonUnsigned},
		"another's":    {func(r *http.Request) { r.Header.Set("X-Slack-Signature", "v0="+strings.Repeat("0", 64)) }, 0, 401, contract.ReasonSignature},
		"without time": {func(r *http.Request) { r.Header.Del("X-Slack-Request-Timestamp") }, 0, 401, contract.ReasonUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			taken := &clicks{}
			s, p := slackSource(t)
			b := newBench(t, func(_ *Options, d *Deps, list *[]Source) {
				d.Clicks = taken
				*list = append(*list, *s)
			})
			req, body := signedClick(t, p, b.time().Add(-tc.age))
			tc.spoil(req)
			w := b.do(req)
			assert.Equal(t, tc.status, w.Code, w.Body.String())
			require.Len(t, b.gate.entries(), 1, "one request, one entry")
			entry := b.gate.entries()[0]
			assert.Equal(t, tc.reason.String(), entry.Reason)
			assert.Equal(t, tc.status, entry.Status)
			assert.Equal(t, "slack", entry.Source)
			assert.Empty(t, b.temporal.started)
			if tc.status != http.StatusOK {
				assert.Empty(t, taken.bodies)
				assert.Empty(t, entry.Sealed, "nothing of what was not proved is kept")
				return
			}
			assert.Equal(t, contract.OutcomeDecided, entry.Outcome)
			assert.Equal(t, "interaction.block_actions", entry.EventType)
			assert.Equal(t, []string{body}, taken.bodies)
			assert.Empty(t, w.Body.String(), "Slack shows a body to nobody, and a warning for any other status")
		})
	}
}

// What lets alerts in without a proof does not let decisions in.
func TestAClickNeedsASignature(t *testing.T) {
	t.Parallel()
	taken := &clicks{}
	s, _ := slackSource(t, func(c *providers.Config) { c.Secrets, c.Schemes = nil, []string{"none"} })
	s.MinAssurance = providers.AssuranceNone
	_, signer := slackSource(t)
	b := newBench(t, func(_ *Options, d *Deps, list *[]Source) {
		d.Clicks = taken
		*list = append(*list, *s)
	})
	req, _ := signedClick(t, signer, b.time())
	req.Header.Del("X-Slack-Signature")
	w := b.do(req)
	assert.Equal(t, http.StatusUnauthorized, w.Code, w.Body.String())
	assert.Empty(t, taken.bodies)
}

func TestAClickThatNobodyTakes(t *testing.T) {
	t.Parallel()
	s, p := slackSource(t)
	b := newBench(t, func(_ *Options, _ *Deps, list *[]Source) { *list = append(*list, *s) })
	req, _ := signedClick(t, p, b.time())
	w := b.do(req)
	assert.Equal(t, http.StatusOK, w.Code)
	require.Len(t, b.gate.entries(), 1)
	assert.Equal(t, contract.OutcomeStored, b.gate.entries()[0].Outcome)

	none := newBench(t)
	req, _ = signedClick(t, p, none.time())
	assert.Equal(t, http.StatusNotFound, none.do(req).Code, "there is no Slack source")
}
