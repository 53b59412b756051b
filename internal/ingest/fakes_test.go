package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
	"github.com/nerve-alerts/nerve/providers"
)

var errAway = errors.New("away")

// fakeGate keeps marks as admission does, without their ends.
type fakeGate struct {
	mu         sync.Mutex
	deliveries map[string]mark
	windows    map[string]mark
	last       map[string]mark
	logged     []contract.Delivery
	spooled    []contract.Command
	sealed     [][]byte
	claims     []admission.Claim
	forced     []admission.Decision // verdicts to give instead, in order
	admitErr   error
	spoolErr   error
	onLog      func()
	logErr     error
	confirmErr error
	abandoned  int
}

type mark struct {
	open, tell           bool
	workflow, incidentID string
	count                int64
}

func newFakeGate() *fakeGate {
	return &fakeGate{deliveries: map[string]mark{}, windows: map[string]mark{}, last: map[string]mark{}}
}

func (g *fakeGate) Admit(_ context.Context, c admission.Claim, d contract.Delivery) (admission.Decision, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.claims = append(g.claims, c)
	if g.admitErr != nil {
		return admission.Decision{}, g.admitErr
	}
	if len(g.forced) > 0 && !c.SkipRate {
		forced := g.forced[0]
		g.forced = g.forced[1:]
		return forced, nil
	}
	settle := func(o contract.Outcome, m mark) {
		d.Outcome, d.WorkflowID, d.IncidentID, d.Count = o, m.workflow, m.incidentID, m.count
		g.logged = append(g.logged, d)
	}
	if m, ok := g.deliveries[c.DeliveryID]; ok && c.DeliveryID != "" {
		if m.open {
			settle(contract.OutcomeDuplicate, m)
			return admission.Decision{Verdict: admission.Duplicate, WorkflowID: m.workflow, IncidentID: m.incidentID}, nil
		}
		if m.tell {
			return admission.Decision{Verdict: admission.Repeat, WorkflowID: m.workflow, IncidentID: m.incidentID, Count: m.count, Tell: true}, nil
		}
		return admission.Decision{Verdict: admission.Pending, WorkflowID: m.workflow, IncidentID: m.incidentID, Count: 1}, nil
	}
	verdict, m := admission.New, mark{workflow: c.WorkflowID, incidentID: c.IncidentID}
	if w, ok := g.windows[c.Window]; ok && c.Window != "" {
		if verdict, m = admission.Pending, w; w.open {
			verdict = admission.Repeat
		}
	}
	m.count++
	if c.Window != "" {
		g.windows[c.Window] = m
	}
	tell := verdict == admission.Repeat && contract.Milestone(m.count)
	if verdict == admission.Repeat && !tell {
		settle(d.Outcome, m)
	}
	decision := admission.Decision{Verdict: verdict, WorkflowID: m.workflow, IncidentID: m.incidentID, Count: m.count, Tell: tell}
	if m.tell, m.open = tell, m.open && !tell; c.DeliveryID != "" {
		g.deliveries[c.DeliveryID] = m
	}
	return decision, nil
}

func (g *fakeGate) Confirm(_ context.Context, c admission.Claim, d contract.Delivery) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.confirmErr != nil {
		return g.confirmErr
	}
	confirm := func(marks map[string]mark, name string) {
		m, ok := marks[name]
		if !ok {
			m = mark{workflow: c.WorkflowID, incidentID: c.IncidentID, count: 1}
		}
		if m.open = m.open || m.workflow == c.WorkflowID; name != "" {
			marks[name] = m
		}
	}
	confirm(g.deliveries, c.DeliveryID)
	confirm(g.windows, c.Window)
	if c.Window != "" {
		g.last[c.Window] = mark{workflow: c.WorkflowID, incidentID: c.IncidentID}
	}
	g.logged = append(g.logged, d)
	return nil
}

func (g *fakeGate) Abandon(_ context.Context, c admission.Claim) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.abandoned++
	for _, marks := range []map[string]mark{g.deliveries, g.windows} {
		for _, name := range []string{c.DeliveryID, c.Window} {
			if m, ok := marks[name]; ok && !m.open && m.workflow == c.WorkflowID {
				delete(marks, name)
			}
		}
	}
	return nil
}

func (g *fakeGate) Lookup(_ context.Context, _, window string) (string, string, bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m, ok := g.last[window]
	return m.workflow, m.incidentID, ok, nil
}

func (g *fakeGate) Release(_ context.Context, _, window, workflowID string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.windows[window].workflow == workflowID {
		delete(g.windows, window)
	}
	return nil
}

func (g *fakeGate) Log(_ context.Context, d contract.Delivery) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.logged = append(g.logged, d)
	if g.onLog != nil {
		g.onLog()
	}
	return g.logErr
}

