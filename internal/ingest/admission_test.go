package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
)

// realBench is a bench on the real admission and a Redis of its own, so that the
// fake gate cannot hide a disagreement between the two packages.
func realBench(t *testing.T, change ...func(*Source)) (*bench, *miniredis.Miniredis) {
	t.Helper()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	var b *bench
	gate, err := admission.Open(admission.Options{
		Client: client, Durable: true, Budget: 5 * time.Second, ProbeEvery: time.Hour,
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return b.time() },
	})
	require.NoError(t, err)
	b = newBench(t, func(_ *Options, d *Deps, list *[]Source) {
		faulty := &faultyAdmission{Admission: gate, bench: &b}
		d.Gate, d.Windows, d.Streams = faulty, gate, faulty
		for _, f := range change {
			f(&(*list)[0])
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
		defer cancel()
		_ = gate.Close(ctx) // with Redis gone there is nothing to bring out
	})
	return b, server
}

// faultyAdmission is the real one, but for what the bench's fake gate is told to
// fail with.
type faultyAdmission struct {
	*admission.Admission
	bench **bench
}

func (f *faultyAdmission) Spool(ctx context.Context, cmd contract.Command, sealed []byte) error {
	if err := (*f.bench).gate.spoolErr; err != nil {
		return err
	}
	return f.Admission.Spool(ctx, cmd, sealed)
}

// Confirm dies with the process that is to die there. The bench has what is logged.
func (f *faultyAdmission) Confirm(ctx context.Context, c admission.Claim, d contract.Delivery) error {
	if err := (*f.bench).gate.confirmErr; err != nil {
		panic(err)
	}
	if err := f.Admission.Confirm(ctx, c, d); err != nil {
		return err
	}
	gate := (*f.bench).gate
	gate.mu.Lock()
	defer gate.mu.Unlock()
	gate.logged = append(gate.logged, d)
	return nil
}

func TestWithRealAdmission(t *testing.T) {
	t.Parallel()
	b, server := realBench(t)
	_, first := b.post(t, body(t, "e1", signal()))
	assert.Equal(t, "enqueued", first.Status)
	for i := 2; i <= 50; i++ {
		_, r := b.post(t, body(t, fmt.Sprint("e", i), signal()))
		require.Equal(t, reply{Status: "debounced", Reason: "Alert already processing", IncidentID: first.IncidentID}, r)
	}
	assert.Len(t, b.temporal.started, 1)
	assert.Len(t, b.temporal.signals, 5, "2, 5, 10, 20 and 50")
	_, r := b.post(t, body(t, "e7", signal()))
	assert.Equal(t, "duplicate", r.Status)

	// The window ends, the incident runs on: one more occurrence, under its name.
	b.advance(6 * time.Minute)
	server.FastForward(6 * time.Minute)
	_, r = b.post(t, body(t, "e51", signal()))
	assert.Equal(t, "debounced", r.Status)
	assert.Equal(t, first.IncidentID, r.IncidentID)
	_, r = b.post(t, body(t, "e52", signal()))
	assert.Equal(t, first.IncidentID, r.IncidentID, "and so for its repeats")

	_, r = b.post(t, body(t, "e53", signal(resolvedSignal)))
	assert.Equal(t, reply{Status: "resolved", IncidentID: first.IncidentID}, r)
	_, r = b.post(t, body(t, "e53", signal(resolvedSignal)))
	assert.Equal(t, "duplicate", r.Status)
	_, second := b.post(t, body(t, "e54", signal()))
	assert.Equal(t, "enqueued", second.Status)
	assert.NotEqual(t, first.IncidentID, second.IncidentID)
	_, r = b.post(t, body(t, "e55", signal(resolvedSignal)))
	assert.Equal(t, second.IncidentID, r.IncidentID)
}

func TestRealAdmissionWhenTemporalIsAway(t *testing.T) {
	t.Parallel()
	b, server := realBench(t)
	b.temporal.fail = starter.ErrUnavailable
	status, r := b.post(t, body(t, "e1", signal()))
	assert.Equal(t, 200, status)
	assert.Equal(t, "spooled", r.EntryID)
	found := 0
	for _, key := range server.Keys() {
		if server.Type(key) == "stream" {
			entries, err := server.Stream(key)
			require.NoError(t, err)
			found += len(entries)
		}
	}
	assert.Equal(t, 2, found, "the command and the delivery")

	// Redis is gone too: nothing is promised, and nothing is marked as taken.
	server.Close()
	assert.Equal(t, 503, b.do(request(t, "/webhooks/vendor", goodToken, body(t, "e2", signal(event("2"))))).Code)
	b.temporal.fail = nil
	status, r = b.post(t, body(t, "e2", signal(event("2"))))
	assert.Equal(t, 200, status, "with Redis away alerts are taken in")
	assert.Equal(t, "enqueued", r.Status)
	_, r = b.post(t, body(t, "e2", signal(event("2"))))
	assert.Equal(t, "duplicate", r.Status)
	assert.Len(t, b.temporal.started, 1)
}

func TestRealAdmissionFoldsWhatIsOverTheRate(t *testing.T) {
	t.Parallel()
	b, _ := realBench(t, func(s *Source) { s.RatePerMin, s.Burst, s.HardCap = 1, 2, 8 })
	var got []string
	for i := range 8 {
		_, r := b.post(t, body(t, fmt.Sprint("e", i), signal(event(fmt.Sprint(i)))))
		got = append(got, r.Status)
	}
	assert.Equal(t, []string{"enqueued", "enqueued", "folded", "folded", "folded", "folded", "folded", "folded"}, got)
	require.Len(t, b.temporal.started, 3)
	assert.Equal(t, incident.KindStorm, b.temporal.started[2].Start.Signal.Kind)
	assert.Equal(t, 429, b.do(request(t, "/webhooks/vendor", goodToken, body(t, "e9", signal(event("9"))))).Code)
}

// TestRealAdmissionReopens: the incident closed and left its window open.
func TestRealAdmissionReopens(t *testing.T) {
	t.Parallel()
	group := func(s *incident.Signal) { s.Group = "g" }
	b, _ := realBench(t)
	b.post(t, body(t, "e1", signal(event("1"), group)))
	id := b.temporal.started[0].WorkflowID
	b.temporal.running[id], b.temporal.closed[id] = false, true
	_, r := b.post(t, body(t, "e2", signal(event("2"), group)))
	assert.Equal(t, "enqueued", r.Status)
	require.Len(t, b.temporal.started, 2)
	_, r = b.post(t, body(t, "e3", signal(event("3"), group)))
	assert.Equal(t, "debounced", r.Status)
	assert.Equal(t, b.temporal.started[1].Start.Signal.IncidentID, r.IncidentID)
}
