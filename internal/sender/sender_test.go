package sender_test

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/sender"
	"github.com/nerve-alerts/nerve/providers"
)

var secret = strings.Repeat("5ec", 11)

// receiver verifies what comes as nerve does, with the registry's own provider.
type receiver struct {
	url      string
	spec     providers.Spec
	secret   string
	provider providers.Provider
	mu       sync.Mutex
	got      []*providers.Request
}

func receive(t *testing.T, spec providers.Spec) *receiver {
	t.Helper()
	made, err := spec.TestSecret(1)
	require.NoError(t, err)
	r := &receiver{spec: spec, secret: made}
	web := httptest.NewServer(r)
	t.Cleanup(web.Close)
	r.url = web.URL + "/webhooks/" + spec.Name
	r.provider, err = spec.New(providers.Config{Secrets: providers.Secrets(made), AllowWeak: true, PublicURL: r.url})
	require.NoError(t, err)
	return r
}

func (rec *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	in := &providers.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: body, ReceivedAt: time.Now()}
	rec.mu.Lock()
	rec.got = append(rec.got, in)
	rec.mu.Unlock()
	switch _, err := rec.provider.Verify(in); {
	case err == nil:
		_, _ = io.WriteString(w, `{"status":"enqueued"}`)
	case errors.Is(err, providers.ErrStale):
		w.WriteHeader(rec.spec.StaleStatus)
	default:
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// to are options that this receiver accepts.
func (rec *receiver) to(t *testing.T, fixture string) sender.Options {
	t.Helper()
	body, err := providers.Fixture(rec.spec.Name, fixture)
	require.NoError(t, err)
	header := providers.FixtureHeader(rec.spec.Name, fixture)
	return sender.Options{URL: rec.url, Provider: rec.spec.Name, Secret: rec.secret, Body: body, Header: header}
}

// signed is what a sender would deliver now.
func (rec *receiver) signed(t *testing.T) *providers.Request {
	t.Helper()
	body, err := providers.Fixture(rec.spec.Name, rec.spec.Fixtures[0])
	require.NoError(t, err)
	u, err := url.Parse(rec.url)
	require.NoError(t, err)
	now := time.Now()
	r := &providers.Request{Method: http.MethodPost, URL: u, Header: http.Header{}, Body: body, ReceivedAt: now}
	rec.provider.Sign(r, now)
	return r
}

func send(t *testing.T, o sender.Options) []sender.Result {
	t.Helper()
	var got []sender.Result
	require.NoError(t, sender.Send(t.Context(), o, func(r sender.Result) { got = append(got, r) }))
	return got
}

// eachProvider runs a test for every provider that nerve has.
func eachProvider(t *testing.T, f func(*testing.T, *receiver)) {
	t.Helper()
	require.NotEmpty(t, providers.All())
	for _, spec := range providers.All() {
		t.Run(spec.Name, func(t *testing.T) {
			t.Parallel()
			f(t, receive(t, spec))
		})
	}
}

func TestSignsAsTheVendorWould(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, rec *receiver) {
		for _, name := range providers.FixtureNames(rec.spec.Name) {
			o := rec.to(t, name)
			got := send(t, o)
			require.Len(t, got, 1)
			assert.Equal(t, http.StatusOK, got[0].Status, name)
			assert.True(t, got[0].Accepted())
			o.Secret, _ = rec.spec.TestSecret(2)
			assert.Equal(t, http.StatusUnauthorized, send(t, o)[0].Status, "with another secret")
		}
	})
}

func TestSpoiltIsRefused(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, rec *receiver) {
		o := rec.to(t, rec.spec.Fixtures[0])
		o.Tamper = true
		assert.Equal(t, http.StatusUnauthorized, send(t, o)[0].Status, "tampered")
		if rec.spec.Name == "slack" {
			assert.Regexp(t, `^v0=[0-9a-f]{64}$`, rec.got[0].Header.Get("X-Slack-Signature"), "only the body was changed")
		}
		o.Tamper, o.Stale = false, true
		if proof, err := rec.provider.Verify(rec.signed(t)); err == nil && !proof.Timed() {
			wrong, ok := errors.AsType[*sender.OptionError](sender.Send(t.Context(), o, nil))
			require.True(t, ok)
			assert.Equal(t, "stale", wrong.Option)
			return
		}
		assert.Equal(t, rec.spec.StaleStatus, send(t, o)[0].Status, "stale")
	})
}

