package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/starter"
	"github.com/nerve-alerts/nerve/internal/testkit"
	"github.com/nerve-alerts/nerve/providers"
)

// traffic is a server on a real Redis with a real recorder behind it, and
// whoever sends to it.
type traffic struct {
	t       *testing.T
	dice    *rand.Rand
	b       *bench
	gate    *admission.Admission
	away    atomic.Bool // Redis, for the server alone
	client  *redis.Client
	store   *record.Store
	file    string
	http    *httptest.Server
	sent    int
	sources []string

	mu      sync.Mutex
	answers []wire
}

// awayHook is a Redis that cannot be reached.
type awayHook struct{ away *atomic.Bool }

var errUnreachable = errors.New("no route to Redis")

func (h awayHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h awayHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if h.away.Load() {
			cmd.SetErr(errUnreachable)
			return errUnreachable
		}
		return next(ctx, cmd)
	}
}

func (h awayHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if h.away.Load() {
			return errUnreachable
		}
		return next(ctx, cmds)
	}
}

func newTraffic(t *testing.T, dice *rand.Rand) *traffic {
	t.Helper()
	tr := &traffic{t: t, dice: dice, file: filepath.Join(t.TempDir(), "nerve.db")}
	o, err := redis.ParseURL(testkit.Redis(t))
	require.NoError(t, err)
	o.ContextTimeoutEnabled, o.MaxRetries = true, -1
	open := func() (*redis.Client, *admission.Admission) {
		client := redis.NewClient(o)
		t.Cleanup(func() { _ = client.Close() })
		a, err := admission.Open(admission.Options{
			Client: client, Durable: true, Budget: 5 * time.Second, ProbeEvery: 5 * time.Millisecond,
			Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return tr.b.time() },
		})
		require.NoError(t, err)
		return client, a
	}
	front, gate := open()
	front.AddHook(awayHook{&tr.away})
	tr.gate = gate
	tr.record(open)
	tr.serve()
	return tr
}

// record runs the recorder into a SQLite file until the test ends.
func (tr *traffic) record(open func() (*redis.Client, *admission.Admission)) {
	t := tr.t
	var err error
	tr.store, err = record.Open(t.Context(), "sqlite://"+tr.file, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	client, back := open()
	tr.client = client
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = back.Consume(ctx, "recorder", tr.store.SaveDeliveries)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		_ = tr.store.Close()
	})
}

func (tr *traffic) serve() {
	tr.b = newBench(tr.t, func(o *Options, d *Deps, list *[]Source) {
		o.MaxBody, o.TrustedProxies = 4096, []string{"127.0.0.1", "::1"}
		d.Gate, d.Windows, d.Streams, d.Reactor = tr.gate, tr.gate, tr.gate, nil
		paused, storm, slack := source("paused", &vendor{}), source("storm", &vendor{}), source("chat", &vendor{})
		paused.Paused, slack.ProviderName = true, slackProvider
		storm.RatePerMin, storm.Burst, storm.HardCap = 10, 5, 60
		*list = append(*list, paused, storm, slack)
	})
	tr.http = httptest.NewServer(tr.b.server.Handler())
	tr.http.Client().Transport.(*http.Transport).MaxConnsPerHost = 8
	tr.t.Cleanup(tr.http.Close)
	tr.sources = []string{"vendor", "vendor", "vendor", "storm", "chat"}
}

// weather moves the clock, closes incidents, and takes Redis or Temporal away
// and brings them back.
func (tr *traffic) weather() {
	switch tr.dice.IntN(40) {
	case 0:
		tr.away.Store(!tr.away.Load())
	case 1:
		tr.b.temporal.mu.Lock()
		if tr.b.temporal.fail == nil {
			tr.b.temporal.fail = starter.ErrUnavailable
		} else {
			tr.b.temporal.fail = nil
		}
		tr.b.temporal.mu.Unlock()
	case 2:
		tr.b.temporal.mu.Lock()
		for id := range tr.b.temporal.running {
			tr.b.temporal.running[id], tr.b.temporal.closed[id] = false, true
		}
		tr.b.temporal.mu.Unlock()
	case 3, 4, 5, 6:
		tr.b.advance(time.Duration(tr.dice.IntN(20_000)) * time.Millisecond)
	}
}

