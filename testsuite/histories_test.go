package testsuite

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/analysis"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/evidence"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/slack"
	"github.com/nerve-alerts/nerve/internal/slackstand"
	"github.com/nerve-alerts/nerve/internal/starter"
	"github.com/nerve-alerts/nerve/workflows"
)

const historiesDir = "../workflows/testdata/histories"

// TestRecordHistories runs what nerve does on the embedded server, unencrypted
// and with neutral values so that it can be reviewed, and writes the closed
// runs' histories for workflows/replay_test.go.
func TestRecordHistories(t *testing.T) {
	if !*record {
		t.Skip("records the histories that replay tests run: make histories")
	}
	require.NoError(t, os.MkdirAll(historiesDir, 0o750))
	for name, behave := range map[string]func(*recording) client.WorkflowRun{
		"answered_and_resolved":          (*recording).answeredAndResolved,
		"headline_occurrences_and_quiet": (*recording).headlineOccurrencesAndQuiet,
		"acknowledged_and_resolved":      (*recording).acknowledgedAndResolved,
		"failed":                         (*recording).failed,
		"failed_and_rerun":               (*recording).failedAndRerun,
		"failed_and_worse":               (*recording).failedAndWorse,
		"failed_and_worse_and_rerun":     (*recording).failedAndWorseAndRerun,
		"failed_and_resolved":            (*recording).failedAndResolved,
		"evidence_failed":                (*recording).evidenceFailed,
		"continued":                      (*recording).continued,
		"cancelled":                      (*recording).cancelled,
		"acknowledged_with_notes":        (*recording).acknowledgedAndResolved,
		"rerun_with_a_note":              (*recording).failedAndRerun,
		"reopened":                       (*recording).reopened,
		"late_resolve":                   (*recording).lateResolve,
		"snoozed":                        (*recording).snoozed,
		"silenced_and_raised":            (*recording).silencedAndRaised,
		"silence_ended_early":            (*recording).silenceEndedEarly,
		"silence_ended_early_and_held":   (*recording).silenceEndedEarlyAndHeld,
		"silenced_and_resolved":          (*recording).silencedAndResolved,
		"worse_before_severity_rose":     (*recording).worse,
		"raised":                         (*recording).raised,
		"silenced_and_worse":             (*recording).silencedAndWorse,
		"watched":                        (*recording).watched,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onlyNew(t, name)
			r := newRecording(t)
			r.write(name, behave(r))
		})
	}
}

// onlyNew leaves a history that is there as it is: it stands for the code that
// wrote it, and recorded again it would agree with whatever the code has become.
func onlyNew(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(historiesDir, name+".json")); err == nil {
		t.Skip("recorded already: give a new behaviour a scenario of its own, under a new name")
	}
}

func TestARecordedHistoryIsKept(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"failed", "approval_denied"} {
		t.Run(name, func(t *testing.T) {
			onlyNew(t, name)
			t.Error("it would have been recorded again")
		})
	}
}

// recording is a worker in this process whose payloads are not encrypted.
type recording struct {
	t       *testing.T
	system  *system
	client  client.Client
	starter *starter.Starter
	stand   *slackstand.Server
	tools   atomic.Bool // fail
	shelf   shelf
	message slackstand.Posted
}

