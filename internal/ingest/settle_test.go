package ingest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
)

func outcomes(entries []contract.Delivery) []contract.Outcome {
	var all []contract.Outcome
	for _, e := range entries {
		all = append(all, e.Outcome)
	}
	return all
}

func TestAlertStartsAnIncident(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	status, r := b.post(t, body(t, "e1", signal()))
	assert.Equal(t, 200, status)
	require.Len(t, b.temporal.started, 1)
	cmd := b.temporal.started[0]
	s := cmd.Start.Signal
	assert.Equal(t, reply{Status: "enqueued", EntryID: "run-1", IncidentID: s.IncidentID}, r)
	assert.Equal(t, "vendor:alert:monitor-1", cmd.WorkflowID)
	assert.Equal(t, incident.KeyAlert, cmd.KeyKind)
	assert.Equal(t, cmd.WorkflowID, s.DeduplicationKey)
	assert.Regexp(t, `^vendor_[0-9a-f]{16}_[0-9a-z]+$`, s.IncidentID, "each life of an alert has its own name")
	assert.Equal(t, contract.Route{Channel: "C0ROUTE", QuietPeriod: time.Hour}, cmd.Start.Route)
	assert.Equal(t, b.time(), cmd.Start.ReceivedAt)
	assert.Equal(t, []byte("salt"), cmd.Start.Salt)
	assert.NotEmpty(t, cmd.Start.Window)
	assert.Equal(t, b.gate.claims[0].Window, cmd.Start.Window)

	entry := b.gate.entries()[0]
	assert.Equal(t, contract.OutcomeAccepted, entry.Outcome)
	assert.Equal(t, 200, entry.Status)
	assert.Equal(t, []string{s.IncidentID, cmd.WorkflowID, s.Fingerprint}, []string{entry.IncidentID, entry.WorkflowID, entry.Fingerprint})
	assert.EqualValues(t, 1, entry.Count)
	assert.Equal(t, entry.ID, s.RawPayload.DeliveryID)
	assert.Equal(t, entry.Sealed, s.RawPayload.Sealed)
	assert.Len(t, b.gate.entries(), 1, "one entry for a delivery")
}

func TestWindows(t *testing.T) {
	t.Parallel()
	group := func(s *incident.Signal) { s.Group = "C1:CPU is high" }
	for _, tc := range []struct {
		name  string
		event string
		kind  func(*incident.Signal)
		group func(*incident.Signal)
		same  func(*incident.Signal) // shares the window
		ttl   time.Duration
	}{
		{"storm by group", "e", event("1"), group, event("2"), 5 * time.Minute},
		{"alert by key", "", func(*incident.Signal) {}, func(*incident.Signal) {}, func(s *incident.Signal) { s.Title = "another text" }, 5 * time.Minute},
		{"event by delivery id", "e", event("1"), func(*incident.Signal) {}, func(s *incident.Signal) { s.Title = "another text" }, 5 * time.Minute},
		{"content, without any id", "", event("1"), func(*incident.Signal) {}, event("2"), 15 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.post(t, body(t, tc.event, signal(tc.kind, tc.group)))
			again := ""
			if tc.event != "" {
				again = tc.event + "2"
			}
			b.post(t, body(t, again, signal(tc.kind, tc.group, tc.same)))
			require.Len(t, b.gate.claims, 2)
			assert.Equal(t, b.gate.claims[0].Window, b.gate.claims[1].Window)
			assert.Equal(t, tc.ttl, b.gate.claims[0].Limits.WindowTTL)
			assert.Equal(t, tc.event == "", b.gate.claims[0].DeliveryID == "")
			assert.Len(t, b.temporal.started, 1)
			assert.Equal(t, []contract.Outcome{contract.OutcomeAccepted, contract.OutcomeDebounced}, outcomes(b.gate.entries()))
		})
	}
}

func TestRepeatsAreToldAtMilestones(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, first := b.post(t, body(t, "e1", signal()))
	for i := 2; i <= 50; i++ {
		status, r := b.post(t, body(t, fmt.Sprint("e", i), signal()))
		require.Equal(t, 200, status)
		require.Equal(t, reply{Status: "debounced", Reason: "Alert already processing", IncidentID: first.IncidentID}, r)
	}
	var counts []int64
	for _, cmd := range b.temporal.signals {
		counts = append(counts, cmd.Occurrence.Count)
	}
	assert.Equal(t, []int64{2, 5, 10, 20, 50}, counts)
	assert.Len(t, b.temporal.started, 1)
	assert.Len(t, b.gate.entries(), 50)
}

