package starter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

var _ Client = client.Client(nil)

func startCommand(kind incident.KeyKind) contract.Command {
	return contract.Command{
		WorkflowID: "datadog-prod:alert:abc", KeyKind: kind,
		Start: &contract.TriageInput{Signal: incident.Signal{
			IncidentID: "datadog_1", Source: "datadog-prod", Provider: "datadog", Severity: incident.SeverityCritical,
			Status: incident.StatusFiring, Title: strings.Repeat("é", 200), Fingerprint: "f00d",
			Links: []incident.Link{{Title: "a [link]\n", URL: "https://example.com/a(b)"}},
		}},
	}
}

func mocked(t *testing.T) (*mocks.Client, *mocks.WorkflowRun) {
	t.Helper()
	c, run := mocks.NewClient(t), mocks.NewWorkflowRun(t)
	return c, run
}

func TestStart(t *testing.T) {
	t.Parallel()
	policies := map[incident.KeyKind]enums.WorkflowIdReusePolicy{
		incident.KeyEvent: enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		incident.KeyAlert: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}
	for kind, policy := range policies {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			cmd := startCommand(kind)
			c, run := mocked(t)
			run.On("GetRunID").Return("run-1")
			var got client.StartWorkflowOptions
			c.On("ExecuteWorkflow", mock.Anything, mock.Anything, contract.WorkflowTriage, *cmd.Start).
				Run(func(args mock.Arguments) { got = args.Get(1).(client.StartWorkflowOptions) }).Return(run, nil)

			result, err := New(c, Options{}).Do(t.Context(), cmd)
			require.NoError(t, err)
			assert.Equal(t, Result{Outcome: Started, RunID: "run-1"}, result)
			assert.Equal(t, cmd.WorkflowID, got.ID)
			assert.Equal(t, contract.QueueTriage, got.TaskQueue)
			assert.Equal(t, policy, got.WorkflowIDReusePolicy)
			assert.Equal(t, enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL, got.WorkflowIDConflictPolicy)
			assert.True(t, got.WorkflowExecutionErrorWhenAlreadyStarted)
			assert.Equal(t, map[string]any{"incident_id": "datadog_1", "title": cmd.Start.Signal.Title}, got.Memo)
			assert.Equal(t, temporal.Priority{PriorityKey: 1, FairnessKey: "datadog-prod"}, got.Priority)
			assert.LessOrEqual(t, len(got.StaticSummary), maxSummary)
			assert.True(t, strings.HasSuffix(got.StaticSummary, "é…"), "cut at a character's edge")
			assert.Contains(t, got.StaticDetails, "[a (link) ](https://example.com/a%28b%29) example.com")
			assertAttributes(t, got.TypedSearchAttributes)
		})
	}
}

func assertAttributes(t *testing.T, got temporal.SearchAttributes) {
	t.Helper()
	want := map[string]string{
		contract.AttrSource: "datadog-prod", contract.AttrProvider: "datadog", contract.AttrSeverity: "critical",
		contract.AttrStatus: "firing", contract.AttrPhase: "opening", contract.AttrFingerprint: "f00d",
	}
	require.Equal(t, len(want), got.Size())
	for name, value := range want {
		v, ok := got.GetKeyword(temporal.NewSearchAttributeKeyKeyword(name))
		assert.True(t, ok, name)
		assert.Equal(t, value, v, name)
	}
}

func TestAttributesOfAStateThatGoesOn(t *testing.T) {
	t.Parallel()
	cmd := startCommand(incident.KeyAlert)
	cmd.Start.State = &contract.TriageState{Phase: contract.PhaseOpen, Status: incident.StatusResolved}
	got := StartOptions(cmd).TypedSearchAttributes
	for name, value := range map[string]string{
		contract.AttrStatus: "resolved", contract.AttrPhase: "open", contract.AttrSeverity: "critical",
	} {
		v, _ := got.GetKeyword(temporal.NewSearchAttributeKeyKeyword(name))
		assert.Equal(t, value, v, name)
	}
}

