package ingest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

func decode(t *testing.T, w *httptest.ResponseRecorder) problem {
	t.Helper()
	assert.Equal(t, problemType, w.Header().Get("Content-Type"))
	var p problem
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p), w.Body.String())
	assert.Equal(t, w.Code, p.Status)
	assert.NotEmpty(t, p.Title)
	assert.NotEmpty(t, p.Type)
	assert.Equal(t, "/requests/"+w.Header().Get("X-Request-Id"), p.Instance)
	return p
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	good := body(t, "e1", signal())
	for _, tc := range []struct {
		name, path, token, body string
		status                  int
		code, kind              string
		reason                  string // in the delivery log; "" when there is no entry
	}{
		{"no source", "/webhooks/other", goodToken, good, 404, codeNoHandler, "about:blank", "no_source"},
		{"no slack source", "/slack/events", goodToken, good, 404, codeNoHandler, "about:blank", "no_source"},
		{"below a source", "/webhooks/vendor/", goodToken, good, 404, codeNoHandler, "about:blank", "no_route"},
		{"no route", "/webhook", goodToken, good, 404, codeNoHandler, "about:blank", ""},
		{"unsigned", "/webhooks/vendor", "", good, 401, codeSignature, problemSpace + "missing-signature", "missing_signature"},
		{"forged", "/webhooks/vendor", "wrong", good, 401, codeSignature, problemSpace + "invalid-signature", "signature_mismatch"},
		{"stale", "/webhooks/vendor", "stale", good, 401, codeReplay, problemSpace + "replay-detected", "stale_timestamp"},
		{"stale, 400", "/webhooks/strict", "stale", good, 400, codeReplay, problemSpace + "replay-detected", "stale_timestamp"},
		{"too little assurance", "/webhooks/strict", goodToken, good, 401, codeSignature, problemSpace + "invalid-signature", "assurance_too_low"},
		{"a verifier that breaks", "/webhooks/vendor", "odd", good, 500, codeFailed, "about:blank", "unexpected_error"},
		{"a verifier that proves nothing", "/webhooks/vendor", "nothing", good, 500, codeFailed, "about:blank", "unexpected_error"},
		{"malformed", "/webhooks/vendor", goodToken, "{", 400, codeMalformed, problemSpace + "malformed-payload", "malformed_payload"},
		{"missing fields", "/webhooks/vendor", goodToken, body(t, "e1", incident.Signal{}), 400, codeMalformed, problemSpace + "invalid-fields", "invalid fields: title (required), deduplication_key (required)"},
		{"too large", "/webhooks/vendor", goodToken, strings.Repeat("x", 1<<20+1), 413, codeTooLarge, "about:blank", "body_too_large"},
		{"panic", "/webhooks/vendor", goodToken, "panic", 500, codeFailed, "about:blank", "panic"},
		{"paused", "/webhooks/paused", goodToken, good, 503, codeFailed, "about:blank", "paused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(_ *Options, _ *Deps, list *[]Source) {
				strict, paused := source("strict", &vendor{}), source("paused", &vendor{})
				strict.StaleStatus, strict.MinAssurance, paused.Paused = 400, providers.AssuranceSigned, true
				*list = append(*list, strict, paused)
			})
			w := b.do(request(t, tc.path, tc.token, tc.body))
			p := decode(t, w)
			assert.Equal(t, tc.status, p.Status)
			assert.Equal(t, tc.code, p.Code)
			assert.Equal(t, tc.kind, p.Type)
			assert.Equal(t, tc.status == 400 && tc.code == codeMalformed, len(p.ValidationErrors) > 0)
			assert.Equal(t, tc.status == 503, w.Header().Get("Retry-After") != "")
			assert.Empty(t, b.temporal.started)
			assert.Empty(t, b.gate.claims, "nothing is looked up for it")
			if tc.reason == "" {
				assert.Empty(t, b.gate.entries())
				return
			}
			require.Len(t, b.gate.entries(), 1)
			entry := b.gate.entries()[0]
			assert.Equal(t, tc.reason, entry.Reason)
			assert.Equal(t, tc.status, entry.Status)
			assert.Equal(t, tc.code, entry.Code)
			assert.Equal(t, len(tc.body), entry.Size)
			if tc.status == 404 || tc.status == 413 {
				assert.Empty(t, entry.SHA256, "its body was not read")
				return
			}
			assert.Len(t, entry.SHA256, 64)
			if tc.token != goodToken || tc.name == "too little assurance" {
				assert.Empty(t, entry.Sealed, "nothing of an unproved delivery is kept")
				assert.Empty(t, entry.Headers)
			} else if tc.name != "panic" { // before anything was proved
				assert.NotEmpty(t, entry.Sealed, "it can be replayed")
			}
			if tc.token != goodToken && tc.token != "nothing" {
				assert.Zero(t, b.vendor.parsed, "a forged request never reaches Parse")
			}
		})
	}
}