func (tr *traffic) pick(of ...string) string { return of[tr.dice.IntN(len(of))] }

// alert is a signal of a handful of alerts and events.
func (tr *traffic) alert() incident.Signal {
	s := signal(func(s *incident.Signal) { s.Key.Value = fmt.Sprint("monitor-", tr.dice.IntN(8)) })
	if tr.dice.IntN(3) == 0 {
		event(fmt.Sprint("event-", tr.dice.IntN(60)))(&s)
	}
	if tr.dice.IntN(5) == 0 {
		s.Group = fmt.Sprint("group-", tr.dice.IntN(3))
	}
	if tr.dice.IntN(6) == 0 {
		resolvedSignal(&s)
	}
	return s
}

// payload is a delivery that is proved and read.
func (tr *traffic) payload() string {
	n := 1
	if tr.dice.IntN(4) == 0 {
		n = 2 + tr.dice.IntN(4)
	}
	signals := make([]incident.Signal, n)
	for i := range signals {
		signals[i] = tr.alert()
	}
	eventID := ""
	if tr.dice.IntN(4) > 0 {
		eventID = fmt.Sprint("e", tr.dice.IntN(80))
	}
	return body(tr.t, eventID, signals...)
}

// one sends one request of any kind.
func (tr *traffic) one() {
	source, token, proved := tr.pick(tr.sources...), tr.pick(goodToken, goodToken, "untimed"), true
	if source == "storm" {
		token = goodToken
	}
	path, method, payload, kind := "/webhooks/"+source, http.MethodPost, tr.payload(), "delivery"
	switch tr.dice.IntN(25) {
	case 0:
		kind, token, proved = "tampered", tr.pick("", "wrong", "stale", "odd", "nothing", "away"), false
	case 1:
		kind, source, proved = "unknown source", tr.pick("nobody", "datadgo", strings.Repeat("x", 90), "0123456789abcdef"), false
		path = "/webhooks/" + source
	case 2:
		kind, path, proved = "no route", tr.pick("/webhooks/vendor/", "/webhooks/vendor/x", "/webhooks/", "/webhooks", "/slack/events/x"), false
		source = strings.Trim(strings.TrimPrefix(path, "/webhooks"), "/x")
		if strings.HasPrefix(path, "/slack") {
			source = "chat"
		}
	case 3:
		kind, method, proved = "method", tr.pick(http.MethodPut, http.MethodDelete, http.MethodHead, http.MethodGet), false
	case 4:
		kind, path, method, proved = "probe", path+"?challenge=abc", tr.pick(http.MethodGet, http.MethodOptions), false
	case 5:
		kind, payload, proved = "huge", strings.Repeat("x", 5000), false
	case 6:
		kind, payload = "malformed", tr.pick("{", "", body(tr.t, "e", incident.Signal{}))
	case 7:
		kind, payload = "odd", tr.pick("panic", "challenge:abc", `{"EventType":"x"}`, `{"Ignored":"self_message"}`, `{"Ignored":"why"}`)
		proved = payload != "panic" // nobody knows how far the provider had come
	case 8:
		kind, source, path = "paused", "paused", "/webhooks/paused"
	case 9:
		kind, source, path = "slack", "chat", slackPath
	case 10:
		kind, path, proved = "elsewhere", tr.pick("/health", "/nothing", "/webhook", "/slack"), false
		method = http.MethodGet
	case 11:
		tr.cutOff(source)
		return
	case 13, 14:
		kind, token, proved = stubborn, "wrong", false
	case 12:
		tr.submit()
		return
	}
	tr.send(kind, method, path, source, token, payload, proved, tr.dice.IntN(2) == 0)
}

// stubborn comes from one address and is never right.
const stubborn = "stubborn"

