package testsuite

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/analysis"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/starter"
	"github.com/nerve-alerts/nerve/task"
	"github.com/nerve-alerts/nerve/workflows"
)

// TestRecordHistoriesOfTasks is TestRecordHistories for tasks of models and for
// events on their way out.
func TestRecordHistoriesOfTasks(t *testing.T) {
	if !*record {
		t.Skip("records the histories that replay tests run: make histories")
	}
	require.NoError(t, os.MkdirAll(historiesDir, 0o750))
	for name, behave := range map[string]func(*workshop) client.WorkflowRun{
		"task_succeeded":     (*workshop).succeeded,
		"task_failed":        (*workshop).failed,
		"task_not_kept":      (*workshop).notKept,
		"task_undone":        (*workshop).undone,
		"task_unsettled":     (*workshop).unsettled,
		"task_rerun":         (*workshop).rerun,
		"task_cancelled":     (*workshop).cancelled,
		"events_tried_again": (*workshop).events,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onlyNew(t, name)
			w := newWorkshop(t)
			w.write(name, behave(w))
		})
	}
}

// workshop is a recording of tasks: what is outside them works, or is broken.
type workshop struct {
	*recording
	outputs, keeping, billing atomic.Bool // broken
	sent, audited             atomic.Int64
}

// AppendAudit counts reruns.
func (w *workshop) AppendAudit(_ context.Context, e audit.Entry) (audit.Entry, error) {
	if e.Action == contract.AuditTaskRerun && e.Actor.Person == "on-call" && e.Target == "example:t1" {
		w.audited.Add(1)
	}
	return e, nil
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	_, server, err := shared.get()
	require.NoError(t, err)
	w := &workshop{recording: &recording{t: t}}
	w.system = &system{t: t, namespace: "recording-" + strings.ReplaceAll(filepath.Base(t.Name()), "_", "-")}
	w.system.keys()
	w.system.connect(server.Address())
	w.client, err = client.Dial(client.Options{HostPort: server.Address(), Namespace: w.system.namespace, Identity: "worker"})
	require.NoError(t, err)
	t.Cleanup(w.client.Close)
	w.starter = starter.New(w.client, starter.Options{})
	acts, err := activities.New(activities.Deps{
		Slack: w, Recorder: &nowhere{}, Windows: &nowhere{}, Scrubber: privacy.NewScrubber(), Analyst: analysis.Rules{},
		Outputs: w, Tasks: w, Billing: w, Subscribers: w, Auditor: w, UIURL: "http://temporal.example.com", Namespace: "default",
	})
	require.NoError(t, err)
	for _, queue := range []string{contract.QueueTriage, contract.QueueSlack, contract.QueueTasks, contract.QueueEvents} {
		q := worker.New(w.client, queue, worker.Options{Identity: "worker", BuildID: "recorded"}) //nolint:staticcheck // not for versioning: it keeps histories the same from build to build
		workflows.Register(q)
		q.RegisterActivity(acts)
		require.NoError(t, q.Start())
		t.Cleanup(q.Stop)
	}
	return w
}

func (w *workshop) Keep(_ context.Context, q contract.OutputQuery) (contract.TaskOutput, error) {
	if w.outputs.Load() {
		return contract.TaskOutput{}, broken{}
	}
	return contract.TaskOutput{Key: "tasks/" + q.Source + "/" + q.Name + "/00.png", ContentType: "image/png", Size: 7, SHA256: "00", DownloadMS: 3, UploadMS: 2}, nil
}

func (w *workshop) Remove(context.Context, string) error { return nil }

func (w *workshop) SaveTask(_ context.Context, rec contract.TaskRecord) error {
	if rec.State == task.Succeeded && w.keeping.Load() {
		return broken{}
	}
	return nil
}

func (w *workshop) Settle(context.Context, contract.Charge) error {
	if w.billing.Load() {
		return broken{}
	}
	return nil
}

func (w *workshop) Reverse(ctx context.Context, c contract.Charge) error { return w.Settle(ctx, c) }

// Send is a subscriber that is down at first.
func (w *workshop) Send(_ context.Context, _ string, list []contract.Event, _ func()) (contract.EventsSent, error) {
	if w.sent.Add(1) == 1 {
		return contract.EventsSent{Delivered: 1, Left: []string{list[1].ID}, Why: "outbound/http_503"}, nil
	}
	return contract.EventsSent{Delivered: len(list)}, nil
}

func (w *workshop) React(context.Context, incident.SlackRef, string) error { return nil }
func (w *workshop) Only(context.Context, incident.SlackRef, string) error  { return nil }

func (w *workshop) Headline(_ context.Context, channel string, _ *incident.SlackRef, _ incident.Report) (incident.SlackRef, error) {
	return incident.SlackRef{ChannelID: channel, MessageTS: "1.000001", ThreadTS: "1.000001"}, nil
}

func (w *workshop) Note(context.Context, incident.SlackRef, string, string) error { return nil }