func TestTooLargeIsRefusedHoweverItComes(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options, _ *Deps, _ *[]Source) { o.MaxBody = 1000 })
	chunked := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/vendor", io.MultiReader(strings.NewReader(strings.Repeat("x", 1001))))
	require.EqualValues(t, -1, chunked.ContentLength)
	assert.Equal(t, 413, decode(t, b.do(chunked)).Status)
	require.Len(t, b.gate.entries(), 1)
	assert.Empty(t, b.gate.entries()[0].SHA256)

	lying := request(t, "/webhooks/vendor", goodToken, "{}")
	lying.ContentLength = 500
	assert.Equal(t, 400, decode(t, b.do(lying)).Status, "a body that ends early")

	exact := request(t, "/webhooks/vendor", "", strings.Repeat("x", 1000))
	assert.Equal(t, 401, decode(t, b.do(exact)).Status, "the limit itself is allowed")
	assert.Zero(t, b.vendor.parsed)
}

func TestMethods(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for path, allow := range map[string]string{"/webhooks/vendor": "GET, POST, OPTIONS", "/slack/events": "POST", "/health": "GET, HEAD"} {
		w := b.do(httptest.NewRequestWithContext(t.Context(), http.MethodDelete, path, nil))
		p := decode(t, w)
		assert.Equal(t, 405, p.Status)
		assert.Equal(t, codeMethod, p.Code)
		assert.Equal(t, allow, w.Header().Get("Allow"))
	}
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w := b.do(request(t, "/webhooks/vendor", goodToken, "challenge:abc"))
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "abc", w.Body.String())
	assert.Equal(t, "text/plain", w.Header().Get("Content-Type"))
	require.Len(t, b.gate.entries(), 1)
	assert.Equal(t, contract.OutcomeHandshake, b.gate.entries()[0].Outcome)

	w = b.do(request(t, "/webhooks/vendor", "wrong", "challenge:abc"))
	assert.Equal(t, 401, w.Code, "a challenge needs its signature too")
	assert.NotContains(t, w.Body.String(), "abc")
}

func TestProbe(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ask := func(method, path string) *httptest.ResponseRecorder {
		return b.do(httptest.NewRequestWithContext(t.Context(), method, path, nil))
	}
	w := ask(http.MethodGet, "/webhooks/vendor?challenge=abc")
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "abc", w.Body.String())
	assert.Equal(t, "abc", w.Header().Get("X-Challenge"))
	assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	assert.Equal(t, 200, ask(http.MethodOptions, "/webhooks/vendor?challenge=abc").Code)
	for _, path := range []string{"/webhooks/vendor", "/webhooks/nobody?challenge=abc"} {
		w := ask(http.MethodGet, path)
		assert.Equal(t, 405, w.Code, path)
		assert.Equal(t, "POST", w.Header().Get("Allow"))
		assert.NotContains(t, w.Body.String(), "abc")
	}
	entries := b.gate.entries()
	assert.Equal(t, []contract.Outcome{contract.OutcomeHandshake, contract.OutcomeHandshake, contract.OutcomeRejected, contract.OutcomeRejected}, outcomes(entries))
	assert.Equal(t, []string{"probe", "probe", "method", "method"}, []string{entries[0].Reason, entries[1].Reason, entries[2].Reason, entries[3].Reason})
	assert.Equal(t, "nobody", entries[3].Source)
	assert.Zero(t, b.vendor.parsed)
}

func TestProofThatCannotBeChecked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 50 {
		w := b.do(request(t, "/webhooks/vendor", "away", body(t, "one", signal())))
		assert.Equal(t, 503, w.Code, "the sender's address is not held against it")
		assert.NotEmpty(t, w.Header().Get("Retry-After"))
	}
	assert.Zero(t, b.vendor.parsed)
	assert.Contains(t, b.log.String(), "proof_unavailable")
}

func TestUntimedSignatureIsTakenOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, id := range []string{"one", "another"} {
		assert.Equal(t, 200, b.do(request(t, "/webhooks/vendor", "untimed", body(t, id, signal()))).Code)
	}
	assert.Equal(t, 200, b.do(request(t, "/webhooks/vendor", "untimed", body(t, "one", signal()))).Code)
	assert.Equal(t, 200, b.do(request(t, "/webhooks/vendor", goodToken, body(t, "one", signal()))).Code)
	claims := b.gate.claims
	require.Len(t, claims, 4)
	assert.NotEmpty(t, claims[0].DeliveryID)
	assert.NotEqual(t, claims[0].DeliveryID, claims[1].DeliveryID)
	assert.Equal(t, claims[0].DeliveryID, claims[2].DeliveryID)
	assert.NotEqual(t, claims[0].DeliveryID, claims[3].DeliveryID, "the bytes stand for the id only where nothing signs a time")
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for given, kept := range map[string]bool{"abcd-1234.x": true, "": false, "short": false, "has space in it": false, strings.Repeat("x", 65): false} {
		r := request(t, "/webhooks/vendor", "", "{}")
		r.Header.Set("X-Request-Id", given)
		w := b.do(r)
		assert.Equal(t, kept, w.Header().Get("X-Request-Id") == given, given)
		decode(t, w)
	}
}

