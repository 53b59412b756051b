package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/api"
	"github.com/nerve-alerts/nerve/internal/approval"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/internal/replay"
	"github.com/nerve-alerts/nerve/internal/silence"
	"github.com/nerve-alerts/nerve/internal/testkit"
	"github.com/nerve-alerts/nerve/providers"
)

var at = time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)

// bench is an API over a real record, with fakes for what lives in Temporal.
type bench struct {
	t      *testing.T
	file   string // of the record
	store  *record.Store
	sealer *privacy.Sealer
	server *api.Server
	clock  *testkit.Clock
	tokens map[access.Scope]string
	// address is where requests come from; each from another one when it is empty.
	address string

	operator  *fakeOperator
	intake    *fakeIntake
	sources   *fakeSources
	approvals *fakeApprovals
	replayer  *fakeReplayer
	announcer *fakeAnnouncer
}

var callers atomic.Int64

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		t: t, clock: testkit.NewClock(at), tokens: map[access.Scope]string{},
		operator: &fakeOperator{}, intake: &fakeIntake{}, sources: &fakeSources{}, approvals: &fakeApprovals{}, replayer: &fakeReplayer{}, announcer: &fakeAnnouncer{},
	}
	var err error
	b.file = filepath.Join(t.TempDir(), "nerve.db")
	b.store, err = record.Open(t.Context(), "sqlite://"+b.file, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.store.Close()) })
	keys, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	b.sealer, err = privacy.NewSealer(keys)
	require.NoError(t, err)
	guard, err := access.NewGuard(access.Options{Tokens: b.store, Log: slog.New(slog.DiscardHandler), Now: b.clock.Now})
	require.NoError(t, err)
	b.server, err = api.New(api.Options{}, api.Deps{
		Guard: guard, Record: b.store, Operator: b.operator, Intake: b.intake, Sources: b.sources, Approvals: b.approvals,
		Silences: &silence.Book{Store: b.store, Announcer: b.announcer},
		Replayer: b.replayer, Sealer: b.sealer, Log: testkit.Logger(t), Now: b.clock.Now,
	})
	require.NoError(t, err)
	for _, scope := range access.Scopes {
		b.tokens[scope] = b.token(scope, time.Hour)
	}
	return b
}

// token is a new one of ana's.
func (b *bench) token(scope access.Scope, lifetime time.Duration) string {
	b.t.Helper()
	token, _, err := access.Create(b.t.Context(), b.store, audit.Actor{Person: "root", Via: audit.ViaCLI},
		access.Wanted{Name: string(scope), Owner: "ana@example.com", Scope: scope, Lifetime: lifetime}, b.clock.Now())
	require.NoError(b.t, err)
	return token
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t *testing.T
}

func (a answer) json(into any) {
	a.t.Helper()
	require.NoError(a.t, json.Unmarshal(a.Body.Bytes(), into), a.Body.String())
}

func (a answer) problem(status int, code string) api.Problem {
	a.t.Helper()
	var p api.Problem
	require.Equal(a.t, status, a.Code, a.Body.String())
	assert.Equal(a.t, "application/problem+json", a.Header().Get("Content-Type"))
	a.json(&p)
	assert.Equal(a.t, status, p.Status)
	assert.Equal(a.t, code, p.Code)
	assert.Equal(a.t, "/requests/"+a.Header().Get("X-Request-Id"), p.Instance)
	return p
}

// as sends a request with a token, from an address of its own. Headers come in pairs.
func (b *bench) as(token, method, path, body string, headers ...string) answer {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, api.Prefix+path, strings.NewReader(body))
	r.RemoteAddr = fmt.Sprintf("[2001:db8:%x::1]:1", callers.Add(1))
	if b.address != "" {
		r.RemoteAddr = b.address
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.server.Handler().ServeHTTP(w, r)
	return answer{w, b.t}
}

func (b *bench) get(path string) answer {
	b.t.Helper()
	return b.as(b.tokens[access.Admin], http.MethodGet, path, "")
}

func (b *bench) post(path, body string, headers ...string) answer {
	b.t.Helper()
	return b.as(b.tokens[access.Admin], http.MethodPost, path, body, headers...)
}

func (b *bench) incident(id string, change func(*record.Incident)) record.Incident {
	b.t.Helper()
	in := record.Incident{
		ID: id, Version: 7, Source: "datadog", Provider: "datadog", Status: incident.StatusFiring, Severity: incident.SeverityHigh,
		Title: "Checkout is slow", OpenedAt: at, LastSeenAt: at, Occurrences: 2,
	}
	if change != nil {
		change(&in)
	}
	require.NoError(b.t, b.store.SaveIncident(b.t.Context(), in))
	return in
}

func (b *bench) audit() []audit.Entry {
	b.t.Helper()
	list, err := b.store.AuditLog(b.t.Context(), record.AuditFilter{})
	require.NoError(b.t, err)
	return list
}