// send sends one request over the wire and notes the answer.
func (tr *traffic) send(kind, method, path, source, token, payload string, proved, announced bool) {
	t := tr.t
	tr.mu.Lock()
	tr.sent++
	from := fmt.Sprintf("10.0.%d.%d", tr.sent/250%250, tr.sent%250)
	tr.mu.Unlock()
	var content io.Reader = strings.NewReader(payload)
	if !announced {
		content = io.MultiReader(content)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, tr.http.URL+path, content)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	if kind == stubborn {
		from = "10.9.9.9"
	}
	r.Header.Set("X-Forwarded-For", from)
	if token != "" {
		r.Header.Set(tokenName, token)
	}
	answer, err := tr.http.Client().Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	got, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	id := answer.Header.Get(deliveryHeader)
	if kind == "elsewhere" {
		require.Empty(t, id)
		return
	}
	require.NotEmpty(t, id, "%s %s", method, path)
	tr.note(kind, id, source, answer.StatusCode, answer.Header.Get("Content-Type"), got, !proved)
}

func (tr *traffic) note(kind, id, source string, status int, contentType string, got []byte, sampled bool) {
	w := wire{
		kind: kind, id: id, source: source, status: status, sampled: sampled,
		outcome: outcomeOf(tr.t, source, status, contentType, got),
	}
	if tr.b.server.sources.Load().byName[source] == nil {
		w.source = ""
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.answers = append(tr.answers, w)
}

// cutOff announces more than it sends.
func (tr *traffic) cutOff(source string) {
	t := tr.t
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", tr.http.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "POST /webhooks/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 500\r\n\r\n{", source)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	got, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	tr.note("cut off", answer.Header.Get(deliveryHeader), source, answer.StatusCode, answer.Header.Get("Content-Type"), got, true)
}

// submit comes by the API's door.
func (tr *traffic) submit() {
	r, err := tr.b.server.Submit(tr.t.Context(), Submission{
		Source: "vendor", Body: []byte("{}"), ContentType: "application/json", ReplayOf: "d-0", Again: tr.dice.IntN(2) == 0,
		Batch: &providers.Batch{EventID: fmt.Sprint("e", tr.dice.IntN(80)), Signals: []incident.Signal{tr.alert(), tr.alert()}[:1+tr.dice.IntN(2)]},
		Proof: providers.Proof{Scheme: "api", Assurance: providers.AssuranceToken},
	})
	require.NoError(tr.t, err)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.answers = append(tr.answers, wire{kind: "submit", id: r.DeliveryID, source: "vendor", status: r.Status, outcome: r.Outcome})
}

// flood is more unproved requests at once than are kept, at one source and at none.
func (tr *traffic) flood() {
	for range 3 * rejectedBurst {
		source := tr.pick("vendor", "nobody")
		tr.send("flood", http.MethodPost, "/webhooks/"+source, source, "wrong", "{}", false, true)
	}
	for range rejectedBurst + 20 {
		tr.send("flood", http.MethodPost, "/webhooks/storm", "storm", "", "{}", false, true)
	}
}

// together is a storm from many connections at once, beyond the hard cap.
func (tr *traffic) together() {
	payloads := make([]string, 120)
	for i := range payloads {
		payloads[i] = body(tr.t, fmt.Sprint("storm", i/2), signal(event(fmt.Sprint("storm", i/2))))
	}
	next := make(chan string, len(payloads))
	for _, p := range payloads {
		next <- p
	}
	close(next)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			for p := range next {
				tr.send("storm", http.MethodPost, "/webhooks/storm", "storm", goodToken, p, true, true)
			}
		})
	}
	all.Wait()
}

// settle brings everything back and waits until the log has it all.
func (tr *traffic) settle() {
	t := tr.t
	tr.away.Store(false)
	require.Eventually(t, func() bool { s := tr.gate.Stats(); return !s.Away && s.Backlog == 0 }, time.Minute, time.Millisecond)
	require.Zero(t, tr.gate.Stats().Dropped)
	tr.http.Close() // waits for what follows the answers
	tr.b.server.Flush(t.Context(), 0)
	require.Eventually(t, func() bool {
		n, err := tr.client.XLen(t.Context(), "nerve:{nerve}:deliveries").Result()
		return err == nil && n == 0
	}, time.Minute, 5*time.Millisecond)
	dead, err := tr.client.XLen(t.Context(), "nerve:{nerve}:deliveries:dead").Result()
	require.NoError(t, err)
	require.Zero(t, dead)
}