func newRecording(t *testing.T) *recording {
	t.Helper()
	_, server, err := shared.get()
	require.NoError(t, err)
	s := &system{t: t, namespace: "recording-" + strings.ToLower(strings.ReplaceAll(filepath.Base(t.Name()), "_", "-"))}
	s.keys()
	s.connect(server.Address())
	r := &recording{t: t, system: s}
	r.client, err = client.Dial(client.Options{
		HostPort: server.Address(), Namespace: s.namespace, Identity: "worker",
		Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	require.NoError(t, err)
	t.Cleanup(r.client.Close)
	r.starter = starter.New(r.client, starter.Options{})
	r.slack()
	return r
}

// slack starts a stand-in with one alert in it, and the workers on it.
func (r *recording) slack() {
	token := "xoxb-" + strings.Repeat("1", 12)
	var err error
	r.stand, err = slackstand.New(slackstand.Options{Token: token, Channels: []slackstand.Channel{{ID: alerts, Name: "alerts"}}})
	require.NoError(r.t, err)
	api := httptest.NewServer(r.stand.Handler())
	r.t.Cleanup(func() {
		_ = r.stand.Close()
		api.Close()
	})
	r.message, err = r.stand.Post(r.t.Context(), alerts, slackstand.Message{Bot: &slackstand.Bot{Name: "Monitoring"}, Text: "Disk space low on web-01"})
	require.NoError(r.t, err)
	c, err := slack.New(token, api.URL+"/api/", nil)
	require.NoError(r.t, err)
	acts, err := activities.New(activities.Deps{
		Slack: c, Recorder: &r.shelf, Windows: &r.shelf, Lookout: &r.shelf, Silences: &r.shelf, OperatorsChannel: alerts, Scrubber: privacy.NewScrubber(), Analyst: analysis.Rules{},
		Tools: map[string]activities.Evidence{
			contract.ToolThread: evidence.Thread{Slack: c}, contract.ToolOccurrences: &remembered{&r.tools}, contract.ToolPast: &remembered{&r.tools},
		},
		UIURL: "http://temporal.example.com", Namespace: "default",
	})
	require.NoError(r.t, err)
	for _, queue := range []string{contract.QueueTriage, contract.QueueSlack, contract.QueueEvidence} {
		w := worker.New(r.client, queue, worker.Options{Identity: "worker", BuildID: "recorded"}) //nolint:staticcheck // not for versioning: it keeps histories the same from build to build
		workflows.Register(w)
		w.RegisterActivity(acts)
		require.NoError(r.t, w.Start())
		r.t.Cleanup(w.Stop)
	}
}

// nowhere keeps nothing.
type nowhere struct{}

func (nowhere) Record(context.Context, contract.IncidentRecord) error { return nil }
func (nowhere) Release(context.Context, string, string, string) error { return nil }

// shelf keeps nothing either, may be away, and finds one thing wrong with a sender.
type shelf struct {
	nowhere
	away  atomic.Bool
	holds atomic.Pointer[contract.Silencing] // what holds an alert when its silence is over
}

func (s *shelf) Silenced(context.Context, incident.Signal) (*contract.Silencing, error) {
	return s.holds.Load(), nil
}

func (s *shelf) Record(ctx context.Context, rec contract.IncidentRecord) error {
	if s.away.Load() {
		return errors.New("the record is away")
	}
	return s.nowhere.Record(ctx, rec)
}

func (*shelf) Look(_ context.Context, q contract.WatchQuery) (contract.WatchReport, error) {
	return contract.WatchReport{Findings: []contract.Finding{{
		Source: "example", Kind: contract.FindingErrors, Text: "5 of 20 deliveries", Since: q.Now,
	}}}, nil
}

// remembered is a store that has one earlier occurrence, or is broken.
type remembered struct{ broken *atomic.Bool }

// broken is an error that no retry mends.
type broken struct{}

func (broken) Error() string             { return "the record is broken" }
func (broken) Code() string              { return "record/broken" }
func (broken) Retryable() bool           { return false }
func (broken) RetryAfter() time.Duration { return 0 }

func (m *remembered) Fetch(context.Context, contract.EvidenceQuery) ([]incident.Evidence, error) {
	if m.broken.Load() {
		return nil, broken{}
	}
	return []incident.Evidence{{Title: "Seen before", Text: "Disk space low on web-01, resolved after 20 minutes"}}, nil
}

// input is an alert in Slack, or with a headline where inSlack is false.
func (r *recording) input(inSlack bool) contract.TriageInput {
	in := contract.TriageInput{
		Signal: incident.Signal{
			IncidentID: "example_1", DeduplicationKey: "example:alert:1", Source: "example", Provider: "datadog",
			Kind: incident.KindAlert, Severity: incident.SeverityHigh, Status: incident.StatusFiring, EventType: "alert",
			Timestamp: time.Unix(1760000000, 0).UTC(), Title: "Disk space low on web-01", Description: "93 % of /var is used",
			Links:      []incident.Link{{Title: "Dashboard", URL: "https://grafana.example.com/d/disk"}},
			Key:        incident.Key{Kind: incident.KeyAlert, Value: "1", Opaque: true},
			RawPayload: incident.RawPayload{DeliveryID: "delivery-1", ContentType: "application/json", Size: 2, SHA256: "00"}, Fingerprint: "f1",
		},
		Salt: []byte("0123456789abcdef"), Window: "window-1", ReceivedAt: time.Unix(1760000001, 0).UTC(), Delivery: "event-1",
		Route: contract.Route{Channel: alerts, QuietPeriod: time.Hour},
	}
	if inSlack {
		in.Signal.Provider = "slack"
		in.Signal.Slack = &incident.SlackRef{ChannelID: alerts, MessageTS: r.message.TS, ThreadTS: r.message.TS}
	}
	return in
}

func (r *recording) start(in contract.TriageInput) client.WorkflowRun {
	r.t.Helper()
	got, err := r.starter.Do(r.t.Context(), contract.Command{WorkflowID: in.Signal.DeduplicationKey, KeyKind: incident.KeyAlert, Start: &in})
	require.NoError(r.t, err)
	return r.client.GetWorkflow(r.t.Context(), in.Signal.DeduplicationKey, got.RunID)
}

// phase waits until an incident is where the next thing is to happen.
func (r *recording) phase(run client.WorkflowRun, p contract.Phase) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.state(run).Phase == p }, patience, poll, "the incident is never %s", p)
}