func (g *fakeGate) Spool(_ context.Context, cmd contract.Command, sealed []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.spoolErr != nil {
		return g.spoolErr
	}
	g.spooled, g.sealed = append(g.spooled, cmd), append(g.sealed, sealed)
	return nil
}

func (g *fakeGate) entries() []contract.Delivery {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.logged)
}

// fakeTemporal refuses duplicates as Temporal does.
type fakeTemporal struct {
	mu       sync.Mutex
	running  map[string]bool
	closed   map[string]bool
	started  []contract.Command
	signals  []contract.Command
	fail     error // Do fails with it, having done nothing
	failLate error // Do fails with it, having done it
	before   func()
}

func newFakeTemporal() *fakeTemporal {
	return &fakeTemporal{running: map[string]bool{}, closed: map[string]bool{}}
}

func (f *fakeTemporal) Do(_ context.Context, cmd contract.Command) (starter.Result, error) {
	if f.before != nil {
		f.before()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return starter.Result{}, f.fail
	}
	if cmd.Task != nil {
		return f.task(cmd), f.failLate
	}
	if cmd.Start == nil {
		if !f.running[cmd.WorkflowID] {
			return starter.Result{Outcome: starter.NotRunning}, nil
		}
		f.signals = append(f.signals, cmd)
		if cmd.Resolved != nil {
			f.running[cmd.WorkflowID], f.closed[cmd.WorkflowID] = false, true
		}
		return starter.Result{Outcome: starter.Signalled}, nil
	}
	switch {
	case cmd.KeyKind == incident.KeyEvent && (f.running[cmd.WorkflowID] || f.closed[cmd.WorkflowID]):
		return starter.Result{Outcome: starter.AlreadyTaken, RunID: "run-0"}, nil
	case f.running[cmd.WorkflowID]:
		return starter.Result{Outcome: starter.AlreadyRunning, RunID: "run-0", Running: true}, nil
	}
	f.running[cmd.WorkflowID] = true
	f.started = append(f.started, cmd)
	if f.failLate != nil {
		return starter.Result{}, f.failLate
	}
	return starter.Result{Outcome: starter.Started, RunID: fmt.Sprintf("run-%d", len(f.started))}, nil
}

// task starts a task, or tells the one that runs.
func (f *fakeTemporal) task(cmd contract.Command) starter.Result {
	id := cmd.WorkflowID
	switch {
	case f.running[id]:
		f.signals = append(f.signals, cmd)
		return starter.Result{Outcome: starter.Signalled}
	case cmd.Task.KnownOnly:
		return starter.Result{Outcome: starter.NotRunning}
	case f.closed[id]:
		return starter.Result{Outcome: starter.AlreadyTaken, RunID: "run-0"}
	}
	f.running[id] = true
	f.started = append(f.started, cmd)
	return starter.Result{Outcome: starter.Started, RunID: fmt.Sprintf("run-%d", len(f.started))}
}

// vendor is a provider whose deliveries are proved by a token.
type vendor struct {
	parsed int
	mu     sync.Mutex
}

const (
	goodToken = "right"
	tokenName = "X-Token"
)

func (v *vendor) Verify(r *providers.Request) (providers.Proof, error) {
	switch token := r.Header.Get(tokenName); token {
	case "":
		return providers.Proof{}, fmt.Errorf("vendor: %w", providers.ErrUnsigned)
	case "stale":
		return providers.Proof{}, fmt.Errorf("vendor: %w", providers.ErrStale)
	case "odd":
		return providers.Proof{}, errors.New("vendor: " + token)
	case "nothing":
		return providers.Proof{}, nil
	case "away":
		return providers.Proof{}, fmt.Errorf("vendor: %w", providers.ErrUnavailable)
	case "untimed":
		return providers.Proof{Scheme: "signed", Assurance: providers.AssuranceSigned}, nil
	case goodToken:
		return providers.Proof{Scheme: "token", Assurance: providers.AssuranceToken}, nil
	default:
		return providers.Proof{}, fmt.Errorf("vendor: %w", providers.ErrSignature)
	}
}

func (v *vendor) Handshake(r *providers.Request) *providers.Response {
	if !bytes.HasPrefix(r.Body, []byte("challenge:")) {
		return nil
	}
	return &providers.Response{Status: http.StatusOK, ContentType: "text/plain", Body: r.Body[len("challenge:"):]}
}

func (v *vendor) Probe(r *providers.Request) *providers.Response {
	challenge := r.URL.Query().Get("challenge")
	if challenge == "" {
		return nil
	}
	return &providers.Response{
		Status: http.StatusOK, ContentType: "text/plain", Header: http.Header{"X-Challenge": {challenge}}, Body: []byte(challenge),
	}
}

func (v *vendor) Parse(r *providers.Request) (providers.Batch, error) {
	v.mu.Lock()
	v.parsed++
	v.mu.Unlock()
	var b providers.Batch
	if string(r.Body) == "panic" {
		panic("the payload was " + string(r.Body))
	}
	if err := json.Unmarshal(r.Body, &b); err != nil {
		return b, fmt.Errorf("%w: %w", providers.ErrMalformed, err)
	}
	return b, nil
}