func TestStartAgain(t *testing.T) {
	t.Parallel()
	for kind, outcome := range map[incident.KeyKind]Outcome{incident.KeyEvent: AlreadyTaken, incident.KeyAlert: AlreadyRunning} {
		c, _ := mocked(t)
		c.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
			Return(nil, serviceerror.NewWorkflowExecutionAlreadyStarted("again", "request", "run-0"))
		result, err := New(c, Options{}).Do(t.Context(), startCommand(kind))
		require.NoError(t, err)
		assert.Equal(t, Result{Outcome: outcome, RunID: "run-0", Running: kind == incident.KeyAlert}, result)
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	occurrence, resolved := contract.Occurrence{DeliveryID: "d", Count: 5}, contract.Resolved{DeliveryID: "d"}
	commands := map[string]contract.Command{
		contract.SignalOccurrence: {WorkflowID: "w", Occurrence: &occurrence},
		contract.SignalResolved:   {WorkflowID: "w", Resolved: &resolved},
	}
	args := map[string]any{contract.SignalOccurrence: occurrence, contract.SignalResolved: resolved}
	for name, cmd := range commands {
		for outcome, failure := range map[Outcome]error{Signalled: nil, NotRunning: serviceerror.NewNotFound("closed")} {
			c, _ := mocked(t)
			c.On("SignalWorkflow", mock.Anything, "w", "", name, args[name]).Return(failure)
			result, err := New(c, Options{}).Do(t.Context(), cmd)
			require.NoError(t, err)
			assert.Equal(t, outcome, result.Outcome)
		}
	}
}

func TestErrorClasses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		err   error
		class error
	}{
		{"unavailable", serviceerror.NewUnavailable("away"), ErrUnavailable},
		{"deadline of the server", serviceerror.NewDeadlineExceeded("slow"), ErrUnavailable},
		{"deadline of the caller", fmt.Errorf("x: %w", context.DeadlineExceeded), ErrUnavailable},
		{"cancelled", serviceerror.NewCanceled("gone"), ErrUnavailable},
		{"over a limit", serviceerror.NewResourceExhausted(enums.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, "limit"), ErrUnavailable},
		{"internal", serviceerror.NewInternal("bug"), ErrUnavailable},
		{"no permission, which an operator can give", serviceerror.NewPermissionDenied("no", ""), ErrUnavailable},
		{"too large or malformed", serviceerror.NewInvalidArgument("blob size exceeds limit"), ErrPermanent},
		{"no namespace", serviceerror.NewNamespaceNotFound("nowhere"), ErrPermanent},
		{"no such call", serviceerror.NewUnimplemented("old server"), ErrPermanent},
		{"encoding", errors.New("unable to encode"), ErrPermanent},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, _ := mocked(t)
			c.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, tc.err)
			_, err := New(c, Options{}).Do(t.Context(), startCommand(incident.KeyEvent))
			require.ErrorIs(t, err, tc.class)
			require.ErrorIs(t, err, tc.err, "the cause stays for the log")
			for _, other := range []error{ErrUnavailable, ErrBusy, ErrPermanent} {
				assert.Equal(t, errors.Is(tc.class, other), errors.Is(err, other), "exactly one class")
			}
		})
	}
}

func TestMalformedCommandsReachNobody(t *testing.T) {
	t.Parallel()
	both := startCommand(incident.KeyEvent)
	both.Resolved = &contract.Resolved{}
	unnamed := startCommand(incident.KeyEvent)
	unnamed.WorkflowID = ""
	for _, cmd := range []contract.Command{{WorkflowID: "w"}, both, unnamed, startCommand("")} {
		c, _ := mocked(t)
		_, err := New(c, Options{}).Do(t.Context(), cmd)
		require.ErrorIs(t, err, ErrPermanent)
	}
}

func TestInFlightCap(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	c, run := mocked(t)
	run.On("GetRunID").Return("run-1")
	c.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
		Run(func(mock.Arguments) { entered <- struct{}{}; <-leave }).Return(run, nil)
	s := New(c, Options{InFlight: 2})
	done := make(chan error, 2)
	for _, id := range []string{"w1", "w2"} {
		go func() {
			_, err := s.Do(context.WithoutCancel(t.Context()), startOf(id))
			done <- err
		}()
		<-entered
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := s.Do(ctx, startOf("w3"))
	require.ErrorIs(t, err, ErrBusy)
	require.NotErrorIs(t, err, ErrUnavailable)
	close(leave)
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	_, err = s.Do(t.Context(), startCommand(incident.KeyEvent))
	require.NoError(t, err, "places are given back")
}

func startOf(id string) contract.Command {
	cmd := startCommand(incident.KeyEvent)
	cmd.WorkflowID = id
	return cmd
}

// A storm that meets a window before it is open asks for one start many times.
func TestOneStartAWorkflowAtATime(t *testing.T) {
	t.Parallel()
	for kind, shared := range map[incident.KeyKind]Outcome{incident.KeyEvent: AlreadyTaken, incident.KeyAlert: AlreadyRunning} {
		synctest.Test(t, func(t *testing.T) {
			leave := make(chan struct{})
			c, run := mocked(t)
			run.On("GetRunID").Return("run-1")
			c.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
				Run(func(mock.Arguments) { <-leave }).Return(run, nil).Once()
			s := New(c, Options{})
			results := make(chan Result, 3)
			for range 3 {
				go func() {
					r, err := s.Do(context.WithoutCancel(t.Context()), startCommand(kind))
					assert.NoError(t, err)
					results <- r
				}()
			}
			synctest.Wait() // one is at Temporal, two wait for it
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			_, err := s.Do(ctx, startCommand(kind))
			require.ErrorIs(t, err, ErrBusy, "whoever waits keeps to its deadline")
			close(leave)
			tally := map[Result]int{}
			for range 3 {
				tally[<-results]++
			}
			assert.Equal(t, map[Result]int{{Outcome: Started, RunID: "run-1"}: 1, {Outcome: shared, RunID: "run-1", Running: true}: 2}, tally)
		})
	}
}

// TestTemporalAway uses the real client, because its first call also fetches the
// server's capabilities, and that failure must be worth another try too.
func TestTemporalAway(t *testing.T) {
	t.Parallel()
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	require.NoError(t, err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = New(c, Options{}).Do(ctx, startCommand(incident.KeyEvent))
	require.ErrorIs(t, err, ErrUnavailable)
}

func TestPriority(t *testing.T) {
	t.Parallel()
	want := map[incident.Severity]int{
		incident.SeverityCritical: 1, incident.SeverityHigh: 2, incident.SeverityMedium: 3,
		incident.SeverityLow: 4, incident.SeverityInfo: 5, "": 3,
	}
	for s, p := range want {
		assert.Equal(t, p, priority(s), s)
	}
}