// What is stored or ignored is remembered by the log alone, and its sender sends
// it no more: the entry comes before the answer. What is refused comes again.
func TestWhatOnlyTheLogRemembersIsLoggedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	two := func(t *testing.T) string {
		return body(t, "e1", signal(), signal(func(s *incident.Signal) { s.Key.Value = "monitor-2" }))
	}
	for name, tt := range map[string]struct {
		payload string
		token   string
		status  int
		entries int
		before  bool
	}{
		"stored":          {`{"EventType":"channel_created"}`, goodToken, 200, 1, true},
		"ignored":         {`{"Ignored":"self_message"}`, goodToken, 200, 1, true},
		"several signals": {two(t), goodToken, 200, 3, true},
		"refused":         {`{}`, "wrong", 401, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, w := newBench(t), httptest.NewRecorder()
			var before []bool
			b.gate.onLog = func() { before = append(before, !w.Flushed) }
			b.server.Handler().ServeHTTP(w, request(t, "/webhooks/vendor", tt.token, tt.payload))
			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, []bool{tt.before}, before)
			assert.Len(t, b.gate.entries(), tt.entries, "one entry for each")
		})
	}
}

func TestEventsWithoutSignals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	status, r := b.post(t, `{"EventType":"channel_created"}`)
	assert.Equal(t, 200, status)
	assert.Equal(t, reply{Status: "stored"}, r)
	status, r = b.post(t, `{"Ignored":"self_message"}`)
	assert.Equal(t, 200, status)
	assert.Equal(t, reply{Status: "ignored", Reason: "self_message"}, r)
	entries := b.gate.entries()
	require.Len(t, entries, 2)
	assert.Equal(t, []contract.Outcome{contract.OutcomeStored, contract.OutcomeIgnored}, []contract.Outcome{entries[0].Outcome, entries[1].Outcome})
	assert.Equal(t, codeNoHandler, entries[0].Code)
	assert.NotEmpty(t, entries[0].Sealed, "the bytes are kept for later logic")
	assert.Equal(t, "application/json", entries[0].Headers["Content-Type"])
	assert.NotContains(t, entries[0].Headers, tokenName)
}

func TestSlackRoute(t *testing.T) {
	t.Parallel()
	named := func(names ...string) func(*Options, *Deps, *[]Source) {
		return func(_ *Options, _ *Deps, list *[]Source) {
			for _, n := range names {
				s := source(n, &vendor{})
				s.ProviderName = slackProvider
				*list = append(*list, s)
			}
		}
	}
	for _, tc := range []struct {
		sources []string
		source  string
	}{{nil, ""}, {[]string{"chat"}, "chat"}, {[]string{"a", "b"}, ""}, {[]string{"a", "slack"}, "slack"}} {
		b := newBench(t, named(tc.sources...))
		w := b.do(request(t, "/slack/events", goodToken, body(t, "e", signal())))
		if tc.source == "" {
			assert.Equal(t, 404, w.Code, tc.sources)
			continue
		}
		assert.Equal(t, 200, w.Code, tc.sources)
		assert.Equal(t, tc.source, b.temporal.started[0].Start.Signal.Source)
	}
}

func TestRemoteIP(t *testing.T) {
	t.Parallel()
	for proxies, want := range map[string]string{"": "192.0.2.1", "192.0.2.0/24": "198.51.100.7"} {
		b := newBench(t, func(o *Options, _ *Deps, _ *[]Source) {
			if proxies != "" {
				o.TrustedProxies = []string{proxies}
			}
		})
		r := request(t, "/webhooks/vendor", "", "{}")
		r.Header.Set("X-Forwarded-For", "198.51.100.7")
		b.do(r)
		assert.Equal(t, want, b.gate.entries()[0].RemoteIP)
	}
}

func TestNewFailsClosed(t *testing.T) {
	t.Parallel()
	deps := newBench(t).server.deps
	one := source("a", &vendor{})
	_, err := New(Options{}, deps, nil)
	require.ErrorContains(t, err, "no source")
	_, err = New(Options{}, deps, []Source{one, one})
	require.ErrorContains(t, err, "twice")
	_, err = New(Options{}, deps, []Source{{Name: "a"}})
	require.ErrorContains(t, err, "provider")
	_, err = New(Options{TrustedProxies: []string{"x"}}, deps, []Source{one})
	require.ErrorContains(t, err, "proxies")
	deps.Sealer = nil
	_, err = New(Options{}, deps, []Source{one})
	require.ErrorContains(t, err, "dependency")
}