func TestRetryIsADuplicate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, first := b.post(t, body(t, "e1", signal(event("1"))))
	status, r := b.post(t, body(t, "e1", signal(event("1"))))
	assert.Equal(t, 200, status)
	assert.Equal(t, "duplicate", r.Status)
	assert.True(t, r.Idempotent)
	assert.Equal(t, first.IncidentID, r.AlertID)
	assert.Len(t, b.temporal.started, 1)
}

// TestRedisForgets deletes every mark and still expects one run: the workflow id
// is the guarantee.
func TestRedisForgets(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]func(*incident.Signal){"duplicate": event("1"), "debounced": func(*incident.Signal) {}} {
		b := newBench(t)
		b.post(t, body(t, "e1", signal(kind)))
		b.gate.deliveries, b.gate.windows = map[string]mark{}, map[string]mark{}
		b.advance(time.Hour)
		status, r := b.post(t, body(t, "e1", signal(kind)))
		assert.Equal(t, 200, status)
		assert.Equal(t, name, r.Status)
		assert.Len(t, b.temporal.started, 1)
		if name == "debounced" {
			assert.Equal(t, b.temporal.started[0].Start.Signal.IncidentID, r.IncidentID, "the running life's name, not the new claim's")
			require.Len(t, b.temporal.signals, 1)
			assert.Zero(t, b.temporal.signals[0].Occurrence.Count, "nobody could count")
		}
	}
}

// TestRedisForgetsEverything: an incident runs that nothing else remembers. The
// answer then names none, rather than the one of a life that never began.
func TestRedisForgetsEverything(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.temporal.running["vendor:alert:monitor-1"] = true
	for i := range 2 {
		_, r := b.post(t, body(t, fmt.Sprint("e", i), signal()))
		assert.Equal(t, reply{Status: "debounced", Reason: "Alert already processing"}, r)
	}
	assert.Empty(t, b.gate.entries()[0].IncidentID)
	assert.NotEmpty(t, b.gate.entries()[0].WorkflowID)
}

// TestCrashBetweenClaimAndStart leaves a claim pending, as a killed process
// does, and expects the sender's retry to start the same incident exactly once.
func TestCrashBetweenClaimAndStart(t *testing.T) {
	t.Parallel()
	for _, committed := range []bool{false, true} {
		b := newBench(t)
		v := &verified{source: b.server.sources.Load().byName["vendor"], batch: batchOf(t, "e1", signal(event("1")))}
		v.delivery.ReceivedAt = b.time()
		sub := b.server.pipeline.prepare(v, 0)
		d, err := b.gate.Admit(t.Context(), sub.claim, sub.delivery)
		require.NoError(t, err)
		require.Equal(t, admission.New, d.Verdict)
		if committed { // killed after the start, before Confirm
			_, err = b.temporal.Do(t.Context(), contract.Command{WorkflowID: d.WorkflowID, KeyKind: sub.kind, Start: sub.input()})
			require.NoError(t, err)
		}
		status, _ := b.post(t, body(t, "e1", signal(event("1"))))
		assert.Equal(t, 200, status)
		require.Len(t, b.temporal.started, 1)
		assert.Equal(t, sub.claim.WorkflowID, b.temporal.started[0].WorkflowID)
		assert.Equal(t, sub.claim.IncidentID, b.temporal.started[0].Start.Signal.IncidentID)
		_, r := b.post(t, body(t, "e1", signal(event("1"))))
		assert.Equal(t, "duplicate", r.Status, "the claim is confirmed by now")
		assert.Len(t, b.temporal.started, 1)
	}
}

