package ingest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/task"
)

// replicateID is what a machine makes; no person types it.
const replicateID = "gm3qorzdhgbfurvjtvhg6dckhu"

func tasksBench(t *testing.T, change ...func(*Source)) *bench {
	t.Helper()
	return newBench(t, func(_ *Options, _ *Deps, list *[]Source) {
		s := &(*list)[0]
		s.Handler, s.Handlers = contract.HandlerTaskResult, map[string]string{"invoice": contract.HandlerStore}
		s.Tasks = TaskRules{Policy: contract.TaskPolicy{Hosts: []string{"example.com"}, MaxBytes: 7}}
		for _, f := range change {
			f(s)
		}
	})
}

// taskBody is an event about a task as the vendor sends it; signals that the
// provider finds in it beside do not matter.
func taskBody(eventID, id, status, more string) string {
	return fmt.Sprintf(`{"EventID":%q,"EventType":"prediction.%s","id":%q,"status":%q%s}`, eventID, status, id, status, more)
}

func TestATaskIsStartedWithItsFirstEvent(t *testing.T) {
	t.Parallel()
	b := tasksBench(t)
	status, r := b.post(t, taskBody("e1", replicateID, "succeeded", `,"output":["https://example.com/o?token=s"],"error":"by `+plantedEmail+`"`))
	assert.Equal(t, 200, status)
	assert.Equal(t, "enqueued", r.Status)
	assert.Equal(t, "run-1", r.EntryID)
	assert.True(t, *r.Processed)
	require.Len(t, b.temporal.started, 1)
	cmd := b.temporal.started[0]
	assert.Equal(t, "task:vendor:"+replicateID, cmd.WorkflowID)
	in := cmd.Task
	assert.Equal(t, replicateID, in.Name)
	assert.Equal(t, task.Event{
		ID: replicateID, State: task.Succeeded, Output: "https://example.com/o?token=s", Outputs: 1, Error: "by <EMAIL_1>", At: b.time(),
	}, in.Event)
	assert.Equal(t, "C0ROUTE", in.Channel)
	assert.Equal(t, []string{"example.com"}, in.Policy.Hosts)
	assert.Contains(t, in.Timings, "verify")

	entries := b.gate.entries()
	require.Len(t, entries, 1, "one entry for a delivery")
	assert.Equal(t, contract.OutcomeAccepted, entries[0].Outcome)
	assert.Equal(t, cmd.WorkflowID, entries[0].WorkflowID)
	assert.Equal(t, contract.HandlerTaskResult, entries[0].Trace.Handler)
	assert.Equal(t, contract.RuleTaskStarted, entries[0].Trace.Rule)
	logged, err := json.Marshal(entries)
	require.NoError(t, err)
	for _, secret := range []string{"token=s", plantedEmail} {
		assert.NotContains(t, string(logged), secret)
		assert.NotContains(t, b.log.String(), secret)
	}
}

func TestATaskThatACustomerCouldHaveNamedIsHashed(t *testing.T) {
	t.Parallel()
	b := tasksBench(t)
	_, _ = b.post(t, taskBody("e1", plantedEmail, "succeeded", ""))
	cmd := b.temporal.started[0]
	assert.Regexp(t, `^task:vendor:[0-9a-f]{32}$`, cmd.WorkflowID)
	assert.Equal(t, "task:vendor:"+cmd.Task.Name, cmd.WorkflowID)
	assert.Equal(t, plantedEmail, cmd.Task.Event.ID, "the billing system knows it by no other name")
	logged, err := json.Marshal(b.gate.entries())
	require.NoError(t, err)
	assert.NotContains(t, string(logged), plantedEmail)
	assert.Equal(t, "0b5d1c5e-0000-4000-8000-000000000000", TaskName("s", "0b5d1c5e-0000-4000-8000-000000000000"))
	assert.NotEqual(t, TaskName("a", "t1"), TaskName("b", "t1"))
}

