package events_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/events"
	"github.com/nerve-alerts/nerve/internal/outbound"
	"github.com/nerve-alerts/nerve/providers"
)

var at = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func delivery(id string, o contract.Outcome, status int) *contract.Delivery {
	return &contract.Delivery{
		ID: id, Source: "datadog", Provider: "datadog", ReceivedAt: at, EventType: "alert", Assurance: "signed", Outcome: o, Status: status,
		Signals: 1, WorkflowID: "w", IncidentID: "i", RemoteIP: "192.0.2.1", Reason: "why", Fingerprint: "f",
		Headers: map[string]string{"x": "header"}, Sealed: []byte("sealed"), SHA256: "ff", ContentType: "application/json", SecretID: "0a1b2c3d",
	}
}

func types(list []contract.Event) []string {
	all := make([]string, len(list))
	for i, e := range list {
		all[i] = e.Type
	}
	return all
}

func TestOf(t *testing.T) {
	t.Parallel()
	for outcome, last := range map[contract.Outcome]string{
		contract.OutcomeAccepted: contract.EventProcessed, contract.OutcomeDuplicate: contract.EventProcessed,
		contract.OutcomeDebounced: contract.EventProcessed, contract.OutcomeFolded: contract.EventProcessed,
		contract.OutcomeResolved: contract.EventProcessed, contract.OutcomeIgnored: contract.EventProcessed,
		contract.OutcomeStored: contract.EventProcessed, contract.OutcomeHandshake: contract.EventProcessed,
		contract.OutcomeRejected: contract.EventFailed, contract.OutcomeLimited: contract.EventFailed, contract.OutcomeFailed: contract.EventFailed,
	} {
		assert.Equal(t, []string{contract.EventReceived, contract.EventVerified, last}, types(events.Of(delivery("d", outcome, 200))), outcome)
	}
	unproved := delivery("d", contract.OutcomeRejected, 401)
	unproved.Assurance = ""
	assert.Equal(t, []string{contract.EventReceived, contract.EventFailed}, types(events.Of(unproved)))
	part := delivery("d-1", contract.OutcomeAccepted, 200)
	part.Part = 1
	assert.Empty(t, events.Of(part))

	first, again := events.Of(delivery("d", contract.OutcomeAccepted, 200)), events.Of(delivery("d", contract.OutcomeAccepted, 200))
	assert.Equal(t, first, again, "an event has one id for ever")
	seen := map[string]bool{}
	for _, e := range append(first, events.Of(delivery("e", contract.OutcomeAccepted, 200))...) {
		assert.False(t, seen[e.ID], "no two events share an id")
		seen[e.ID] = true
	}
	raw, err := json.Marshal(first)
	require.NoError(t, err)
	for _, content := range []string{"192.0.2.1", "header", "sealed", "why", "ff\"", "0a1b2c3d"} {
		assert.NotContains(t, string(raw), content, "metadata only")
	}
	rec := &contract.IncidentRecord{ID: "i", RunID: "r", WorkflowID: "w", Signal: incident.Signal{Source: "s", Provider: "p"}}
	failure := events.OfFailure(rec, at)
	assert.Equal(t, contract.EventFailed, failure.Type)
	assert.Equal(t, "i", failure.Data.IncidentID)
	assert.NotEqual(t, events.BatchID(first), events.BatchID(first[:1]))
}

// subscriber is a server that answers what it is told to.
type subscriber struct {
	mu     sync.Mutex
	answer func(r *http.Request) (status int, retryAfter string)
	got    []string // webhook ids in order
	types  []string

	stops stops
	now   func() time.Time
}

// stops is where stopped subscribers are kept.
type stops struct {
	mu    sync.Mutex
	err   error
	names map[string]string // why
}

func (s *stops) StopSubscriber(_ context.Context, name, why string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.names == nil {
		s.names = map[string]string{}
	}
	s.names[name] = why
	return nil
}

func (s *stops) StoppedSubscribers(context.Context) ([]contract.StoppedSubscriber, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []contract.StoppedSubscriber
	for name, why := range s.names {
		list = append(list, contract.StoppedSubscriber{Name: name, Why: why})
	}
	return list, s.err
}

