package ingest

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/starter"
)

const stormWorkflow = "vendor:storm:storm"

// stormy is a source that takes two alerts, and has them: what comes within the
// minute is the storm's.
func stormy(t *testing.T, redis bool) (*bench, *miniredis.Miniredis) {
	t.Helper()
	b, server := realBench(t, func(s *Source) { s.RatePerMin, s.Burst = 1, 2 })
	if !redis {
		server.Close()
	}
	for n := range 2 {
		_, r := b.post(t, body(t, fmt.Sprint("first", n), monitor(fmt.Sprint("first", n))))
		require.Equal(t, "enqueued", r.Status)
	}
	return b, server
}

func monitor(value string) incident.Signal {
	return signal(func(s *incident.Signal) { s.Key.Value, s.Title = value, "monitor "+value })
}

// TestRetryOfAFoldedDelivery: the mark of a delivery that was folded names the
// storm. Whatever came between that and the answer, the retry is the storm's too,
// and the alert's own window is not.
func TestRetryOfAFoldedDelivery(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		interrupt func(*bench)
		status    int
	}{
		"killed before the start":   {func(b *bench) { b.temporal.atCall(1, func() { panic("killed") }) }, 500},
		"killed before the confirm": {func(b *bench) { b.gate.confirmErr = errAway }, 500},
	} {
		for _, redis := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/Redis %v", name, redis), func(t *testing.T) {
				t.Parallel()
				b, _ := stormy(t, redis)
				tc.interrupt(b)
				over := body(t, "over", monitor("over"))
				assert.Equal(t, tc.status, b.do(request(t, "/webhooks/vendor", goodToken, over)).Code)
				b.temporal.before, b.gate.confirmErr = nil, nil

				status, r := b.post(t, over)
				assert.Equal(t, 200, status)
				assert.Equal(t, "folded", r.Status)
				require.Len(t, b.temporal.started, 3)
				storm := b.temporal.started[2]
				assert.Equal(t, stormWorkflow, storm.WorkflowID)
				assert.Equal(t, incident.KeyAlert, storm.KeyKind)
				assert.Equal(t, incident.KindStorm, storm.Start.Signal.Kind)
				assert.Contains(t, storm.Start.Signal.Title, "Alert storm")
				assert.Equal(t, r.IncidentID, storm.Start.Signal.IncidentID)
				_, r = b.post(t, over)
				assert.Equal(t, "duplicate", r.Status)

				b.post(t, body(t, "over2", monitor("over2")))
				b.advance(3 * time.Minute)
				_, r = b.post(t, body(t, "again", monitor("over")))
				assert.Equal(t, "enqueued", r.Status, "the storm has taken the alert's own window")
				require.Len(t, b.temporal.started, 4)
			})
		}
	}
}

// TestRetryOfAFoldedRepeat: the storm was to be told at a milestone, and has
// closed meanwhile. The retry opens the next storm, not an incident of its own.
func TestRetryOfAFoldedRepeat(t *testing.T) {
	t.Parallel()
	for _, kind := range []func(string) incident.Signal{monitor, func(v string) incident.Signal { return signal(event(v)) }} {
		b, _ := stormy(t, true)
		b.post(t, body(t, "over1", kind("over1")))
		require.Equal(t, stormWorkflow, b.temporal.started[2].WorkflowID)
		b.temporal.fail, b.gate.spoolErr = starter.ErrBusy, errAway
		over := body(t, "over2", kind("over2"))
		require.Equal(t, 503, b.do(request(t, "/webhooks/vendor", goodToken, over)).Code)
		b.temporal.fail, b.gate.spoolErr = nil, nil
		b.temporal.running[stormWorkflow], b.temporal.closed[stormWorkflow] = false, true
		b.advance(time.Second)

		_, r := b.post(t, over)
		assert.Equal(t, "folded", r.Status)
		require.Len(t, b.temporal.started, 4)
		assert.Equal(t, stormWorkflow, b.temporal.started[3].WorkflowID)
		assert.Equal(t, incident.KindStorm, b.temporal.started[3].Start.Signal.Kind)
		assert.NotEqual(t, b.temporal.started[2].Start.Signal.IncidentID, r.IncidentID)
	}
}