// TestPendingOfAnotherSignal: two messages of one storm, the first killed before
// its start. The second starts the first one's incident under its name.
func TestPendingOfAnotherSignal(t *testing.T) {
	t.Parallel()
	group := func(s *incident.Signal) { s.Group = "C1:t" }
	b := newBench(t)
	b.temporal.fail, b.gate.spoolErr = starter.ErrUnavailable, errAway
	b.gate.windows[digest("group", "C1:t")] = mark{workflow: "vendor:alert:1", incidentID: "vendor_first", count: 1}
	b.temporal.fail = nil
	status, r := b.post(t, body(t, "e2", signal(event("2"), group)))
	assert.Equal(t, 200, status)
	assert.Equal(t, reply{Status: "enqueued", EntryID: "run-1", IncidentID: "vendor_first"}, r)
	require.Len(t, b.temporal.started, 1)
	assert.Equal(t, "vendor:alert:1", b.temporal.started[0].WorkflowID)
	assert.Equal(t, "vendor:alert:1", b.temporal.started[0].Start.Signal.DeduplicationKey)

	// The first was started, but not confirmed: the second is its occurrence.
	c := newBench(t)
	c.gate.windows[digest("group", "C1:t")] = mark{workflow: "vendor:alert:1", incidentID: "vendor_first", count: 1}
	c.temporal.running["vendor:alert:1"] = true
	_, r = c.post(t, body(t, "e2", signal(event("2"), group)))
	assert.Equal(t, "debounced", r.Status)
	assert.Len(t, c.temporal.signals, 1)
	assert.True(t, c.gate.windows[digest("group", "C1:t")].open)
}

func TestTemporalAway(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{starter.ErrUnavailable, starter.ErrBusy} {
		b := newBench(t)
		b.temporal.fail = fmt.Errorf("x: %w", cause)
		status, r := b.post(t, body(t, "e1", signal()))
		assert.Equal(t, 200, status)
		assert.Equal(t, "spooled", r.EntryID)
		require.Len(t, b.gate.spooled, 1)
		assert.Equal(t, r.IncidentID, b.gate.spooled[0].Start.Signal.IncidentID)
		assert.NotEmpty(t, b.gate.sealed[0])
		_, r = b.post(t, body(t, "e2", signal()))
		assert.Equal(t, "debounced", r.Status, "the claim is confirmed: the spool is durable")
		require.Len(t, b.gate.spooled, 2, "the second occurrence is a milestone")
		assert.EqualValues(t, 2, b.gate.spooled[1].Occurrence.Count)
	}
}

func TestNothingDurable(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.temporal.fail, b.gate.spoolErr = starter.ErrUnavailable, errAway
	w := b.do(request(t, "/webhooks/vendor", goodToken, body(t, "e1", signal())))
	p := decode(t, w)
	assert.Equal(t, 503, p.Status)
	assert.Equal(t, "10", w.Header().Get("Retry-After"))
	assert.NotContains(t, p.Detail, "away", "the sender is told nothing of the inside")
	assert.Contains(t, b.log.String(), "away")
	assert.Equal(t, []contract.Outcome{contract.OutcomeFailed}, outcomes(b.gate.entries()))
	assert.Empty(t, b.gate.deliveries, "the claim is taken back")
	assert.Empty(t, b.gate.windows)

	b.temporal.fail, b.gate.spoolErr = nil, nil
	status, r := b.post(t, body(t, "e1", signal()))
	assert.Equal(t, 200, status)
	assert.Equal(t, "enqueued", r.Status, "the retry counts as the first")
}

// TestStartThatTimedOutButHappened: the answer was lost, and nothing spooled.
func TestStartThatTimedOutButHappened(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.temporal.failLate, b.gate.spoolErr = starter.ErrUnavailable, errAway
	assert.Equal(t, 503, b.do(request(t, "/webhooks/vendor", goodToken, body(t, "e1", signal(event("1"))))).Code)
	b.temporal.failLate = nil
	status, r := b.post(t, body(t, "e1", signal(event("1"))))
	assert.Equal(t, 200, status)
	assert.Equal(t, "duplicate", r.Status)
	assert.Len(t, b.temporal.started, 1)
}

func TestPermanentRefusal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.temporal.fail = fmt.Errorf("%w: blob size", starter.ErrPermanent)
	p := decode(t, b.do(request(t, "/webhooks/vendor", goodToken, body(t, "e1", signal()))))
	assert.Equal(t, 500, p.Status)
	assert.Equal(t, codeFailed, p.Code)
	assert.NotContains(t, p.Detail, "blob")
	assert.Empty(t, b.gate.spooled, "it would fail there for ever")
	assert.Empty(t, b.gate.windows)
}