// Deliveries are the same alert as new events, another alert each, or the very
// same request.
func TestWhatIsSentAgain(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, rec *receiver) {
		id, once := false, false // not every vendor sends an id, and some report what happens once
		read := func(change func(*sender.Options)) (bodies, events, alerts map[string]bool) {
			rec.got = nil
			o := rec.to(t, rec.spec.Fixtures[0])
			o.Count = 3
			change(&o)
			require.Len(t, send(t, o), 3)
			bodies, events, alerts = map[string]bool{}, map[string]bool{}, map[string]bool{}
			for _, r := range rec.got {
				batch, err := rec.provider.Parse(r)
				require.NoError(t, err)
				require.NotEmpty(t, batch.Signals)
				s := batch.Signals[0]
				bodies[string(r.Body)], events[batch.EventID], alerts[cmp.Or(s.Group, s.Key.Value)] = true, true, true
				id = id || batch.EventID != ""
				once = once || s.Key.Kind == incident.KeyEvent && s.Group == ""
			}
			return bodies, events, alerts
		}
		bodies, events, alerts := read(func(*sender.Options) {})
		assert.Len(t, alerts, map[bool]int{false: 1, true: 3}[once], "the same alert")
		if id {
			assert.Len(t, bodies, 3)
			assert.Len(t, events, 3)
		}

		_, events, alerts = read(func(o *sender.Options) { o.Distinct = true })
		assert.Len(t, alerts, 3, "another alert each")
		if id {
			assert.Len(t, events, 3)
		}

		bodies, _, _ = read(func(o *sender.Options) { o.Repeat = true })
		assert.Len(t, bodies, 1)
		for _, r := range rec.got {
			assert.Equal(t, rec.got[0].Header, r.Header, "signed once")
		}
	})
}

// A vendor's id in a header is new for each delivery, and stays for a retry.
func TestHeadersOfTheVendor(t *testing.T) {
	t.Parallel()
	spec, _ := providers.Lookup("slack")
	rec := receive(t, spec)
	o := rec.to(t, "question")
	o.Header = http.Header{"X-Delivery": {"a-{uuid}-{uuid}"}, "X-Event": {"push"}}
	o.Count = 2
	send(t, o)
	o.Repeat = true
	send(t, o)
	require.Len(t, rec.got, 4)
	ids := make([]string, 4)
	for i, r := range rec.got {
		ids[i] = r.Header.Get("X-Delivery")
		assert.Regexp(t, `^a-[0-9a-f]{8}-[0-9a-f-]{27}-[0-9a-f]{8}-[0-9a-f-]{27}$`, ids[i])
		assert.Equal(t, "push", r.Header.Get("X-Event"))
	}
	assert.NotEqual(t, ids[0], ids[1])
	assert.NotEqual(t, ids[1], ids[2])
	assert.Equal(t, ids[2], ids[3], "the very same request")
	assert.NotEqual(t, ids[0][2:38], ids[0][39:], "each mark is an id of its own")
}

// A public key checks signatures and makes none.
func TestNeedsAKeyThatSigns(t *testing.T) {
	t.Parallel()
	public, _, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	o := sender.Options{URL: "http://127.0.0.1:1/", Provider: "discord", Secret: hex.EncodeToString(public), Body: []byte("{}")}
	wrong, ok := errors.AsType[*sender.OptionError](sender.Send(t.Context(), o, nil))
	require.True(t, ok)
	assert.Equal(t, "secret", wrong.Option)
	assert.Contains(t, wrong.Problem, "give the private key")
	assert.NotContains(t, wrong.Problem, "providers:")

	o.Schemes = []string{"nope"}
	wrong, ok = errors.AsType[*sender.OptionError](sender.Send(t.Context(), o, nil))
	require.True(t, ok)
	assert.Equal(t, "scheme", wrong.Option)
}

func TestCount(t *testing.T) {
	t.Parallel()
	spec, _ := providers.Lookup("slack")
	rec := receive(t, spec)
	o := rec.to(t, "question")
	for count, want := range map[int]int{0: 1, 1: 1, 4: 4} {
		o.Count = count
		got := send(t, o)
		require.Len(t, got, want)
		for i, r := range got {
			assert.Equal(t, i+1, r.N)
			assert.Positive(t, r.Latency)
		}
	}
	assert.Len(t, rec.got, 6)
}

// roundTrip answers without a network, so that time can stand still.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func accepted(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

func TestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := sender.Options{
			URL: "http://alerts.example.com/", Provider: "slack", Secret: secret, Body: []byte("{}"),
			Count: 5, Rate: 2, Client: &http.Client{Transport: roundTrip(accepted)},
		}
		started := time.Now()
		require.Len(t, send(t, o), 5)
		assert.Equal(t, 2*time.Second, time.Since(started), "the first at once, then one each half second")
		o.Rate = 0
		started = time.Now()
		require.Len(t, send(t, o), 5)
		assert.Zero(t, time.Since(started))

		ctx, stop := context.WithCancel(t.Context())
		o.Rate = 0.001
		err := sender.Send(ctx, o, func(sender.Result) { stop() })
		require.ErrorIs(t, err, context.Canceled, "it does not wait out the rate when it is interrupted")
	})
}