// state is an incident's, or empty while nobody tells it.
func (r *recording) state(run client.WorkflowRun) contract.TriageState {
	var s contract.TriageState
	if v, err := r.client.QueryWorkflow(r.t.Context(), run.GetID(), run.GetRunID(), contract.QueryState); err == nil {
		_ = v.Get(&s) // an empty state is asked for again
	}
	return s
}

func (r *recording) occur(run client.WorkflowRun, o contract.Occurrence) {
	r.t.Helper()
	require.NoError(r.t, r.client.SignalWorkflow(r.t.Context(), run.GetID(), run.GetRunID(), contract.SignalOccurrence, o))
}

func (r *recording) resolve(run client.WorkflowRun) {
	r.t.Helper()
	require.NoError(r.t, r.client.SignalWorkflow(r.t.Context(), run.GetID(), run.GetRunID(), contract.SignalResolved, contract.Resolved{DeliveryID: "event-9"}))
	require.NoError(r.t, run.Get(r.t.Context(), nil))
}

func (r *recording) answeredAndResolved() client.WorkflowRun {
	run := r.start(r.input(true))
	r.phase(run, contract.PhaseOpen)
	r.resolve(run)
	return run
}

func (r *recording) headlineOccurrencesAndQuiet() client.WorkflowRun {
	in := r.input(false)
	in.Route.QuietPeriod = 8 * time.Second
	run := r.start(in)
	r.phase(run, contract.PhaseOpen)
	r.occur(run, contract.Occurrence{DeliveryID: "event-2", Count: 2})
	r.occur(run, contract.Occurrence{DeliveryID: "event-2", Count: 2})
	r.occur(run, contract.Occurrence{DeliveryID: "event-5", Count: 5})
	require.NoError(r.t, run.Get(r.t.Context(), nil))
	return run
}

func (r *recording) acknowledgedAndResolved() client.WorkflowRun {
	run := r.start(r.input(true))
	r.phase(run, contract.PhaseOpen)
	op := operator.New(r.client, converter.GetDefaultDataConverter(), r.system.namespace)
	_, err := op.Acknowledge(r.t.Context(), run.GetID(), contract.Decision{By: "on-call"})
	require.NoError(r.t, err)
	_, err = op.Resolve(r.t.Context(), run.GetID(), contract.Decision{By: "on-call", Reason: "disk was enlarged"})
	require.NoError(r.t, err)
	require.NoError(r.t, run.Get(r.t.Context(), nil))
	return run
}