func TestSealerFails(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *Options, d *Deps, _ *[]Source) { d.Sealer = fakeSealer{err: errAway} })
	assert.Equal(t, 503, decode(t, b.do(request(t, "/webhooks/vendor", goodToken, body(t, "e1", signal())))).Status)
	assert.Empty(t, b.temporal.started)
}

func TestAdmissionFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.gate.admitErr = errAway
	assert.Equal(t, 503, decode(t, b.do(request(t, "/webhooks/vendor", goodToken, body(t, "e1", signal())))).Status)
	b.gate.admitErr, b.gate.confirmErr = nil, errAway
	status, _ := b.post(t, body(t, "e1", signal()))
	assert.Equal(t, 200, status, "the start is durable, whatever becomes of the claim")
	assert.Len(t, b.gate.entries(), 2, "what Confirm did not log is logged otherwise")
}

// TestWindowOfAClosedIncident: the incident closed without closing its window.
func TestWindowOfAClosedIncident(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]func(string) func(*incident.Signal){
		"alert": func(string) func(*incident.Signal) { return func(*incident.Signal) {} },
		"event": func(v string) func(*incident.Signal) {
			return func(s *incident.Signal) { event(v)(s); s.Group = "g" }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.post(t, body(t, "e1", signal(kind("1"))))
			id := b.temporal.started[0].WorkflowID
			b.temporal.running[id], b.temporal.closed[id] = false, true
			b.advance(time.Minute)
			status, r := b.post(t, body(t, "e2", signal(kind("2"))))
			assert.Equal(t, 200, status)
			assert.Equal(t, "enqueued", r.Status)
			require.Len(t, b.temporal.started, 2)
			assert.NotEqual(t, b.temporal.started[0].Start.Signal.IncidentID, r.IncidentID)
			assert.True(t, b.gate.claims[2].SkipRate, "it was counted already")
			_, r = b.post(t, body(t, "e3", signal(kind("3"))))
			assert.Equal(t, "debounced", r.Status)
		})
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, first := b.post(t, body(t, "e1", signal()))
	status, r := b.post(t, body(t, "e2", signal(resolvedSignal)))
	assert.Equal(t, 200, status)
	assert.Equal(t, reply{Status: "resolved", IncidentID: first.IncidentID}, r)
	require.Len(t, b.temporal.signals, 1)
	assert.NotNil(t, b.temporal.signals[0].Resolved)
	assert.Empty(t, b.gate.windows, "the next firing starts anew")

	b.advance(time.Second)
	_, r = b.post(t, body(t, "e2", signal(resolvedSignal)))
	assert.Equal(t, "duplicate", r.Status)
	_, second := b.post(t, body(t, "e3", signal()))
	assert.Equal(t, "enqueued", second.Status)
	assert.NotEqual(t, first.IncidentID, second.IncidentID)
	b.post(t, body(t, "e2", signal(resolvedSignal)))
	assert.True(t, b.temporal.running["vendor:alert:monitor-1"], "an old resolve does not close the alert's next life")
}

func TestResolveByWindow(t *testing.T) {
	t.Parallel()
	group := func(s *incident.Signal) { s.Group = "g" }
	b := newBench(t)
	_, first := b.post(t, body(t, "e1", signal(event("1"), group)))
	_, r := b.post(t, body(t, "e2", signal(event("2"), group, resolvedSignal)))
	assert.Equal(t, reply{Status: "resolved", IncidentID: first.IncidentID}, r)
	_, r = b.post(t, body(t, "e3", signal(event("3"), func(s *incident.Signal) { s.Group = "other" }, resolvedSignal)))
	assert.Equal(t, reply{Status: "ignored", Reason: "nothing_to_resolve"}, r)
	assert.Equal(t, contract.OutcomeIgnored, b.gate.entries()[2].Outcome)
}

func TestResolveWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.temporal.fail = starter.ErrUnavailable
	b.post(t, body(t, "e1", signal()))
	_, r := b.post(t, body(t, "e2", signal(resolvedSignal)))
	assert.Equal(t, "resolved", r.Status)
	require.Len(t, b.gate.spooled, 2, "in order behind the start")
	assert.NotNil(t, b.gate.spooled[1].Resolved)

	// Temporal is back for this ingest, and the start still waits in the spool.
	c := newBench(t)
	c.temporal.fail = starter.ErrUnavailable
	_, first := c.post(t, body(t, "e1", signal()))
	c.temporal.fail = nil
	c.server.pipeline.Backlog = func(context.Context) (int64, error) { return int64(len(c.gate.spooled)), nil }
	_, r = c.post(t, body(t, "e2", signal(resolvedSignal)))
	assert.Equal(t, reply{Status: "resolved", IncidentID: first.IncidentID}, r)
	assert.Equal(t, contract.ReasonSpooled.String(), c.gate.entries()[1].Reason)
	require.Len(t, c.gate.spooled, 2)
	assert.NotNil(t, c.gate.spooled[1].Resolved)

	d := newBench(t)
	d.temporal.fail, d.gate.spoolErr = starter.ErrUnavailable, errAway
	assert.Equal(t, 503, d.do(request(t, "/webhooks/vendor", goodToken, body(t, "e2", signal(resolvedSignal)))).Code)
	assert.Empty(t, d.gate.deliveries, "the retry counts")
}

// TestResolveOfOneOfAGroup: the start of one waits in the spool, and the window is of
// another of its group by now.
func TestResolveOfOneOfAGroup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	group := func(s *incident.Signal) { s.Group = "g" }
	b.temporal.fail = starter.ErrUnavailable
	b.post(t, body(t, "e1", signal(group)))
	clear(b.gate.windows) // it has ended
	b.post(t, body(t, "e2", signal(group, func(s *incident.Signal) { s.Key.Value = "monitor-2" })))
	require.Len(t, b.gate.spooled, 2)
	b.temporal.fail = nil
	b.server.pipeline.Backlog = func(context.Context) (int64, error) { return int64(len(b.gate.spooled)), nil }
	_, r := b.post(t, body(t, "e3", signal(group, resolvedSignal)))
	assert.Equal(t, "resolved", r.Status)
	require.Len(t, b.gate.spooled, 3)
	assert.NotNil(t, b.gate.spooled[2].Resolved)
	assert.Equal(t, b.gate.spooled[0].WorkflowID, b.gate.spooled[2].WorkflowID)
}

// TestResolveOfWhatHasClosed: senders often say that an alert is over after a person
// has resolved it. There is nothing to wait for where nothing waits.
func TestResolveOfWhatHasClosed(t *testing.T) {
	t.Parallel()
	for name, backlog := range map[string]func(context.Context) (int64, error){
		"an empty spool":   func(context.Context) (int64, error) { return 0, nil },
		"no durable spool": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.post(t, body(t, "e1", signal()))
			id := b.temporal.started[0].WorkflowID
			b.temporal.running[id], b.temporal.closed[id] = false, true
			b.server.pipeline.Backlog = backlog
			if backlog == nil {
				b.gate.spoolErr = admission.ErrNotDurable
			}
			status, r := b.post(t, body(t, "e2", signal(resolvedSignal)))
			assert.Equal(t, 200, status)
			assert.Equal(t, reply{Status: "ignored", Reason: "nothing_to_resolve"}, r)
			assert.Empty(t, b.gate.spooled)
		})
	}
}

func TestStorm(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *Options, _ *Deps, list *[]Source) { (*list)[0].Route.Channel = "" })
	over := admission.Decision{Verdict: admission.Over}
	b.gate.forced = []admission.Decision{over, over, over}
	slackRef := func(s *incident.Signal) { s.Slack = &incident.SlackRef{ChannelID: "C9", MessageTS: "1.2"} }
	for i := range 3 {
		status, r := b.post(t, body(t, fmt.Sprint("e", i), signal(event(fmt.Sprint(i)), slackRef)))
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, "folded", r.Status)
	}
	require.Len(t, b.temporal.started, 1)
	storm := b.temporal.started[0]
	assert.Equal(t, "vendor:storm:storm", storm.WorkflowID)
	assert.Equal(t, incident.KindStorm, storm.Start.Signal.Kind)
	assert.Equal(t, "Alert storm from vendor: more than 100 alerts a minute", storm.Start.Signal.Title)
	assert.Equal(t, incident.SeverityHigh, storm.Start.Signal.Severity)
	assert.Equal(t, "C9", storm.Start.Route.Channel, "where the storm came from")
	sig := storm.Start.Signal
	require.NoError(t, sig.Validate())
	require.Len(t, b.temporal.signals, 1, "the second occurrence is a milestone, the third is not")
	assert.Equal(t, []contract.Outcome{contract.OutcomeFolded, contract.OutcomeFolded, contract.OutcomeFolded}, outcomes(b.gate.entries()))
	assert.Empty(t, b.reactor.refs, "a folded message gets no reaction of its own")

	_, r := b.post(t, body(t, "e1", signal(event("1"))))
	assert.Equal(t, "duplicate", r.Status, "a retry of a folded delivery")
}

