package ingest

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

// with changes the one source of a bench.
func with(change func(*Source)) func(*Options, *Deps, *[]Source) {
	return func(_ *Options, _ *Deps, list *[]Source) { change(&(*list)[0]) }
}

func severity(s incident.Severity) func(*incident.Signal) {
	return func(signal *incident.Signal) { signal.Severity = s }
}

func TestASeverityFloor(t *testing.T) {
	t.Parallel()
	b := newBench(t, with(func(s *Source) { s.SeverityFloor = incident.SeverityHigh }))
	status, r := b.post(t, body(t, "", signal(severity(incident.SeverityMedium))))
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "ignored", r.Status)
	assert.Equal(t, "below_severity_floor", r.Reason)
	assert.Empty(t, b.temporal.started)
	entries := b.gate.entries()
	require.Len(t, entries, 1)
	assert.Equal(t, contract.OutcomeIgnored, entries[0].Outcome)
	assert.NotEmpty(t, entries[0].Sealed, "it is kept")

	_, r = b.post(t, body(t, "", signal(severity(incident.SeverityHigh))))
	assert.Equal(t, "enqueued", r.Status)
	_, r = b.post(t, body(t, "", signal(severity(incident.SeverityInfo), resolvedSignal)))
	assert.Equal(t, "resolved", r.Status, "what is over closes what it had raised, however mild it is now")
}

func TestHandlersByEventType(t *testing.T) {
	t.Parallel()
	b := newBench(t, with(func(s *Source) { s.Handler = contract.HandlerStore }))
	status, r := b.post(t, body(t, "e1", signal()))
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "stored", r.Status)
	assert.Empty(t, b.temporal.started)
	entries := b.gate.entries()
	require.Len(t, entries, 1)
	assert.Equal(t, contract.OutcomeStored, entries[0].Outcome)

	s := Source{Handlers: map[string]string{"noted": contract.HandlerStore}}
	assert.Equal(t, contract.HandlerStore, s.handler("noted"))
	assert.Equal(t, contract.HandlerTriage, s.handler("fired"))
}

func TestAllowedAddresses(t *testing.T) {
	t.Parallel()
	allow := with(func(s *Source) { s.AllowFrom = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")} })
	trust := func(o *Options, _ *Deps, _ *[]Source) { o.TrustedProxies = []string{"192.0.2.0/24"} }
	for name, tc := range map[string]struct {
		proxies       bool
		peer, header  string
		token, reason string
		status        int
	}{
		"allowed":                       {peer: "203.0.113.9", token: goodToken, status: 200},
		"allowed, but not proved":       {peer: "203.0.113.9", token: "forged", status: 401, reason: "signature_mismatch"},
		"another address":               {peer: "198.51.100.1", token: goodToken, status: 403, reason: "address_not_allowed"},
		"a header that nobody trusts":   {peer: "198.51.100.1", header: "203.0.113.9", token: goodToken, status: 403, reason: "proxy_not_trusted"},
		"behind a trusted proxy":        {proxies: true, peer: "192.0.2.1", header: "203.0.113.9", token: goodToken, status: 200},
		"another behind it":             {proxies: true, peer: "192.0.2.1", header: "198.51.100.1", token: goodToken, status: 403, reason: "address_not_allowed"},
		"a forged header before it":     {proxies: true, peer: "192.0.2.1", header: "203.0.113.9, 198.51.100.1", token: goodToken, status: 403, reason: "address_not_allowed"},
		"IPv4 in IPv6, as sockets have": {peer: "::ffff:203.0.113.9", token: goodToken, status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := []func(*Options, *Deps, *[]Source){allow}
			if tc.proxies {
				change = append(change, trust)
			}
			b := newBench(t, change...)
			r := request(t, "/webhooks/vendor", tc.token, body(t, "", signal()))
			r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(tc.peer), 1234).String()
			if tc.header != "" {
				r.Header.Set("X-Forwarded-For", tc.header)
			}
			w := b.do(r)
			assert.Equal(t, tc.status, w.Code, w.Body)
			entries := b.gate.entries()
			require.Len(t, entries, 1)
			if tc.status != 200 {
				assert.Equal(t, tc.reason, entries[0].Reason)
				assert.Empty(t, entries[0].Sealed)
				assert.Empty(t, b.temporal.started)
			}
		})
	}
}