func (r *recording) failed() client.WorkflowRun {
	r.stand.Fail(slackstand.Fault{Method: "chat.postMessage", Times: -1, Error: "is_archived"})
	run := r.start(r.input(true))
	require.Error(r.t, run.Get(r.t.Context(), nil))
	return run
}

func (r *recording) failedAndRerun() client.WorkflowRun {
	failed := r.failed()
	r.stand.ClearFaults()
	op := operator.New(r.client, converter.GetDefaultDataConverter(), r.system.namespace)
	again, err := op.Rerun(r.t.Context(), failed.GetID(), contract.Decision{By: "on-call", Reason: "the channel is back"})
	require.NoError(r.t, err)
	run := r.client.GetWorkflow(r.t.Context(), failed.GetID(), again.NewRunID)
	r.phase(run, contract.PhaseOpen)
	r.resolve(run)
	return run
}

// failedAndWorse hears that it is worse while a step is tried that fails in the end.
func (r *recording) failedAndWorse() client.WorkflowRun {
	r.stand.Fail(slackstand.Fault{Method: "chat.postMessage", Times: -1, Error: "internal_error"})
	run := r.start(r.input(true))
	r.phase(run, contract.PhaseNotifying)
	r.occur(run, contract.Occurrence{DeliveryID: "event-2", Count: 2, Severity: incident.SeverityCritical})
	r.stand.ClearFaults()
	r.stand.Fail(slackstand.Fault{Method: "chat.postMessage", Times: -1, Error: "is_archived"})
	require.Error(r.t, run.Get(r.t.Context(), nil))
	require.Contains(r.t, r.state(run).Seen, "event-2", "the failure knows nothing of it")
	return run
}

func (r *recording) failedAndWorseAndRerun() client.WorkflowRun {
	failed := r.failedAndWorse()
	r.stand.ClearFaults()
	op := operator.New(r.client, converter.GetDefaultDataConverter(), r.system.namespace)
	again, err := op.Rerun(r.t.Context(), failed.GetID(), contract.Decision{By: "on-call", Reason: "the channel is back"})
	require.NoError(r.t, err)
	run := r.client.GetWorkflow(r.t.Context(), failed.GetID(), again.NewRunID)
	r.phase(run, contract.PhaseOpen)
	require.Eventually(r.t, func() bool {
		return slices.ContainsFunc(r.state(run).Actions, func(a contract.IncidentAction) bool { return a.Kind == contract.ActionRaised })
	}, patience, poll, "the rerun does not know that it is worse")
	r.resolve(run)
	return run
}

func (r *recording) failedAndResolved() client.WorkflowRun {
	failed := r.failed()
	r.stand.ClearFaults()
	op := operator.New(r.client, converter.GetDefaultDataConverter(), r.system.namespace)
	_, err := op.Resolve(r.t.Context(), failed.GetID(), contract.Decision{By: "on-call"})
	require.NoError(r.t, err)
	run := r.client.GetWorkflow(r.t.Context(), failed.GetID(), "")
	require.NoError(r.t, run.Get(r.t.Context(), nil))
	return run
}

func (r *recording) evidenceFailed() client.WorkflowRun {
	r.tools.Store(true)
	return r.answeredAndResolved()
}

// continued is the run that follows a long one.
func (r *recording) continued() client.WorkflowRun {
	in := r.input(true)
	in.State = &contract.TriageState{
		Phase: contract.PhaseOpen, Status: incident.StatusFiring, Occurrences: 7, OpenedAt: in.ReceivedAt, LastSeen: time.Now().UTC(),
		Light: activities.LightSeen, Seen: []string{"event-1"},
	}
	run := r.start(in)
	r.phase(run, contract.PhaseOpen)
	r.occur(run, contract.Occurrence{DeliveryID: "event-2", Count: 10})
	r.resolve(run)
	return run
}

func (r *recording) cancelled() client.WorkflowRun {
	run := r.start(r.input(true))
	r.phase(run, contract.PhaseOpen)
	require.NoError(r.t, r.client.CancelWorkflow(r.t.Context(), run.GetID(), run.GetRunID()))
	require.Error(r.t, run.Get(r.t.Context(), nil))
	return run
}

