package workflows_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/workflows"
)

// histories are closed runs of every behaviour that has shipped; see "Record a
// history" in CONTRIBUTING.md.
func histories(t *testing.T) map[string]*historypb.History {
	t.Helper()
	files, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files, "there are no histories to replay: make histories")
	all := map[string]*historypb.History{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var h historypb.History
		require.NoError(t, temporalproto.CustomJSONUnmarshalOptions{
			Metadata: map[string]any{commonpb.EnablePayloadShorthandMetadataKey: true},
		}.Unmarshal(raw, &h), file)
		require.Greater(t, len(h.GetEvents()), 10, file)
		all[filepath.Base(file)] = &h
	}
	return all
}

func TestReplay(t *testing.T) {
	t.Parallel()
	for name, h := range histories(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := worker.NewWorkflowReplayer()
			workflows.Register(r)
			require.NoError(t, r.ReplayWorkflowHistory(nil, h))
		})
	}
}

// TestReplayNoticesAnotherOrderOfCommands shows that the replay above can fail.
func TestReplayNoticesAnotherOrderOfCommands(t *testing.T) {
	t.Parallel()
	altered := func(ctx workflow.Context, in contract.TriageInput) (contract.TriageResult, error) {
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return contract.TriageResult{}, err
		}
		return workflows.Triage(ctx, in)
	}
	approve := func(ctx workflow.Context, in contract.ApprovalInput) (contract.ApprovalState, error) {
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return contract.ApprovalState{}, err
		}
		return workflows.Approve(ctx, in)
	}
	watch := func(ctx workflow.Context, state contract.WatchState) error {
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return err
		}
		return workflows.Watch(ctx, state)
	}
	result := func(ctx workflow.Context, in contract.TaskInput) (contract.TaskResult, error) {
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return contract.TaskResult{}, err
		}
		return workflows.TaskResult(ctx, in)
	}
	deliver := func(ctx workflow.Context, in contract.EventsInput) (contract.EventsResult, error) {
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return contract.EventsResult{}, err
		}
		return workflows.DeliverEvents(ctx, in)
	}
	quiet := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)) // a stack for each history would hide what failed
	for name, h := range histories(t) {
		r := worker.NewWorkflowReplayer()
		r.RegisterWorkflowWithOptions(watch, workflow.RegisterOptions{Name: contract.WorkflowWatch})
		r.RegisterWorkflowWithOptions(result, workflow.RegisterOptions{Name: contract.WorkflowTaskResult})
		r.RegisterWorkflowWithOptions(deliver, workflow.RegisterOptions{Name: contract.WorkflowDeliverEvents})
		r.RegisterWorkflowWithOptions(altered, workflow.RegisterOptions{Name: contract.WorkflowTriage})
		r.RegisterWorkflowWithOptions(approve, workflow.RegisterOptions{Name: contract.WorkflowApprove})
		require.ErrorContains(t, r.ReplayWorkflowHistory(quiet, h), "TMPRL1100", name) // the SDK's mark of non-determinism
	}
}
