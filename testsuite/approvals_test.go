package testsuite

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/internal/analysis"
	"github.com/nerve-alerts/nerve/internal/approval"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/slack"
	"github.com/nerve-alerts/nerve/internal/slackstand"
	"github.com/nerve-alerts/nerve/workflows"
)

const (
	grantButton = "nerve_approval_grant"
)

var asker = audit.Actor{Person: "alex", Via: audit.ViaCLI}

// A source is added with the yes of a second person, given with a button in
// Slack: through the built programs, Temporal, Redis and PostgreSQL.
func TestASecondPersonAddsASource(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.file("people:\n  - {name: alex, email: alex@example.com, slack: U012ALEX}\n  - {name: robin, slack: U012ROBIN}\n")
	in := s.startIngest()
	s.startWorker()
	sealer, err := privacy.NewSealer(s.keyset)
	require.NoError(t, err)
	desk := approval.New(approval.Options{Client: s.client, Converter: s.dc, Namespace: s.namespace, Sealer: sealer, Channel: alerts})
	secret := strings.Repeat("planted-", 5)
	id, err := desk.Submit(t.Context(), contract.Change{
		Action: contract.ActionSourceAdd, Target: "billing", Fields: map[string]any{"provider": "datadog"}, Secret: secret, Reason: "they move",
	}, "a new source can raise incidents", audit.Actor{Person: "alex@example.com", Via: audit.ViaCLI})
	require.NoError(t, err)

	ts := s.asked(desk, id)
	for _, who := range []string{"U0STRANGER", "U012ALEX"} {
		_, err = s.stand.Click(t.Context(), ts, who, grantButton)
		require.NoError(t, err, "Slack is always answered 200")
		require.Eventually(t, func() bool { return len(s.stand.Whispers(alerts, who)) == 1 }, patience, poll, "%s is not told why", who)
	}
	require.Equal(t, contract.ApprovalWaiting, s.stands(desk, id))
	_, err = s.stand.Click(t.Context(), ts, "U012ROBIN", grantButton)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.stands(desk, id) == contract.ApprovalApplied }, patience, poll)
	require.Eventually(t, func() bool {
		_, err := s.stand.Click(t.Context(), ts, "U012ROBIN", grantButton)
		return err != nil
	}, patience, poll, "the message keeps its buttons")

	s.stored([]string{"approval.request alex@example.com", "approval.grant robin", "source.add alex@example.com"},
		"SELECT action || ' ' || person FROM audit ORDER BY seq")
	s.stored([]string{"click: granted", "click_refused: requester", "click_refused: unknown_person"},
		"SELECT DISTINCT reason FROM deliveries WHERE event_type = 'interaction.block_actions' AND reason <> 'click_refused: decided' ORDER BY reason")

	// Nothing that Temporal, Slack or a log has shows the secret.
	run := s.client.GetWorkflow(t.Context(), contract.ApprovalWorkflowID(id), "")
	var state contract.ApprovalState
	require.NoError(t, run.Get(t.Context(), &state))
	shown, err := json.Marshal(state)
	require.NoError(t, err)
	calls, err := json.Marshal(s.stand.Calls(""))
	require.NoError(t, err)
	events := s.client.GetWorkflowHistory(t.Context(), run.GetID(), "", false, 0)
	var history strings.Builder
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(t, err)
		if in := e.GetWorkflowExecutionStartedEventAttributes().GetInput(); in != nil {
			history.WriteString(strings.Join(s.dc.ToStrings(in), " ")) // as somebody with the codec reads it
		}
		if in := e.GetActivityTaskScheduledEventAttributes().GetInput(); in != nil {
			history.WriteString(strings.Join(s.dc.ToStrings(in), " "))
		}
	}
	assert.Contains(t, history.String(), "billing", "it was decoded")
	for _, text := range []string{string(shown), string(calls), history.String(), in.text()} {
		assert.NotContains(t, text, "planted-")
	}
}

// asked waits for the message in Slack.
func (s *system) asked(desk *approval.Service, id string) string {
	s.t.Helper()
	var ts string
	require.Eventually(s.t, func() bool {
		d, err := desk.Show(s.t.Context(), id)
		if err == nil && d.State != nil && d.State.Message != nil {
			ts = d.State.Message.MessageTS
		}
		return ts != ""
	}, patience, poll, "nobody was asked in Slack")
	return ts
}

func (s *system) stands(desk *approval.Service, id string) contract.ApprovalStatus {
	d, err := desk.Show(s.t.Context(), id)
	if err != nil {
		return ""
	}
	return d.Status
}

// TestRecordHistoriesOfApprovals is TestRecordHistories for approvals.
func TestRecordHistoriesOfApprovals(t *testing.T) {
	if !*record {
		t.Skip("records the histories that replay tests run: make histories")
	}
	require.NoError(t, os.MkdirAll(historiesDir, 0o750))
	for name, behave := range map[string]func(*office) client.WorkflowRun{
		"approval_granted":   (*office).granted,
		"approval_denied":    (*office).denied,
		"approval_expired":   (*office).expired,
		"approval_failed":    (*office).failed,
		"approval_cancelled": (*office).cancelled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onlyNew(t, name)
			o := newOffice(t)
			o.write(name, behave(o))
		})
	}
}