// reopened fires again while the record keeps it from closing.
func (r *recording) reopened() client.WorkflowRun {
	in := r.input(true)
	in.Route.QuietPeriod = 20 * time.Second
	run := r.start(in)
	r.phase(run, contract.PhaseOpen)
	r.shelf.away.Store(true)
	require.NoError(r.t, r.client.SignalWorkflow(r.t.Context(), run.GetID(), run.GetRunID(), contract.SignalResolved, contract.Resolved{DeliveryID: "event-2"}))
	r.phase(run, contract.PhaseClosed)
	r.occur(run, contract.Occurrence{DeliveryID: "event-3", Count: 2})
	r.phase(run, contract.PhaseOpen)
	r.shelf.away.Store(false)
	require.NoError(r.t, run.Get(r.t.Context(), nil))
	return run
}

// worse comes again, and worse. Where that was recorded it was a repeat like any
// other: a worker of an older release was told of it by a newer ingest, or by the
// drainer of a newer worker.
func (r *recording) worse() client.WorkflowRun {
	run := r.start(r.input(true))
	r.phase(run, contract.PhaseOpen)
	r.occur(run, contract.Occurrence{DeliveryID: "event-2", Count: 2, Severity: incident.SeverityCritical})
	require.Eventually(r.t, func() bool { return slices.Contains(r.state(run).Seen, "event-2") }, patience, poll)
	r.resolve(run)
	return run
}

// raised comes again, and worse, while it is snoozed.
func (r *recording) raised() client.WorkflowRun {
	run := r.start(r.input(true))
	r.phase(run, contract.PhaseOpen)
	r.snooze(run, time.Hour)
	r.occur(run, contract.Occurrence{DeliveryID: "event-2", Count: 2, Severity: incident.SeverityCritical})
	require.Eventually(r.t, func() bool { return r.state(run).Light == activities.LightAnswered }, patience, poll)
	r.resolve(run)
	return run
}

// lateResolve hears of a resolve that waited while the alert fired again, and then
// of the one that is the last word.
func (r *recording) lateResolve() client.WorkflowRun {
	run := r.start(r.input(true))
	r.phase(run, contract.PhaseOpen)
	at := time.Now().UTC()
	r.occur(run, contract.Occurrence{DeliveryID: "event-2", Count: 2, At: at.Add(time.Minute)})
	late := func(id string, at time.Time) {
		require.NoError(r.t, r.client.SignalWorkflow(r.t.Context(), run.GetID(), run.GetRunID(), contract.SignalResolved,
			contract.Resolved{DeliveryID: id, At: at, Late: true}))
	}
	late("event-3", at)
	require.Eventually(r.t, func() bool { return slices.Contains(r.state(run).Seen, "event-3") }, patience, poll, "the late resolve is not heard")
	late("event-4", at.Add(2*time.Minute))
	require.NoError(r.t, run.Get(r.t.Context(), nil))
	return run
}

// snoozed counts while it is snoozed, and says so when that is over.
func (r *recording) snoozed() client.WorkflowRun {
	run := r.start(r.input(true))
	r.phase(run, contract.PhaseOpen)
	r.snooze(run, 12*time.Second)
	r.occur(run, contract.Occurrence{DeliveryID: "event-2", Count: 2})
	require.Eventually(r.t, func() bool { return r.state(run).Snoozed == nil }, patience, poll, "the snooze never ends")
	r.resolve(run)
	return run
}

func (r *recording) snooze(run client.WorkflowRun, d time.Duration) {
	r.t.Helper()
	h, err := r.client.UpdateWorkflow(r.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: run.GetID(), RunID: run.GetRunID(), UpdateName: contract.UpdateSnooze, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{contract.Snooze{Actor: onCall, Until: time.Now().UTC().Add(d), Reason: "known"}},
	})
	require.NoError(r.t, err)
	require.NoError(r.t, h.Get(r.t.Context(), nil))
}

// silence is an alert that a silence holds.
func (r *recording) silence(d time.Duration) client.WorkflowRun {
	in := r.input(false)
	in.Silence = &contract.Silencing{ID: "silence1", Until: time.Now().UTC().Add(d)}
	run := r.start(in)
	r.phase(run, contract.PhaseSilenced)
	r.occur(run, contract.Occurrence{DeliveryID: "event-2", Count: 2})
	return run
}