func TestHardCap(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.gate.forced = []admission.Decision{{Verdict: admission.Refused, RetryAfter: 1500 * time.Millisecond}}
	w := b.do(request(t, "/webhooks/vendor", goodToken, body(t, "e1", signal())))
	assert.Equal(t, codeLimited, decode(t, w).Code)
	assert.Equal(t, 429, w.Code)
	assert.Equal(t, "2", w.Header().Get("Retry-After"))
	assert.Equal(t, []contract.Outcome{contract.OutcomeLimited}, outcomes(b.gate.entries()))
}

func TestBatches(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	status, r := b.post(t, body(t, "e1", signal(event("1")), signal(event("2"), resolvedSignal), signal(event("3"))))
	assert.Equal(t, 200, status)
	assert.Equal(t, b.temporal.started[0].Start.Signal.IncidentID, r.IncidentID, "the first of the most important")
	assert.Len(t, b.temporal.started, 2)
	entries := b.gate.entries()
	require.Len(t, entries, 4, "one for each signal, and one for the attempt")
	assert.Equal(t, []contract.Outcome{contract.OutcomeAccepted, contract.OutcomeAccepted, contract.OutcomeIgnored, contract.OutcomeAccepted}, outcomes(entries))
	attempt := entries[3]
	for i, part := range []int{1, 3, 2, 0} {
		e := entries[i]
		assert.Equal(t, part, e.Part)
		assert.Equal(t, 3, e.Signals)
		assert.Equal(t, 200, e.Status)
		if part > 0 {
			assert.Equal(t, contract.PartID(attempt.ID, part), e.ID)
			assert.Empty(t, e.Sealed, "the bytes are kept once")
			assert.Empty(t, e.Headers)
		}
	}
	assert.NotEmpty(t, attempt.Sealed)
	assert.NotEmpty(t, attempt.Headers)
	assert.Empty(t, attempt.IncidentID+attempt.WorkflowID, "it counts as no occurrence of any of its incidents")
	assert.Equal(t, 3, b.temporal.started[1].Start.Signal.RawPayload.Part)
	assert.Equal(t, attempt.ID, b.temporal.started[1].Start.Signal.RawPayload.DeliveryID)
	_, r = b.post(t, body(t, "e1", signal(event("1")), signal(event("2"), resolvedSignal), signal(event("3"))))
	assert.Equal(t, "duplicate", r.Status)

	// One signal that cannot be made durable fails the delivery; the retry takes it.
	c := newBench(t)
	c.gate.spoolErr = errAway
	calls := 0
	c.temporal.before = func() {
		if calls++; calls == 2 {
			c.temporal.fail = starter.ErrUnavailable
		}
	}
	payload := body(t, "e1", signal(event("1")), signal(event("2")))
	assert.Equal(t, 503, c.do(request(t, "/webhooks/vendor", goodToken, payload)).Code)
	assert.Equal(t, []contract.Outcome{contract.OutcomeAccepted, contract.OutcomeFailed, contract.OutcomeFailed}, outcomes(c.gate.entries()))
	assert.True(t, strings.HasSuffix(c.gate.entries()[1].ID, "-2"))
	assert.Equal(t, []int{200, 503, 503}, []int{c.gate.entries()[0].Status, c.gate.entries()[1].Status, c.gate.entries()[2].Status})
	c.temporal.before, c.temporal.fail = nil, nil
	_, r = c.post(t, payload)
	assert.Equal(t, "enqueued", r.Status)
	assert.Len(t, c.temporal.started, 2)
}