// office is a recording whose worker has everything that an approval needs.
type office struct {
	*recording
	desk *approval.Service
	mu   sync.Mutex
	fail bool
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{}
	o.recording = &recording{t: t}
	r := o.recording
	_, server, err := shared.get()
	require.NoError(t, err)
	r.system = &system{t: t, namespace: "recording-" + strings.ReplaceAll(strings.ToLower(t.Name()[strings.LastIndex(t.Name(), "/")+1:]), "_", "-")}
	r.system.keys()
	r.system.connect(server.Address())
	r.client, err = client.Dial(client.Options{HostPort: server.Address(), Namespace: r.system.namespace, Identity: "worker"})
	require.NoError(t, err)
	t.Cleanup(r.client.Close)
	o.work()
	return o
}

func (o *office) work() {
	api, token := o.standIn()
	c, err := slack.New(token, api+"/api/", nil)
	require.NoError(o.t, err)
	acts, err := activities.New(activities.Deps{
		Slack: c, Recorder: &nowhere{}, Windows: &nowhere{}, Scrubber: privacy.NewScrubber(), Analyst: analysis.Rules{},
		Approvals: c, Changer: o, Auditor: o, UIURL: "http://temporal.example.com", Namespace: "default",
	})
	require.NoError(o.t, err)
	for _, queue := range []string{contract.QueueTriage, contract.QueueSlack} {
		w := worker.New(o.client, queue, worker.Options{Identity: "worker", BuildID: "recorded"}) //nolint:staticcheck // not for versioning: it keeps histories the same from build to build
		workflows.Register(w)
		w.RegisterActivity(acts)
		require.NoError(o.t, w.Start())
		o.t.Cleanup(w.Stop)
	}
}

func (o *office) AppendAudit(_ context.Context, e audit.Entry) (audit.Entry, error) { return e, nil }

func (o *office) Apply(context.Context, string, contract.Change, audit.Actor, audit.Actor) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail {
		return broken{}
	}
	return nil
}

// ask submits a change and waits until it is asked for in Slack.
func (o *office) ask(deadline time.Duration) (string, client.WorkflowRun) {
	o.t.Helper()
	o.desk = approval.New(approval.Options{
		Client: o.client, Converter: converter.GetDefaultDataConverter(), Namespace: o.system.namespace, Channel: alerts, Deadline: deadline,
	})
	id, err := o.desk.Submit(o.t.Context(), contract.Change{
		Action: contract.ActionSourceSet, Target: "example", Fields: map[string]any{"allow_weak": true}, Reason: "an old sender",
	}, "it weakens the proof", asker)
	require.NoError(o.t, err)
	o.system.asked(o.desk, id)
	return id, o.client.GetWorkflow(o.t.Context(), contract.ApprovalWorkflowID(id), "")
}

func (o *office) rule(grant bool) client.WorkflowRun {
	o.t.Helper()
	id, run := o.ask(time.Hour)
	_, err := o.desk.Decide(o.t.Context(), id, contract.Ruling{Actor: audit.Actor{Person: "robin", Via: audit.ViaSlack}, Grant: grant, Reason: "I looked at it"})
	require.NoError(o.t, err)
	return run
}

func (o *office) granted() client.WorkflowRun {
	run := o.rule(true)
	require.NoError(o.t, run.Get(o.t.Context(), nil))
	return run
}

func (o *office) denied() client.WorkflowRun {
	run := o.rule(false)
	require.NoError(o.t, run.Get(o.t.Context(), nil))
	return run
}

// expired is reminded of, too.
func (o *office) expired() client.WorkflowRun {
	_, run := o.ask(8 * time.Second)
	require.NoError(o.t, run.Get(o.t.Context(), nil))
	return run
}

func (o *office) failed() client.WorkflowRun {
	o.mu.Lock()
	o.fail = true
	o.mu.Unlock()
	run := o.rule(true)
	require.Error(o.t, run.Get(o.t.Context(), nil))
	return run
}

func (o *office) cancelled() client.WorkflowRun {
	_, run := o.ask(time.Hour)
	require.NoError(o.t, o.client.CancelWorkflow(o.t.Context(), run.GetID(), run.GetRunID()))
	require.Error(o.t, run.Get(o.t.Context(), nil))
	return run
}

// standIn starts an empty stand-in for Slack.
func (o *office) standIn() (address, token string) {
	o.t.Helper()
	token = "xoxb-" + strings.Repeat("1", 12)
	var err error
	o.stand, err = slackstand.New(slackstand.Options{Token: token, Channels: []slackstand.Channel{{ID: alerts, Name: "alerts"}}})
	require.NoError(o.t, err)
	api := httptest.NewServer(o.stand.Handler())
	o.t.Cleanup(func() {
		_ = o.stand.Close()
		api.Close()
	})
	return api.URL, token
}