func (s *stops) set(err error, names map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.names = err, names
}

func (s *subscriber) start(t *testing.T, name string, change func(*events.Subscriber)) *events.Sender {
	t.Helper()
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	spec, ok := providers.Lookup("standard_webhooks")
	require.True(t, ok)
	verifier, err := spec.New(providers.Config{Secrets: providers.Secrets(secret)})
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, err := verifier.Verify(&providers.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: body, ReceivedAt: time.Now()})
		assert.NoError(t, err, "our own verifier takes what we sign")
		var envelope struct {
			Type      string
			Timestamp time.Time
			Data      map[string]any
		}
		assert.NoError(t, json.Unmarshal(body, &envelope))
		assert.NotZero(t, envelope.Timestamp)
		assert.NotEmpty(t, envelope.Data["source"])
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got, s.types = append(s.got, r.Header.Get("Webhook-Id")), append(s.types, envelope.Type)
		if s.answer == nil {
			return
		}
		status, after := s.answer(r)
		w.Header().Set("Retry-After", after)
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	key, err := outbound.ParseKey(secret)
	require.NoError(t, err)
	sub := events.Subscriber{Name: name, URL: server.URL, Key: key}
	if change != nil {
		change(&sub)
	}
	guard := outbound.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	sender, err := events.NewSender(outbound.NewTransport(outbound.Options{Guard: guard}), []events.Subscriber{sub}, &s.stops, slog.New(slog.DiscardHandler), s.now)
	require.NoError(t, err)
	return sender
}

func alive() {}

func TestSendDeliversInOrder(t *testing.T) {
	t.Parallel()
	s := &subscriber{}
	sender := s.start(t, "crm", nil)
	batch := events.Of(delivery("d", contract.OutcomeAccepted, 200))
	sent, err := sender.Send(t.Context(), "crm", batch, alive)
	require.NoError(t, err)
	assert.Equal(t, contract.EventsSent{Delivered: 3}, sent)
	assert.Equal(t, []string{contract.EventReceived, contract.EventVerified, contract.EventProcessed}, s.types)
	_, err = sender.Send(t.Context(), "nobody", batch, alive)
	require.ErrorIs(t, err, events.ErrUnknown)
}

func TestSendSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	batch := events.Of(delivery("d", contract.OutcomeAccepted, 200))
	second := func(status int, after string) func(*http.Request) (int, string) {
		return func(r *http.Request) (int, string) {
			if r.Header.Get("Webhook-Id") == batch[1].ID {
				return status, after
			}
			return http.StatusOK, ""
		}
	}
	for name, tt := range map[string]struct {
		answer func(*http.Request) (int, string)
		want   contract.EventsSent
	}{
		"down":      {second(503, "7"), contract.EventsSent{Delivered: 1, Left: []string{batch[1].ID, batch[2].ID}, After: 7 * time.Second, Why: "outbound/http_503"}},
		"busy":      {second(429, "60"), contract.EventsSent{Delivered: 1, Left: []string{batch[1].ID, batch[2].ID}, After: time.Minute, Why: "outbound/http_429"}},
		"gone":      {second(410, ""), contract.EventsSent{Delivered: 1, Left: []string{batch[1].ID, batch[2].ID}, Gone: true, Why: "outbound/http_410"}},
		"refused":   {second(422, ""), contract.EventsSent{Delivered: 2, Left: []string{batch[1].ID}, Why: "outbound/http_422"}},
		"elsewhere": {second(302, ""), contract.EventsSent{Delivered: 2, Left: []string{batch[1].ID}, Why: "outbound/http_302"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &subscriber{answer: tt.answer}
			sender := s.start(t, "crm", nil)
			sent, err := sender.Send(t.Context(), "crm", batch, alive)
			require.NoError(t, err)
			assert.Equal(t, tt.want, sent)
			calls := len(s.got)
			_, err = sender.Send(t.Context(), "crm", batch[:1], alive)
			require.NoError(t, err)
			if tt.want.Gone {
				assert.Len(t, s.got, calls, "it wants no more, and gets no more")
				sender.Split(t.Context(), batch, func(string, []contract.Event) { t.Error("it wants no more") })
			} else {
				assert.Len(t, s.got, calls+1)
			}
		})
	}
}

