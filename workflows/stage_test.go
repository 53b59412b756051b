package workflows_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/workflows"
)

// stage is the SDK's test environment for one run of one workflow, with nerve's
// workflows and the activities of a test registered. When ExecuteWorkflow has
// returned, no activity runs any more and none begins: what the fakes behind them
// have kept is the test's to read without a lock.
//
// Without that, a write that a workflow leaves beside its way (the progress of a
// task, the record of an outage) may still run while the test looks.
type stage struct {
	*testsuite.TestWorkflowEnvironment

	mu      sync.Mutex
	over    bool
	running sync.WaitGroup
}

// newStage sets a stage. Its bounds are far above what a test takes, because they
// are real time, and a loaded machine stands still for seconds.
func newStage(t *testing.T, deps activities.Deps) *stage {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	s := &stage{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment()}
	s.SetTestTimeout(2 * time.Minute)
	s.SetWorkerOptions(worker.Options{
		DeadlockDetectionTimeout: time.Minute,
		Interceptors:             []interceptor.WorkerInterceptor{&doors{stage: s}},
	})
	acts, err := activities.New(deps)
	require.NoError(t, err)
	s.RegisterActivity(acts)
	workflows.Register(s)
	return s
}

// ExecuteWorkflow runs a workflow to its end, and lets every activity that still
// runs come to its own.
func (s *stage) ExecuteWorkflow(workflow any, args ...any) {
	s.TestWorkflowEnvironment.ExecuteWorkflow(workflow, args...)
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.running.Wait()
}

// enter says whether an activity may still begin.
func (s *stage) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.running.Add(1)
	return true
}

var errOver = errors.New("the workflow is over")

// doors stand before every activity of a stage.
type doors struct {
	interceptor.WorkerInterceptorBase

	stage *stage
}

func (d *doors) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &door{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, stage: d.stage}
}

type door struct {
	interceptor.ActivityInboundInterceptorBase

	stage *stage
}

func (d *door) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if !d.stage.enter() {
		return nil, errOver
	}
	defer d.stage.running.Done()
	return d.Next.ExecuteActivity(ctx, in)
}