func (v *vendor) Sign(r *providers.Request, _ time.Time) { r.Header.Set(tokenName, goodToken) }

type fakeScrubber struct{}

func (fakeScrubber) Signal(_ []byte, s *incident.Signal) {
	r := strings.NewReplacer(plantedEmail, "<EMAIL_1>", plantedToken, "<SECRET_1>")
	s.Title, s.Description = r.Replace(s.Title), r.Replace(s.Description)
	for k, v := range s.Tags {
		s.Tags[k] = r.Replace(v)
	}
	for i := range s.RelatedEntities {
		s.RelatedEntities[i].Name = r.Replace(s.RelatedEntities[i].Name)
	}
	s.EventType, s.IncidentID = r.Replace(s.EventType), "mistaken for a number"
}

func (fakeScrubber) Text(_ []byte, text string) string {
	return strings.NewReplacer(plantedEmail, "<EMAIL_1>", plantedToken, "<SECRET_1>").Replace(text)
}

type fakeSealer struct{ err error }

func (f fakeSealer) Seal(plaintext, associated []byte) ([]byte, error) {
	sealed := make([]byte, 0, len(plaintext)+len(associated))
	for _, b := range plaintext {
		sealed = append(sealed, b^0x5a)
	}
	return sealed, f.err
}

type fakeReactor struct {
	refs chan incident.SlackRef
	hold chan struct{}
	err  error
}

func (f *fakeReactor) React(ctx context.Context, ref incident.SlackRef) error {
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
		}
	}
	f.refs <- ref
	return f.err
}

// bench is a server on fakes, with a clock that the test moves.
type bench struct {
	gate     *fakeGate
	temporal *fakeTemporal
	vendor   *vendor
	reactor  *fakeReactor
	log      *lockedBuffer
	server   *Server
	mu       sync.Mutex
	now      time.Time
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (b *bench) time() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func source(name string, v providers.Provider) Source {
	return Source{
		Name: name, ProviderName: "vendor", Provider: v, Window: 15 * time.Minute, Debounce: 5 * time.Minute,
		DeliveryTTL: 24 * time.Hour, RatePerMin: 100, Burst: 200, HardCap: 2000, MinAssurance: providers.AssuranceToken,
		Route: contract.Route{Channel: "C0ROUTE", QuietPeriod: time.Hour},
	}
}

func newBench(t testing.TB, change ...func(*Options, *Deps, *[]Source)) *bench {
	t.Helper()
	b := &bench{
		gate: newFakeGate(), temporal: newFakeTemporal(), vendor: &vendor{}, log: &lockedBuffer{},
		reactor: &fakeReactor{refs: make(chan incident.SlackRef, 100)},
		now:     time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
	o, list := Options{}, []Source{source("vendor", b.vendor)}
	d := Deps{
		Gate: b.gate, Windows: b.gate, Streams: b.gate, Starter: b.temporal, Scrubber: fakeScrubber{}, Sealer: fakeSealer{},
		NewSalt: func() []byte { return []byte("salt") }, Reactor: b.reactor, Now: b.time,
		Log: slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&o, &d, &list)
	}
	var err error
	b.server, err = New(o, d, list)
	require.NoError(t, err)
	return b
}

// signal is one alert as the vendor sends it.
func signal(change ...func(*incident.Signal)) incident.Signal {
	s := incident.Signal{
		Kind: incident.KindAlert, Severity: incident.SeverityHigh, Title: "CPU is high",
		Key: incident.Key{Kind: incident.KeyAlert, Value: "monitor-1", Opaque: true},
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func event(value string) func(*incident.Signal) {
	return func(s *incident.Signal) {
		s.Key = incident.Key{Kind: incident.KeyEvent, Value: value, Opaque: true}
	}
}

func resolvedSignal(s *incident.Signal) { s.Status = incident.StatusResolved }

func body(t testing.TB, eventID string, signals ...incident.Signal) string {
	t.Helper()
	data, err := json.Marshal(providers.Batch{EventID: eventID, EventType: "alert", Signals: signals})
	require.NoError(t, err)
	return string(data)
}

func request(t testing.TB, path, token, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set(tokenName, token)
	}
	return r
}

func (b *bench) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	b.server.Handler().ServeHTTP(w, r)
	return w
}

// post sends a proved delivery and returns the status and the decoded answer.
func (b *bench) post(t testing.TB, payload string) (int, reply) {
	t.Helper()
	w := b.do(request(t, "/webhooks/vendor", goodToken, payload))
	var r reply
	data, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	if w.Code == http.StatusOK {
		require.NoError(t, json.Unmarshal(data, &r), string(data))
	}
	return w.Code, r
}
