package ingest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
)

func as(severity incident.Severity) func(*incident.Signal) {
	return func(s *incident.Signal) { s.Severity = severity }
}

// severities are those that the running incident was told of, in order, each
// delivery once.
func (b *bench) severities() []incident.Severity {
	var told []incident.Severity
	seen := map[string]bool{}
	for _, cmd := range b.temporal.signals {
		if !seen[cmd.Occurrence.DeliveryID] {
			told = append(told, cmd.Occurrence.Severity)
		}
		seen[cmd.Occurrence.DeliveryID] = true
	}
	return told
}

// rules are those of the deliveries that were confirmed, in order.
func rules(b *bench) []string {
	found := []string{}
	for _, d := range b.gate.entries() {
		found = append(found, d.Trace.Rule)
	}
	return found
}

// TestAWorseRepeatIsToldAtOnce: between two milestones an incident hears of what
// is worse than anything it has heard of, once, whatever fails on the way.
func TestAWorseRepeatIsToldAtOnce(t *testing.T) {
	t.Parallel()
	for way, interrupt := range map[string]func(*bench) (status int){
		"at once":               nil,
		"after nothing took it": func(b *bench) int { b.temporal.fail, b.gate.spoolErr = starter.ErrBusy, errAway; return 503 },
		"after a crash":         func(b *bench) int { b.temporal.atCall(1, func() { panic("killed") }); return 500 },
		"told, not confirmed":   func(b *bench) int { b.gate.confirmErr = errAway; return 500 },
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			b, _ := firstOf(t, kinds["alert"], false) // high
			for n := 2; n <= 6; n++ {
				b.post(t, body(t, fmt.Sprint("e", n), signal(as(incident.SeverityMedium))))
			}
			require.Equal(t, []incident.Severity{incident.SeverityMedium, incident.SeverityMedium}, b.severities(), "at 2 and 5")
			seventh := body(t, "e7", signal(as(incident.SeverityCritical)))
			if interrupt != nil {
				want := interrupt(b)
				assert.Equal(t, want, b.do(request(t, "/webhooks/vendor", goodToken, seventh)).Code)
				b.temporal.before, b.temporal.fail, b.gate.spoolErr, b.gate.confirmErr = nil, nil, nil, nil
			}
			_, r := b.post(t, seventh)
			assert.Equal(t, "debounced", r.Status)
			assert.Equal(t, []string{contract.RuleNew, contract.RuleWindow, contract.RuleWindow, contract.RuleWorse}, rules(b), "whoever asks is told why")
			b.post(t, body(t, "e8", signal(as(incident.SeverityCritical))))
			b.post(t, body(t, "e9", signal()))
			assert.Equal(t, incident.SeverityCritical, b.severities()[2])
			assert.Len(t, b.severities(), 3, "what is as bad as it is known to be waits for a milestone")
		})
	}
}

// Where nothing tells a delivery from its retry, the retry is told as well.
func TestAWorseRepeatWithoutAnID(t *testing.T) {
	t.Parallel()
	b, _ := firstOf(t, kinds["alert"], false)
	b.post(t, body(t, "", signal()))
	worse := body(t, "", signal(as(incident.SeverityCritical)))
	b.temporal.fail, b.gate.spoolErr = starter.ErrBusy, errAway
	assert.Equal(t, 503, b.do(request(t, "/webhooks/vendor", goodToken, worse)).Code)
	b.temporal.fail, b.gate.spoolErr = nil, nil
	before := len(b.temporal.signals)
	b.post(t, worse)
	require.Len(t, b.temporal.signals, before+1)
	assert.Equal(t, incident.SeverityCritical, b.temporal.signals[before].Occurrence.Severity)
}

// A repeat that meets the window before it is open is told when it is worse.
func TestAWorseRepeatOfAnIncidentThatIsStarting(t *testing.T) {
	t.Parallel()
	b, _ := realBench(t)
	b.temporal.atCall(1, func() {
		b.temporal.before = nil
		id := incident.Key{Kind: incident.KeyAlert, Value: "monitor-1", Opaque: true}.ID("vendor", incident.KindAlert)
		b.temporal.running[id] = true
		for n, severity := range []incident.Severity{incident.SeverityHigh, incident.SeverityHigh, incident.SeverityCritical} {
			b.post(t, body(t, fmt.Sprint("e", n+2), signal(as(severity))))
		}
		delete(b.temporal.running, id)
	})
	b.post(t, body(t, "e1", signal()))
	assert.Equal(t, []incident.Severity{incident.SeverityHigh, incident.SeverityCritical}, b.severities(), "the second, and the fourth")
}

// What Temporal refuses was not told, so that the next that is as bad still is.
func TestAWorseRepeatThatIsRefused(t *testing.T) {
	t.Parallel()
	b, _ := firstOf(t, kinds["alert"], false)
	b.post(t, body(t, "e2", signal()))
	b.temporal.fail = starter.ErrPermanent
	_, r := b.post(t, body(t, "e3", signal(as(incident.SeverityCritical))))
	require.Equal(t, "debounced", r.Status)
	b.temporal.fail = nil
	require.NotContains(t, b.severities(), incident.SeverityCritical)
	b.post(t, body(t, "e4", signal(as(incident.SeverityCritical)))) // at no milestone
	assert.Contains(t, b.severities(), incident.SeverityCritical, "a page is lost")
}

// killedWhileStarting leaves a window behind that a critical alert has claimed, and
// an incident that a milder one has started: both died before they could say so.
func killedWhileStarting(t *testing.T) (b *bench, critical string) {
	t.Helper()
	b, _ = realBench(t)
	id := incident.Key{Kind: incident.KeyAlert, Value: "monitor-1", Opaque: true}.ID("vendor", incident.KindAlert)
	critical = body(t, "e1", signal(as(incident.SeverityCritical)))
	b.temporal.atCall(1, func() {
		b.temporal.before = nil
		b.gate.confirmErr = errAway
		assert.Equal(t, 500, b.do(request(t, "/webhooks/vendor", goodToken, body(t, "e2", signal()))).Code)
		b.gate.confirmErr = nil
		panic("killed")
	})
	assert.Equal(t, 500, b.do(request(t, "/webhooks/vendor", goodToken, critical)).Code)
	require.Len(t, b.temporal.started, 1)
	require.Equal(t, incident.SeverityHigh, b.temporal.started[0].Start.Signal.Severity)
	b.temporal.running[id] = true
	return b, critical
}

func TestAWorseClaimIsToldToTheIncidentThatAMilderOneStarted(t *testing.T) {
	t.Parallel()
	b, critical := killedWhileStarting(t)
	b.gate.confirmErr = errAway // a third one dies as well, which makes three
	b.do(request(t, "/webhooks/vendor", goodToken, body(t, "e3", signal())))
	b.gate.confirmErr = nil
	_, r := b.post(t, critical)
	assert.Equal(t, "debounced", r.Status)
	assert.Contains(t, b.severities(), incident.SeverityCritical, "a page is lost")
}
