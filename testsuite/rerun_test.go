package testsuite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/slackstand"
)

// TestOneOfManyReruns has many people rerun one failed incident at once: one of
// them does. It fails again, and then once more one of them does.
func TestOneOfManyReruns(t *testing.T) {
	t.Parallel()
	s, in, _ := running(t)
	s.stand.Fail(slackstand.Fault{Method: "chat.postMessage", Times: -1, Error: "is_archived"})
	body := fixture(t, "slack", "bot_text_firing")
	a := s.send(in.url, "slack", body)
	require.Equal(t, "enqueued", a.Status, a.raw)
	ref := parse(t, "slack", body)[0].Slack
	s.find(a.Incident)
	s.failed(a.Incident, "")

	first := s.allRerun(a.Incident)
	s.failed(a.Incident, first.NewRunID)
	s.stand.ClearFaults()
	second := s.allRerun(a.Incident)
	assert.NotEqual(t, first.NewRunID, second.NewRunID)
	s.answeredInThread(ref.ChannelID, ref.ThreadTS, a.Incident)
	s.onlyFrom(second, "Notify", "SetLight", "Note", "Record")

	runs := s.onlyRuns(in.url, 3)
	ended := map[enumspb.WorkflowExecutionStatus]int{}
	for _, r := range runs {
		ended[r.GetStatus()]++
	}
	assert.Equal(t, map[enumspb.WorkflowExecutionStatus]int{
		enumspb.WORKFLOW_EXECUTION_STATUS_FAILED: 2, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING: 1,
	}, ended, "a rerun ended another one")
	assert.Len(t, s.answers(ref.ChannelID, ref.ThreadTS, a.Incident), 1)
}

// TestARerunThatDied has somebody die between the lease and the reset: others
// are told, wait, and then rerun. Temporal's answer to that is lost on its way.
func TestARerunThatDied(t *testing.T) {
	t.Parallel()
	s, in, _ := running(t)
	a := s.failing(in.url, "conversations.replies", fixture(t, "datadog", "triggered"))
	s.find(a.Incident)
	s.failed(a.Incident, "")
	op, resets := s.lossy(func(sent int) (before, after error) {
		if sent == 1 {
			return errors.New("the process is gone"), nil
		}
		return nil, status.Error(codes.Unavailable, "the answer is lost")
	})
	_, err := op.Rerun(t.Context(), a.Incident, contract.Decision{By: "alex"})
	require.ErrorContains(t, err, "can be tried again")
	_, err = s.onCall().Rerun(t.Context(), a.Incident, contract.Decision{By: "robin"})
	require.ErrorIs(t, err, operator.ErrState)
	require.ErrorContains(t, err, "alex (cli) began to rerun "+a.Incident)
	_, err = s.onCall().Resolve(t.Context(), a.Incident, contract.Decision{By: "robin"})
	require.ErrorIs(t, err, operator.ErrState)

	var done operator.Rerun
	require.Eventually(t, func() bool {
		done, err = op.Rerun(t.Context(), a.Incident, contract.Decision{By: "robin"})
		return err == nil || !errors.Is(err, operator.ErrState)
	}, patience, 10*poll, "the incident was locked for good")
	require.NoError(t, err)
	assert.EqualValues(t, 2, resets.Load(), "a reset that was sent again makes another run")
	s.answered(a.Incident)
	assert.Equal(t, done.NewRunID, s.find(a.Incident).RunID)
	s.onlyRuns(in.url, 2)
	_, err = s.onCall().Rerun(t.Context(), a.Incident, contract.Decision{By: "alex"})
	require.ErrorIs(t, err, operator.ErrState)
}

// lossy is an operator whose resets fail before they are sent, or after they
// were made; and how many there were.
func (s *system) lossy(fail func(sent int) (before, after error)) (*operator.Operator, *atomic.Int64) {
	s.t.Helper()
	var resets atomic.Int64
	lose := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if !strings.HasSuffix(method, "/ResetWorkflowExecution") {
			return invoke(ctx, method, req, reply, cc, opts...)
		}
		before, after := fail(int(resets.Add(1)))
		if before != nil {
			return before
		}
		return cmp.Or(invoke(ctx, method, req, reply, cc, opts...), after)
	}
	c, err := client.Dial(client.Options{
		HostPort: s.temporal.target, Namespace: s.namespace, DataConverter: s.dc, Logger: slog.New(slog.DiscardHandler),
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(lose)}},
	})
	require.NoError(s.t, err)
	s.t.Cleanup(c.Close)
	return operator.New(c, s.dc, s.namespace), &resets
}

// failed waits until the incident's newest run has failed, which must be the
// named one where one is named.
func (s *system) failed(id, runID string) operator.Incident {
	s.t.Helper()
	var found operator.Incident
	require.Eventually(s.t, func() bool {
		var err error
		found, err = s.onCall().Find(s.t.Context(), id)
		return err == nil && found.Execution == enumspb.WORKFLOW_EXECUTION_STATUS_FAILED.String() && (runID == "" || found.RunID == runID)
	}, patience, poll, "the incident did not fail")
	return found
}

// allRerun has eight people rerun at once, and returns what the one did who
// went through.
func (s *system) allRerun(id string) operator.Rerun {
	s.t.Helper()
	const people = 8
	var wg sync.WaitGroup
	done, errs := make([]operator.Rerun, people), make([]error, people)
	for n := range people {
		wg.Go(func() {
			done[n], errs[n] = s.onCall().Rerun(s.t.Context(), id, contract.Decision{By: fmt.Sprint("person-", n), Reason: "the channel is back"})
		})
	}
	wg.Wait()
	var through []operator.Rerun
	for n, err := range errs {
		if err == nil {
			through = append(through, done[n])
			continue
		}
		s.t.Log("refused:", err)
		require.ErrorIs(s.t, err, operator.ErrState)
	}
	require.NotEmpty(s.t, through, "nobody went through: %v", errors.Join(errs...))
	assert.Len(s.t, through, 1, "who went through")
	return through[len(through)-1]
}