func (r *recording) silencedAndRaised() client.WorkflowRun {
	run := r.silence(8 * time.Second)
	r.phase(run, contract.PhaseOpen)
	r.resolve(run)
	return run
}

// silencedAndWorse is raised when what it has become is not silenced.
func (r *recording) silencedAndWorse() client.WorkflowRun {
	run := r.silence(time.Hour)
	r.occur(run, contract.Occurrence{DeliveryID: "event-3", Count: 3, Severity: incident.SeverityCritical})
	r.phase(run, contract.PhaseOpen)
	r.resolve(run)
	return run
}

func (r *recording) silenceEndedEarly() client.WorkflowRun {
	run := r.silence(time.Hour)
	e := contract.SilenceEnded{ID: "silence1", Actor: onCall, Reason: "done sooner"}
	require.NoError(r.t, r.client.SignalWorkflow(r.t.Context(), run.GetID(), run.GetRunID(), contract.SignalSilenceEnded, e))
	r.phase(run, contract.PhaseOpen)
	r.resolve(run)
	return run
}

// silenceEndedEarlyAndHeld is held by a second silence when the first is ended, and
// raised when that is ended, too.
func (r *recording) silenceEndedEarlyAndHeld() client.WorkflowRun {
	run := r.silence(time.Hour)
	end := func(id string) {
		e := contract.SilenceEnded{ID: id, Actor: onCall, Reason: "done sooner"}
		require.NoError(r.t, r.client.SignalWorkflow(r.t.Context(), run.GetID(), run.GetRunID(), contract.SignalSilenceEnded, e))
	}
	r.shelf.holds.Store(&contract.Silencing{ID: "silence2", Until: time.Now().UTC().Add(time.Hour)})
	end("silence1")
	require.Eventually(r.t, func() bool {
		s := r.state(run)
		return s.Silence != nil && s.Silence.ID == "silence2"
	}, patience, poll, "the second silence never holds it")
	r.shelf.holds.Store(nil)
	end("silence2")
	r.phase(run, contract.PhaseOpen)
	r.resolve(run)
	return run
}

func (r *recording) silencedAndResolved() client.WorkflowRun {
	run := r.silence(time.Hour)
	r.resolve(run)
	return run
}

// watched is the watch over senders, cancelled after it has told of something.
func (r *recording) watched() client.WorkflowRun {
	run, err := r.client.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: contract.WatchID, TaskQueue: contract.QueueTriage},
		contract.WorkflowWatch, contract.WatchState{})
	require.NoError(r.t, err)
	require.Eventually(r.t, func() bool {
		v, err := r.client.QueryWorkflow(r.t.Context(), run.GetID(), run.GetRunID(), contract.QueryWatch)
		var s contract.WatchState
		return err == nil && v.Get(&s) == nil && len(s.Standing) == 1 && s.Standing[0].Told
	}, patience, poll, "nothing was told")
	require.NoError(r.t, r.client.CancelWorkflow(r.t.Context(), run.GetID(), run.GetRunID()))
	require.Error(r.t, run.Get(r.t.Context(), nil))
	return run
}

// onCall decides in these histories.
var onCall = audit.Actor{Person: "on-call", Via: audit.ViaCLI}

// write exports a closed run's history.
func (r *recording) write(name string, run client.WorkflowRun) {
	r.t.Helper()
	var h historypb.History
	events := r.client.GetWorkflowHistory(r.t.Context(), run.GetID(), run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(r.t, err)
		h.Events = append(h.Events, e)
	}
	raw, err := temporalproto.CustomJSONMarshalOptions{
		Indent: "  ", Metadata: map[string]any{commonpb.EnablePayloadShorthandMetadataKey: true},
	}.Marshal(&h)
	require.NoError(r.t, err)
	require.NoError(r.t, os.WriteFile(filepath.Join(historiesDir, name+".json"), append(raw, '\n'), 0o600))
}