type fakeOperator struct {
	calls   []string
	last    contract.Decision
	until   time.Time
	err     map[string]error // by incident, or by silence
	freed   []contract.SilenceEnded
	during  func() // what happens while something is decided
	senders operator.Senders
}

func (o *fakeOperator) call(name, id string, d contract.Decision) (contract.TriageState, error) {
	o.calls, o.last = append(o.calls, name+" "+id), d
	if o.during != nil {
		o.during()
	}
	return contract.TriageState{Status: incident.StatusAcknowledged, AcknowledgedBy: d.By, Occurrences: 2}, o.err[id]
}

func (o *fakeOperator) Acknowledge(_ context.Context, id string, d contract.Decision) (contract.TriageState, error) {
	return o.call("acknowledge", id, d)
}

func (o *fakeOperator) Resolve(_ context.Context, id string, d contract.Decision) (contract.TriageState, error) {
	return o.call("resolve", id, d)
}

func (o *fakeOperator) Snooze(_ context.Context, id string, s contract.Snooze) (contract.TriageState, error) {
	o.until = s.Until
	state, err := o.call("snooze", id, contract.Decision{By: s.Actor.Person, Actor: s.Actor, Reason: s.Reason, Revision: s.Revision})
	state.Snoozed = &s
	return state, err
}

func (o *fakeOperator) Rerun(_ context.Context, id string, d contract.Decision) (operator.Rerun, error) {
	_, err := o.call("rerun", id, d)
	return operator.Rerun{Step: "Analyse", NewRunID: "r2"}, err
}

func (o *fakeOperator) Senders(context.Context) (operator.Senders, error) {
	return o.senders, o.err[""]
}

func (o *fakeOperator) ReleaseSilence(_ context.Context, e contract.SilenceEnded) (int, error) {
	o.freed = append(o.freed, e)
	return 3, o.err[e.ID]
}

// fakeAnnouncer counts what every ingest was told.
type fakeAnnouncer struct {
	told int
	err  error
}

func (a *fakeAnnouncer) Keep(context.Context, []record.Silence) error { return a.err }

func (a *fakeAnnouncer) Announce(context.Context) error {
	a.told++
	return a.err
}

type fakeIntake struct {
	got     []ingest.Submission
	reply   ingest.Reply
	err     error
	preview []ingest.Preview
	batch   *providers.Batch
	panics  string
}

func (i *fakeIntake) Submit(_ context.Context, in ingest.Submission) (ingest.Reply, error) {
	i.got = append(i.got, in)
	if i.panics != "" {
		panic(i.panics)
	}
	return i.reply, i.err
}

func (i *fakeIntake) Preview(ingest.Submission) ([]ingest.Preview, error) { return i.preview, i.err }

func (i *fakeIntake) Reread(string, *providers.Request) (*providers.Batch, error) {
	return i.batch, i.err
}

type fakeSources struct {
	view   registry.View
	orders []registry.Order
	done   registry.Applied
	err    error
}

func (s *fakeSources) List(context.Context) ([]registry.View, error) {
	return []registry.View{s.view}, s.err
}

func (s *fakeSources) Get(context.Context, string) (registry.View, error) { return s.view, s.err }

func (s *fakeSources) Apply(_ context.Context, o registry.Order) (registry.Applied, error) {
	s.orders = append(s.orders, o)
	return s.done, s.err
}

type fakeApprovals struct {
	asked  []contract.Change
	why    string
	by     audit.Actor
	ruling contract.Ruling
	err    error
}

func (a *fakeApprovals) Submit(_ context.Context, c contract.Change, why string, by audit.Actor) (string, error) {
	a.asked, a.why, a.by = append(a.asked, c), why, by
	return "ap1", a.err
}

func (a *fakeApprovals) List(context.Context, approval.Filter) ([]approval.Approval, error) {
	return []approval.Approval{{ID: "ap1"}}, a.err
}

func (a *fakeApprovals) Show(_ context.Context, id string) (approval.Detail, error) {
	return approval.Detail{Approval: approval.Approval{ID: id}}, a.err
}

func (a *fakeApprovals) Decide(_ context.Context, id string, r contract.Ruling) (contract.ApprovalState, error) {
	a.ruling = r
	return contract.ApprovalState{ID: id, Status: contract.ApprovalGranted}, a.err
}

type fakeReplayer struct {
	plans, runs []string
	by          audit.Actor
	options     replay.Options
	reply       ingest.Reply
	err         map[string]error
}

func (r *fakeReplayer) Plan(_ context.Context, id string, o replay.Options) (replay.Plan, error) {
	r.plans, r.options = append(r.plans, id), o
	return replay.Plan{DeliveryID: id, Changed: true}, r.err[id]
}

func (r *fakeReplayer) Run(_ context.Context, id string, o replay.Options, by audit.Actor) (replay.Result, error) {
	r.runs, r.options, r.by = append(r.runs, id), o, by
	return replay.Result{ReplayOf: id, Reply: r.reply}, r.err[id]
}
