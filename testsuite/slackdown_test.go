package testsuite

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/slackstand"
)

// events are a run's history.
func (s *system) events(workflowID, runID string) []*historypb.HistoryEvent {
	s.t.Helper()
	var all []*historypb.HistoryEvent
	it := s.client.GetWorkflowHistory(s.t.Context(), workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		require.NoError(s.t, err)
		all = append(all, e)
	}
	return all
}

// TestFailedIsRerun ends an incident where people can see it, and goes on from
// the step that failed.
func TestFailedIsRerun(t *testing.T) {
	t.Parallel()
	s, in, _ := running(t)
	s.stand.Fail(slackstand.Fault{Method: "chat.postMessage", Times: -1, Error: "is_archived"})
	body := fixture(t, "slack", "bot_text_firing")
	a := s.send(in.url, "slack", body)
	require.Equal(t, "enqueued", a.Status, a.raw)
	ref := parse(t, "slack", body)[0].Slack
	require.Eventually(t, func() bool {
		return len(s.runs(`WorkflowType = "Triage" AND ExecutionStatus = "Failed"`)) == 1
	}, patience, poll, "the incident did not fail")
	s.lit(ref.ChannelID, ref.MessageTS, "x")

	op := operator.New(s.client, s.dc, s.namespace)
	detail, err := op.Show(t.Context(), a.Incident)
	require.NoError(t, err)
	assert.Equal(t, "notify", detail.Step)
	assert.Contains(t, detail.Failure, "is_archived")
	assert.Equal(t, "failed", detail.Phase)
	s.stored([]string{"failed"}, "SELECT phase FROM incidents WHERE id = $1", a.Incident)

	s.stand.ClearFaults()
	eyes := len(s.stand.Calls("reactions.add"))
	rerun, err := op.Rerun(t.Context(), a.Incident, contract.Decision{By: "alex", Reason: "the channel is back"})
	require.NoError(t, err)
	assert.Equal(t, "notify", rerun.Step)
	s.answeredInThread(ref.ChannelID, ref.ThreadTS, a.Incident)
	s.lit(ref.ChannelID, ref.MessageTS, "white_check_mark", "question")
	for _, c := range s.stand.Calls("reactions.add")[eyes:] {
		assert.NotEqual(t, "eyes", c.Args["name"], "a step that worked was done again")
	}
	s.onlyFrom(rerun, "Notify", "SetLight", "Note", "Record")
	_, err = op.Rerun(t.Context(), a.Incident, contract.Decision{By: "alex", Reason: "again"})
	require.ErrorIs(t, err, operator.ErrState, "what runs must not be reset")
	s.stored([]string{"open"}, "SELECT phase FROM incidents WHERE id = $1", a.Incident)
}

// onlyFrom expects that a rerun did only the named activities again: what its
// history has before the reset was copied.
func (s *system) onlyFrom(r operator.Rerun, allowed ...string) {
	s.t.Helper()
	fresh := false
	scheduled := 0
	for _, e := range s.events(r.WorkflowID, r.NewRunID) {
		if e.GetWorkflowTaskFailedEventAttributes().GetCause() == enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW {
			fresh = true
		}
		if a := e.GetActivityTaskScheduledEventAttributes(); a != nil && fresh {
			scheduled++
			assert.Contains(s.t, allowed, a.GetActivityType().GetName())
		}
	}
	assert.True(s.t, fresh, "the new run has no reset in its history")
	assert.Positive(s.t, scheduled)
}

// TestSlackOutage answers when Slack is back, without anybody's help.
func TestSlackOutage(t *testing.T) {
	t.Parallel()
	s, in, _ := running(t)
	s.stand.Fail(slackstand.Fault{Method: "reactions.add", Times: 3, Status: 503})
	s.stand.Fail(slackstand.Fault{Method: "chat.postMessage", Times: 2, Drop: true})
	s.stand.Fail(slackstand.Fault{Method: "chat.postMessage", Times: 1, Error: "ratelimited", RetryAfter: time.Second})
	body := fixture(t, "slack", "bot_text_firing")
	a := s.send(in.url, "slack", body)
	require.Equal(t, "enqueued", a.Status, a.raw)
	s.toldOnceWithoutEyes(body, a.Incident)
}

func (s *system) toldOnceWithoutEyes(body []byte, id string) {
	s.t.Helper()
	ref := parse(s.t, "slack", body)[0].Slack
	s.answeredInThread(ref.ChannelID, ref.ThreadTS, id)
	s.lit(ref.ChannelID, ref.MessageTS, "white_check_mark", "question")
}

// TestWorkerKilled kills the worker while it posts the answer: before Slack has
// it, and after, when the worker cannot know.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]bool{"before Slack has it": false, "after Slack has it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, in, worker := running(t)
			s.stand.Fail(slackstand.Fault{Method: "chat.postMessage", Hang: time.Hour, After: after})
			body := fixture(t, "slack", "bot_text_firing")
			a := s.send(in.url, "slack", body)
			require.Equal(t, "enqueued", a.Status, a.raw)
			require.Eventually(t, func() bool {
				calls := s.stand.Calls("chat.postMessage")
				return len(calls) > 0 && (!after || calls[0].Status == 200)
			}, patience, poll, "the answer was not posted")
			worker.kill()
			s.startWorker()
			s.toldOnce("slack", body, a.Incident)
			s.onlyRuns(in.url, 1)
			ref := parse(t, "slack", body)[0].Slack
			assert.Len(t, s.answers(ref.ChannelID, ref.ThreadTS, a.Incident), 1)
		})
	}
}

// TestWorkerStops asks a worker to stop in the middle of an incident, which
// another one finishes.
func TestWorkerStops(t *testing.T) {
	t.Parallel()
	s, in, first := running(t)
	s.stand.Fail(slackstand.Fault{Method: "conversations.replies", Hang: 2 * time.Second})
	body := fixture(t, "slack", "bot_text_firing")
	a := s.send(in.url, "slack", body)
	require.Equal(t, "enqueued", a.Status, a.raw)
	require.Eventually(t, func() bool { return len(s.stand.Calls("conversations.replies")) > 0 }, patience, poll)
	first.terminate()
	s.startWorker()
	first.ended()
	s.toldOnce("slack", body, a.Incident)
	s.onlyRuns(in.url, 1)
}
