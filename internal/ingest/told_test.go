package ingest

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
)

// kinds are the signals that repeat: of an alert, whose incidents share one
// workflow id, and of a group, whose events have each their own.
var kinds = map[string]func(n int) incident.Signal{
	"alert": func(int) incident.Signal { return signal() },
	"group": func(n int) incident.Signal {
		return signal(event(fmt.Sprint(n)), func(s *incident.Signal) { s.Group = "g" })
	},
}

// firstOf opens an incident with the delivery e1. Of a closed one the window is
// still open, so that e2 is a repeat: the second, of which it is told.
func firstOf(t *testing.T, kind func(int) incident.Signal, closed bool) (*bench, *miniredis.Miniredis) {
	t.Helper()
	b, server := realBench(t)
	status, _ := b.post(t, body(t, "e1", kind(1)))
	require.Equal(t, 200, status)
	id := b.temporal.started[0].WorkflowID
	b.temporal.running[id], b.temporal.closed[id] = !closed, closed
	b.advance(time.Minute)
	return b, server
}

// atCall does something before the nth command to Temporal from now on.
func (f *fakeTemporal) atCall(n int, do func()) {
	calls := 0
	f.before = func() {
		if calls++; calls == n {
			do()
		}
	}
}

// TestRetryAfterNothingTookARepeat: the incident is closed, its window is not,
// and Temporal and the spool fail. The retry is no duplicate: it opens the next.
func TestRetryAfterNothingTookARepeat(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		for _, tc := range []struct {
			name  string
			call  int // the command from which on Temporal is away: 1 tells, 2 starts
			redis bool
		}{{"nothing is told", 1, true}, {"nothing is started", 2, true}, {"nothing is told, Redis away", 1, false}, {"nothing is started, Redis away", 2, false}} {
			t.Run(name+"/"+tc.name, func(t *testing.T) {
				t.Parallel()
				b, server := firstOf(t, kind, true)
				if !tc.redis {
					server.Close()
				}
				b.gate.spoolErr = errAway
				b.temporal.atCall(tc.call, func() { b.temporal.fail = starter.ErrUnavailable })
				second := body(t, "e2", kind(2))
				assert.Equal(t, 503, b.do(request(t, "/webhooks/vendor", goodToken, second)).Code)

				b.temporal.before, b.temporal.fail, b.gate.spoolErr = nil, nil, nil
				status, r := b.post(t, second)
				assert.Equal(t, 200, status)
				assert.Equal(t, "enqueued", r.Status, "the alert is lost")
				require.Len(t, b.temporal.started, 2)
				assert.Equal(t, r.IncidentID, b.temporal.started[1].Start.Signal.IncidentID)
				assert.NotEqual(t, b.temporal.started[0].Start.Signal.IncidentID, r.IncidentID)

				status, r = b.post(t, second)
				assert.Equal(t, 200, status)
				assert.Equal(t, "duplicate", r.Status)
				assert.Len(t, b.temporal.started, 2)
			})
		}
	}
}

// TestRetryAfterACrashInARepeat ends the process at each step of it.
func TestRetryAfterACrashInARepeat(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		for step, crash := range map[string]func(*bench){
			"before it is told":     func(b *bench) { b.temporal.atCall(1, func() { panic("killed") }) },
			"before the start":      func(b *bench) { b.temporal.atCall(2, func() { panic("killed") }) },
			"before the start held": func(b *bench) { b.gate.confirmErr = errAway },
		} {
			t.Run(name+"/"+step, func(t *testing.T) {
				t.Parallel()
				b, _ := firstOf(t, kind, true)
				crash(b)
				second := body(t, "e2", kind(2))
				assert.Equal(t, 500, b.do(request(t, "/webhooks/vendor", goodToken, second)).Code)

				b.temporal.before, b.gate.confirmErr = nil, nil
				status, r := b.post(t, second)
				assert.Equal(t, 200, status)
				require.Len(t, b.temporal.started, 2, "the alert is lost, or taken twice")
				assert.Equal(t, b.temporal.started[1].Start.Signal.IncidentID, r.IncidentID+r.AlertID)
				_, r = b.post(t, second)
				assert.Equal(t, "duplicate", r.Status)
				assert.Len(t, b.temporal.started, 2)
			})
		}
	}
}

// TestRepeatIsTold: a repeat that a running incident was told of is done, and
// one that could not be told is told when it comes again, and counted once.
func TestRepeatIsTold(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		for way, interrupt := range map[string]func(*bench) (status int){
			"at once":                  nil,
			"after nothing took it":    func(b *bench) int { b.temporal.fail, b.gate.spoolErr = starter.ErrBusy, errAway; return 503 },
			"after a crash":            func(b *bench) int { b.temporal.atCall(1, func() { panic("killed") }); return 500 },
			"after a crash, told once": func(b *bench) int { b.gate.confirmErr = errAway; return 500 },
		} {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Parallel()
				b, _ := firstOf(t, kind, false)
				second := body(t, "e2", kind(2))
				if interrupt != nil {
					want := interrupt(b)
					assert.Equal(t, want, b.do(request(t, "/webhooks/vendor", goodToken, second)).Code)
					b.temporal.before, b.temporal.fail, b.gate.spoolErr, b.gate.confirmErr = nil, nil, nil, nil
				}
				_, r := b.post(t, second)
				assert.Equal(t, "debounced", r.Status)
				_, r = b.post(t, second)
				assert.Equal(t, "duplicate", r.Status)

				for n := 3; n <= 5; n++ {
					b.post(t, body(t, fmt.Sprint("e", n), kind(n)))
				}
				assert.Len(t, b.temporal.started, 1)
				told := map[string]int64{} // as the workflow does, which ignores a delivery that it knows
				for _, cmd := range b.temporal.signals {
					require.Equal(t, b.temporal.started[0].WorkflowID, cmd.WorkflowID)
					told[cmd.Occurrence.DeliveryID] = cmd.Occurrence.Count
				}
				var counts []int64
				for _, n := range told {
					counts = append(counts, n)
				}
				assert.ElementsMatch(t, []int64{2, 5}, counts)
			})
		}
	}
}