func (w *workshop) Answer(context.Context, incident.SlackRef, string, incident.Report) (string, error) {
	return "1.000002", nil
}

// hear tells Temporal of an event, as ingest does.
func (w *workshop) hear(state task.State) starter.Result {
	w.t.Helper()
	in := &contract.TaskInput{
		Name: "t1", Source: "example", Provider: "replicate", Channel: alerts, Salt: []byte("0123456789abcdef"), Delivery: "delivery-1",
		Event:   task.Event{ID: "t1", State: state, Output: "https://example.com/out.png", Outputs: 1, PredictSeconds: 1.5, At: time.Unix(1760000000, 0).UTC()},
		Policy:  contract.TaskPolicy{Hosts: []string{"example.com"}, Types: []string{"image/*"}, MaxBytes: 100, Notices: contract.NoticesAll, Patience: time.Hour},
		Timings: map[string]float64{"verify": 0.5}, ReceivedAt: time.Unix(1760000001, 0).UTC(),
	}
	got, err := w.starter.Do(w.t.Context(), contract.Command{WorkflowID: "task:example:t1", KeyKind: incident.KeyEvent, Task: in})
	require.NoError(w.t, err)
	return got
}

func (w *workshop) run() client.WorkflowRun {
	return w.client.GetWorkflow(w.t.Context(), "task:example:t1", "")
}

func (w *workshop) at(state task.State) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		v, err := w.client.QueryWorkflow(w.t.Context(), "task:example:t1", "", contract.QueryTask)
		var rec contract.TaskRecord
		return err == nil && v.Get(&rec) == nil && rec.State == state
	}, patience, poll, "the task is never %s", state)
}

func (w *workshop) succeeded() client.WorkflowRun {
	require.Equal(w.t, starter.Started, w.hear(task.Starting).Outcome)
	w.at(task.Starting)
	require.Equal(w.t, starter.Signalled, w.hear(task.Processing).Outcome)
	w.at(task.Processing)
	w.hear(task.Starting) // late
	require.Equal(w.t, starter.Signalled, w.hear(task.Succeeded).Outcome)
	require.NoError(w.t, w.run().Get(w.t.Context(), nil))
	require.Equal(w.t, starter.AlreadyTaken, w.hear(task.Failed).Outcome, "it is over")
	return w.run()
}

func (w *workshop) failed() client.WorkflowRun {
	w.hear(task.Failed)
	require.NoError(w.t, w.run().Get(w.t.Context(), nil))
	return w.run()
}

func (w *workshop) notKept() client.WorkflowRun {
	w.outputs.Store(true)
	w.hear(task.Succeeded)
	require.NoError(w.t, w.run().Get(w.t.Context(), nil))
	return w.run()
}

func (w *workshop) undone() client.WorkflowRun {
	w.keeping.Store(true)
	w.billing.Store(true)
	w.hear(task.Succeeded)
	require.Error(w.t, w.run().Get(w.t.Context(), nil))
	return w.run()
}

func (w *workshop) unsettled() client.WorkflowRun {
	w.billing.Store(true)
	w.hear(task.Succeeded)
	require.Error(w.t, w.run().Get(w.t.Context(), nil))
	return w.run()
}

// rerun settles what was left unsettled.
func (w *workshop) rerun() client.WorkflowRun {
	w.unsettled()
	w.billing.Store(false)
	op := operator.New(w.client, converter.GetDefaultDataConverter(), w.system.namespace)
	again, err := op.Rerun(w.t.Context(), "task:example:t1", contract.Decision{By: "on-call", Reason: "billing is back"})
	require.NoError(w.t, err)
	run := w.client.GetWorkflow(w.t.Context(), "task:example:t1", again.NewRunID)
	require.NoError(w.t, run.Get(w.t.Context(), nil))
	require.EqualValues(w.t, 1, w.audited.Load(), "who had that done is in the audit log")
	return run
}

func (w *workshop) cancelled() client.WorkflowRun {
	w.hear(task.Processing)
	w.at(task.Processing)
	require.NoError(w.t, w.client.CancelWorkflow(w.t.Context(), "task:example:t1", ""))
	require.Error(w.t, w.run().Get(w.t.Context(), nil))
	return w.run()
}

func (w *workshop) events() client.WorkflowRun {
	run, err := w.client.ExecuteWorkflow(w.t.Context(), client.StartWorkflowOptions{ID: "events:crm:1", TaskQueue: contract.QueueEvents},
		contract.WorkflowDeliverEvents, contract.EventsInput{Subscriber: "crm", Events: []contract.Event{
			{ID: "evt_1", Type: contract.EventReceived, At: time.Unix(1760000000, 0).UTC()}, {ID: "evt_2", Type: contract.EventProcessed, At: time.Unix(1760000000, 0).UTC()},
		}})
	require.NoError(w.t, err)
	require.NoError(w.t, run.Get(w.t.Context(), nil))
	return run
}