func TestMistakesSendNothing(t *testing.T) {
	t.Parallel()
	spec, _ := providers.Lookup("slack")
	rec := receive(t, spec)
	for option, changes := range map[string][]func(*sender.Options){
		"provider": {func(o *sender.Options) { o.Provider = "nobody" }},
		"secret":   {func(o *sender.Options) { o.Secret = " \n" }},
		"count":    {func(o *sender.Options) { o.Count = -1 }},
		"rate": {
			func(o *sender.Options) { o.Rate = -1 }, func(o *sender.Options) { o.Rate = math.NaN() },
			func(o *sender.Options) { o.Rate = math.Inf(1) },
		},
		"url": {
			func(o *sender.Options) { o.URL = "" }, func(o *sender.Options) { o.URL = "ftp://alerts.example.com/" },
			func(o *sender.Options) { o.URL = "http://:8080/" }, func(o *sender.Options) { o.URL = "alerts.example.com/webhooks/slack" },
		},
	} {
		for _, change := range changes {
			o := rec.to(t, "question")
			change(&o)
			err := sender.Send(t.Context(), o, nil)
			wrong, ok := errors.AsType[*sender.OptionError](err)
			require.True(t, ok, "%s: %v", option, err)
			assert.Equal(t, option, wrong.Option)
		}
	}
	assert.Empty(t, rec.got)
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.NotFoundHandler())
	web.Close()
	o := sender.Options{URL: web.URL + "/hook/hidden", Provider: "slack", Secret: secret, Body: []byte("{}"), Count: 3}
	err := sender.Send(t.Context(), o, func(sender.Result) { t.Error("there was no answer") })
	require.ErrorContains(t, err, "nothing answers at "+strings.TrimPrefix(web.URL, "http://"))
	assert.NotContains(t, err.Error(), "hidden", "a path may be a secret")

	o.Client = &http.Client{Timeout: time.Millisecond, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})}
	require.ErrorContains(t, sender.Send(t.Context(), o, nil), "no answer from")
}

func TestFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the delivery went elsewhere") }))
	t.Cleanup(elsewhere.Close)
	web := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(web.Close)
	o := sender.Options{URL: web.URL, Provider: "datadog", Secret: secret, Body: []byte("{}"), Client: &http.Client{}}
	got := send(t, o)
	assert.Equal(t, http.StatusTemporaryRedirect, got[0].Status)
	assert.False(t, got[0].Accepted())
}

func TestBeforeSeesWhatIsDelivered(t *testing.T) {
	t.Parallel()
	spec, _ := providers.Lookup("slack")
	rec := receive(t, spec)
	o := rec.to(t, "question")
	var seen []string
	o.Before = func(_ context.Context, body []byte) error { seen = append(seen, string(body)); return nil }
	send(t, o)
	require.Len(t, rec.got, 1)
	assert.Equal(t, []string{string(rec.got[0].Body)}, seen)
	o.Before = func(context.Context, []byte) error { return io.ErrUnexpectedEOF }
	require.ErrorIs(t, sender.Send(t.Context(), o, nil), io.ErrUnexpectedEOF)
	assert.Len(t, rec.got, 1, "nothing was delivered")
}

// A relayed retry must stay a retry: its bytes are those that came.
func TestRelayChangesNothing(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, rec *receiver) {
		o := rec.to(t, rec.spec.Fixtures[0])
		var got sender.Result
		require.NoError(t, sender.Relay(t.Context(), o, func(r sender.Result) { got = r }))
		assert.True(t, got.Accepted())
		require.Len(t, rec.got, 1)
		if strings.HasPrefix(rec.spec.Name, "aws_") && strings.Contains(string(rec.got[0].Body), "SigningCertURL") {
			return // the proof of SNS stands in the body
		}
		assert.Equal(t, string(o.Body), string(rec.got[0].Body))
	})
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]sender.Result{
		"enqueued":                  {Status: 200, Body: `{"status":"enqueued"}`},
		"WEBHOOK_SIGNATURE_INVALID": {Status: 401, Body: `{"status":401,"code":"WEBHOOK_SIGNATURE_INVALID"}`},
		"Not Found":                 {Status: 404, Body: `{"status":404}`},
		"OK":                        {Status: 200, Body: `{"challenge":"x"}`},
		"Created":                   {Status: 201, Body: `{"status":""}`},
		"Bad Gateway":               {Status: 502, Body: `<html>`},
		"no known status":           {Status: 599},
	} {
		assert.Equal(t, want, r.Outcome())
	}
}