// TestRepeatThatTemporalRefuses: no retry would be told, so none is asked for.
func TestRepeatThatTemporalRefuses(t *testing.T) {
	t.Parallel()
	b, _ := firstOf(t, kinds["alert"], false)
	b.temporal.fail = fmt.Errorf("%w: too many signals", starter.ErrPermanent)
	status, r := b.post(t, body(t, "e2", signal()))
	assert.Equal(t, 200, status)
	assert.Equal(t, "debounced", r.Status)
	assert.Contains(t, b.log.String(), "the incident does not take a repeat")
	_, r = b.post(t, body(t, "e2", signal()))
	assert.Equal(t, "duplicate", r.Status)
}

// TestRetryOfASpooledRepeat: what is in the spool is told, sooner or later.
func TestRetryOfASpooledRepeat(t *testing.T) {
	t.Parallel()
	b, _ := firstOf(t, kinds["alert"], false)
	b.temporal.fail = starter.ErrUnavailable
	_, r := b.post(t, body(t, "e2", signal()))
	assert.Equal(t, "debounced", r.Status)
	b.temporal.fail = nil
	_, r = b.post(t, body(t, "e2", signal()))
	assert.Equal(t, "duplicate", r.Status)
	assert.Empty(t, b.temporal.signals)
}

// TestPendingSignalOfAClosedIncident: a signal claimed together with the first
// one of its group was killed before it was told. Meanwhile the window opened and
// the incident closed: the retry makes room and opens the next.
func TestPendingSignalOfAClosedIncident(t *testing.T) {
	t.Parallel()
	kind := kinds["group"]
	b, _ := realBench(t)
	b.temporal.atCall(1, func() {
		b.temporal.before = func() { panic("killed") }
		assert.Equal(t, 500, b.do(request(t, "/webhooks/vendor", goodToken, body(t, "e2", kind(2)))).Code)
		b.temporal.before = nil
	})
	b.post(t, body(t, "e1", kind(1)))
	id := b.temporal.started[0].WorkflowID
	b.temporal.running[id], b.temporal.closed[id] = false, true
	_, r := b.post(t, body(t, "e2", kind(2)))
	assert.Equal(t, "enqueued", r.Status)
	assert.Len(t, b.temporal.started, 2)
}

// TestSpooledInAnothersName: a signal that met the window of the first of its group
// goes to the spool with what it is itself, for when it is not the one to start it.
func TestSpooledInAnothersName(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.temporal.fail = starter.ErrUnavailable
	other := admission.Decision{Verdict: admission.Pending, WorkflowID: "vendor:event:1", IncidentID: "vendor_1", Count: 2}
	b.gate.forced = []admission.Decision{other}
	b.post(t, body(t, "e2", kinds["group"](2)))
	require.Len(t, b.gate.spooled, 1)
	cmd := b.gate.spooled[0]
	assert.Equal(t, "vendor:event:1", cmd.WorkflowID)
	require.NotNil(t, cmd.Fallback)
	assert.Equal(t, "vendor:event:1", cmd.Start.Signal.DeduplicationKey)
	assert.NotEqual(t, "vendor:event:1", cmd.Fallback.Signal.DeduplicationKey)
}

// TestResolveWhileItsStartMayWaitInTheSpool: with Redis away nobody can tell whether
// another front has spooled the alert's start. A resolve is not answered as if there
// were none: the sender's retry follows the start.
func TestResolveWhileItsStartMayWaitInTheSpool(t *testing.T) {
	t.Parallel()
	b, server := realBench(t)
	gate, isReal := b.server.pipeline.Gate.(*faultyAdmission)
	require.True(t, isReal)
	b.server.pipeline.Backlog = gate.Depth
	server.SetError("LOADING Redis is loading the dataset in memory")
	over := body(t, "e2", signal(resolvedSignal))
	assert.Equal(t, 503, b.do(request(t, "/webhooks/vendor", goodToken, over)).Code)
	server.SetError("")
	require.NoError(t, gate.Spool(t.Context(), contract.Command{WorkflowID: "of another front"}, []byte("sealed")))
	_, r := b.post(t, over)
	assert.Equal(t, "resolved", r.Status)
	spooled, err := server.Stream("nerve:{nerve}:spool")
	require.NoError(t, err)
	assert.Len(t, spooled, 2, "behind the start, if there is one")
}