// TestWhatATaskIsTold walks through a task's life, with what a sender repeats.
func TestWhatATaskIsTold(t *testing.T) {
	t.Parallel()
	b := tasksBench(t)
	for i, step := range []struct {
		event, state string
		status       string
		processed    bool
		rule         string
	}{
		{"e1", "starting", "enqueued", true, contract.RuleTaskStarted},
		{"e1", "starting", "duplicate", false, ""}, // a retry
		{"e2", "processing", "enqueued", true, contract.RuleTaskTold},
		{"e3", "processing", "debounced", false, contract.RuleWindow}, // progress again
		{"e4", "processing", "debounced", false, ""},                  // counted, nothing told
		{"e5", "succeeded", "enqueued", true, contract.RuleTaskTold},
	} {
		status, r := b.post(t, taskBody(step.event, replicateID, step.state, ""))
		assert.Equal(t, 200, status, i)
		assert.Equal(t, step.status, r.Status, i)
		if r.Processed != nil {
			assert.Equal(t, step.processed, *r.Processed, i)
		}
		if last := b.gate.entries()[len(b.gate.entries())-1]; step.rule != "" {
			assert.Equal(t, step.rule, last.Trace.Rule, i)
		}
	}
	assert.Len(t, b.temporal.started, 1)
	assert.Len(t, b.temporal.signals, 2, "what repeats is not told")
	assert.Len(t, b.gate.entries(), 6, "every attempt has its entry")

	id := "task:vendor:" + replicateID
	b.temporal.running[id], b.temporal.closed[id] = false, true
	_, r := b.post(t, taskBody("e6", replicateID, "failed", ""))
	assert.Equal(t, "duplicate", r.Status, "too late")
	assert.False(t, *r.Processed)
}

func TestATaskThatNobodyHasRegistered(t *testing.T) {
	t.Parallel()
	b := tasksBench(t, func(s *Source) { s.Tasks.RequireKnown = true })
	status, r := b.post(t, taskBody("e1", replicateID, "succeeded", ""))
	assert.Equal(t, 200, status)
	assert.Equal(t, "ignored", r.Status)
	assert.Equal(t, "unknown_task", r.Reason)
	assert.False(t, *r.Processed)
	assert.Empty(t, b.temporal.started)
	assert.Equal(t, []contract.Outcome{contract.OutcomeIgnored}, outcomes(b.gate.entries()))

	b.temporal.running["task:vendor:"+replicateID] = true // somebody registers it
	_, r = b.post(t, taskBody("e1", replicateID, "succeeded", ""))
	assert.True(t, *r.Processed, "what was not known was not remembered")
}

func TestATaskWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	b := tasksBench(t)
	b.temporal.fail = errAway
	status, r := b.post(t, taskBody("e1", replicateID, "succeeded", ""))
	assert.Equal(t, 200, status)
	assert.Equal(t, "spooled", r.EntryID)
	require.Len(t, b.gate.spooled, 1)
	assert.Equal(t, replicateID, b.gate.spooled[0].Task.Name)
	_, r = b.post(t, taskBody("e1", replicateID, "succeeded", ""))
	assert.Equal(t, "duplicate", r.Status)

	b.gate.spoolErr = errAway
	status, _ = b.post(t, taskBody("e2", replicateID, "failed", ""))
	assert.Equal(t, 503, status, "nothing took it")
	b.gate.spoolErr, b.temporal.fail = nil, nil
	_, r = b.post(t, taskBody("e2", replicateID, "failed", ""))
	assert.Equal(t, "enqueued", r.Status, "the retry counts as the first")
}

func TestTasksOverTheRateAreTakenUpToTheHardCap(t *testing.T) {
	t.Parallel()
	b := tasksBench(t)
	b.gate.forced = []admission.Decision{{Verdict: admission.Over}}
	status, r := b.post(t, taskBody("e1", replicateID, "succeeded", ""))
	assert.Equal(t, 200, status)
	assert.Equal(t, "enqueued", r.Status, "a result is not folded into a storm")
	b.gate.forced = []admission.Decision{{Verdict: admission.Refused, RetryAfter: time.Second}}
	status, _ = b.post(t, taskBody("e2", replicateID, "failed", ""))
	assert.Equal(t, 429, status)
}

func TestWhatIsNoTask(t *testing.T) {
	t.Parallel()
	b := tasksBench(t)
	status, _ := b.post(t, taskBody("e1", "", "succeeded", ""))
	assert.Equal(t, 400, status)
	status, _ = b.post(t, strings.Replace(taskBody("e1", replicateID, "succeeded", ""), `"status":"succeeded"`, `"status":"hush"`, 1))
	assert.Equal(t, 400, status)
	_, r := b.post(t, `{"EventID":"e3","EventType":"invoice","id":"i","status":"succeeded"}`)
	assert.Equal(t, "stored", r.Status, "the event type chooses another handler")
	assert.Empty(t, b.temporal.started)

	triage := newBench(t)
	data, err := json.Marshal(signal())
	require.NoError(t, err)
	_, r = triage.post(t, `{"EventID":"e1","EventType":"alert","id":"t","status":"succeeded","Signals":[`+string(data)+`]}`)
	assert.Equal(t, "enqueued", r.Status)
	require.Len(t, triage.temporal.started, 1)
	assert.Nil(t, triage.temporal.started[0].Task, "without the handler it is an alert like any other")
	assert.Equal(t, incident.KeyAlert, triage.temporal.started[0].KeyKind)
}