func TestAnAddressThatMustNotBeCalled(t *testing.T) {
	t.Parallel()
	key, err := outbound.ParseKey("whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it must not be called") }))
	t.Cleanup(server.Close)
	sender, err := events.NewSender(outbound.NewTransport(outbound.Options{}), []events.Subscriber{{Name: "crm", URL: server.URL, Key: key}}, &stops{}, slog.New(slog.DiscardHandler), nil)
	require.NoError(t, err)
	batch := events.Of(delivery("d", contract.OutcomeAccepted, 200))
	sent, err := sender.Send(t.Context(), "crm", batch, alive)
	require.NoError(t, err)
	assert.Equal(t, contract.EventsSent{Forbidden: true, Left: []string{batch[0].ID, batch[1].ID, batch[2].ID}, Why: "outbound/address_forbidden"}, sent)
}

func TestAStopOutlivesTheWorker(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	s := &subscriber{answer: func(*http.Request) (int, string) { return http.StatusGone, "" }, now: func() time.Time { return clock }}
	batch := events.Of(delivery("d", contract.OutcomeAccepted, 200))
	wanted := func(sender *events.Sender) (wanted bool) {
		sender.Split(t.Context(), batch, func(string, []contract.Event) { wanted = true })
		return wanted
	}
	send := func(sender *events.Sender) {
		_, err := sender.Send(t.Context(), "crm", batch, alive)
		require.NoError(t, err)
	}
	first := s.start(t, "crm", nil)
	send(first)
	assert.Equal(t, map[string]string{"crm": "outbound/http_410"}, s.stops.names)

	other := s.start(t, "crm", nil)
	assert.False(t, wanted(other), "a worker that starts knows of it")
	send(other)
	assert.Len(t, s.got, 1)

	s.stops.set(nil, nil) // an operator starts it again
	assert.False(t, wanted(other), "it was asked for a moment ago")
	clock = clock.Add(10 * time.Second)
	assert.True(t, wanted(other))
	assert.True(t, wanted(first))

	s.stops.set(errAway, nil)
	send(other)
	clock = clock.Add(10 * time.Second)
	assert.False(t, wanted(other), "what could not be kept holds in the process")
	s.stops.set(nil, nil)
	clock = clock.Add(10 * time.Second)
	assert.False(t, wanted(other))
	assert.Equal(t, map[string]string{"crm": "outbound/http_410"}, s.stops.names, "and is kept once it can be")
}

var errAway = errors.New("away")

func TestSplitGivesEachWhatItWants(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*events.Subscriber)
		want   []string
	}{
		"all":             {nil, []string{contract.EventReceived, contract.EventVerified, contract.EventProcessed}},
		"a type":          {func(s *events.Subscriber) { s.Types = []string{contract.EventProcessed} }, []string{contract.EventProcessed}},
		"a source":        {func(s *events.Subscriber) { s.Sources = []string{"datadog"} }, []string{contract.EventReceived, contract.EventVerified, contract.EventProcessed}},
		"another source":  {func(s *events.Subscriber) { s.Sources = []string{"zendesk"} }, nil},
		"a type it never": {func(s *events.Subscriber) { s.Types = []string{contract.EventFailed} }, nil},
	} {
		sender := (&subscriber{}).start(t, "crm", tt.change)
		var got []string
		sender.Split(t.Context(), events.Of(delivery("d", contract.OutcomeAccepted, 200)), func(n string, list []contract.Event) {
			assert.Equal(t, "crm", n)
			got = types(list)
		})
		assert.Equal(t, tt.want, got, name)
	}
	_, err := events.NewSender(http.DefaultTransport, []events.Subscriber{{Name: "a"}, {Name: "a"}}, &stops{}, slog.New(slog.DiscardHandler), nil)
	require.Error(t, err)
}
