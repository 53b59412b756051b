package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// allocationBudget is what one delivery may allocate (section 2, C29).
const allocationBudget = 128 << 10

// flatGate decides without keeping anything, so that only ingest is measured.
type flatGate struct{ *fakeGate }

func (flatGate) Admit(_ context.Context, c admission.Claim, _ contract.Delivery) (admission.Decision, error) {
	return admission.Decision{Verdict: admission.New, WorkflowID: c.WorkflowID, IncidentID: c.IncidentID, Count: 1}, nil
}
func (flatGate) Confirm(context.Context, admission.Claim, contract.Delivery) error { return nil }

// nowhere makes the log lines be formatted, which is part of what is measured.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// delivery runs one delivery of about 2 KB through the whole handler.
func delivery(t testing.TB) func() {
	b := newBench(t, func(_ *Options, d *Deps, _ *[]Source) {
		d.Gate = flatGate{}
		d.Log = slog.New(slog.NewJSONHandler(nowhere{}, nil))
	})
	n := 0
	return func() {
		n++
		payload := body(t, fmt.Sprint(n), signal(event(fmt.Sprint(n)), func(s *incident.Signal) { s.Description = strings.Repeat("x", 1700) }))
		w := httptest.NewRecorder()
		b.server.Handler().ServeHTTP(w, request(t, "/webhooks/vendor", goodToken, payload))
		if w.Code != http.StatusOK {
			t.Fatal(w.Code, w.Body.String())
		}
		b.temporal.started = b.temporal.started[:0]
		clear(b.temporal.running)
	}
}

func BenchmarkDelivery(b *testing.B) {
	run := delivery(b)
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
}

// TestAllocationBudget is not parallel, so that nothing else allocates meanwhile.
func TestAllocationBudget(t *testing.T) {
	run := delivery(t)
	run()
	const runs = 50
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		run()
	}
	runtime.ReadMemStats(&after)
	assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/runs, uint64(allocationBudget))
}