func TestSourcesThatTakeNothing(t *testing.T) {
	t.Parallel()
	for state, status := range map[State]int{StateDisabled: 404, StateBroken: 503} {
		b := newBench(t, with(func(s *Source) { s.State, s.Provider = state, nil }))
		w := b.do(request(t, "/webhooks/vendor", goodToken, body(t, "", signal())))
		assert.Equal(t, status, w.Code)
		assert.Equal(t, status == 503, w.Header().Get("Retry-After") != "")
		entries := b.gate.entries()
		require.Len(t, entries, 1, "every request to it is in the log")
		assert.Equal(t, string(state), entries[0].Reason)
		assert.Contains(t, b.log.String(), eventFailed)
		assert.NotContains(t, b.log.String(), eventSignature, "nobody looked at its signature")
		w = b.do(httpGet(t, "/webhooks/vendor"))
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
	}
}

func httpGet(t *testing.T, path string) *http.Request {
	t.Helper()
	r := request(t, path, "", "")
	r.Method = http.MethodGet
	return r
}

func TestSourcesAreSwapped(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options, _ *Deps, list *[]Source) { o.MoreSources, *list = true, nil })
	w := b.do(request(t, "/webhooks/vendor", goodToken, body(t, "", signal())))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code, "it may be one that is not loaded yet")
	assert.NotEmpty(t, w.Header().Get("Retry-After"))
	require.NoError(t, b.server.SetSources([]Source{source("vendor", b.vendor)}, false))
	status, _ := b.post(t, body(t, "", signal()))
	assert.Equal(t, http.StatusOK, status)
	w = b.do(request(t, "/webhooks/other", goodToken, body(t, "", signal())))
	assert.Equal(t, http.StatusNotFound, w.Code)
	twice := []Source{source("vendor", b.vendor), source("vendor", b.vendor)}
	require.Error(t, b.server.SetSources(twice, false))
	status, _ = b.post(t, body(t, "", signal()))
	assert.Equal(t, http.StatusOK, status, "what cannot be used changes nothing")
}

// With another epoch, a repeat is new and a retry is no retry.
func TestAnEpochForgets(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	payload := body(t, "e1", signal())
	b.post(t, payload)
	_, r := b.post(t, payload)
	assert.Equal(t, "duplicate", r.Status)
	_, r = b.post(t, body(t, "e2", signal()))
	assert.Equal(t, "debounced", r.Status)
	s := source("vendor", b.vendor)
	s.Epoch = 7
	require.NoError(t, b.server.SetSources([]Source{s}, false))
	asked := 0
	b.temporal.before = func() { asked++ }
	_, r = b.post(t, payload)
	assert.NotEqual(t, "duplicate", r.Status)
	assert.NotZero(t, asked, "Temporal is asked again, and knows what runs")
	assert.Len(t, b.temporal.started, 1)
}

// What a dry run of a replay is told of a source that raises nothing now.
func TestPreviewSaysWhatTheSourceHolds(t *testing.T) {
	t.Parallel()
	for held, change := range map[contract.Reason]func(*Source){
		{}:                        func(*Source) {},
		contract.ReasonPaused:     func(s *Source) { s.Paused = true },
		contract.ReasonStored:     func(s *Source) { s.Handler = contract.HandlerStore },
		contract.ReasonBelowFloor: func(s *Source) { s.SeverityFloor = incident.SeverityCritical },
	} {
		b := newBench(t, with(change))
		batch := providers.Batch{Signals: []incident.Signal{signal(severity(incident.SeverityMedium))}}
		found, err := b.server.Preview(Submission{Source: "vendor", Batch: &batch})
		require.NoError(t, err)
		require.Len(t, found, 1)
		assert.Equal(t, held.String(), found[0].Held)
	}
}
