package approval_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nerve-alerts/nerve/internal/approval"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
)

var (
	start = time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	alex  = audit.Actor{Person: "alex@example.com", Via: audit.ViaCLI}
	robin = audit.Actor{Person: "robin", Via: audit.ViaCLI}
	team  = config.People{{Name: "alex", Email: "Alex@example.com", Slack: "U012ALEX"}, {Name: "robin", Slack: "U012ROBIN"}}
)

// temporal is as much of Temporal as a service uses.
type temporal struct {
	mu      sync.Mutex
	t       *testing.T
	dc      converter.DataConverter
	runs    []*run // newest last
	queries []string
	updates []client.UpdateWorkflowOptions

	state     *contract.ApprovalState
	queryErr  error
	updateErr error
	slow      chan struct{} // an update waits for it, or for its context
	down      error
}

type run struct {
	options client.StartWorkflowOptions
	in      contract.ApprovalInput
	id      string
	status  contract.ApprovalStatus
	closed  enumspb.WorkflowExecutionStatus
}

func setup(t *testing.T, change ...func(*approval.Options)) (*approval.Service, *temporal) {
	t.Helper()
	keyset, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	dc, err := privacy.NewDataConverter(keyset)
	require.NoError(t, err)
	sealer, err := privacy.NewSealer(keyset)
	require.NoError(t, err)
	f := &temporal{t: t, dc: dc}
	o := approval.Options{
		Client: f, Converter: dc, Namespace: "alerts", Sealer: sealer, Channel: "C0ALERTS01", People: team,
		Now: func() time.Time { return start },
	}
	for _, c := range change {
		c(&o)
	}
	return approval.New(o), f
}

func (f *temporal) info(r *run) *workflowpb.WorkflowExecutionInfo {
	memo, attrs := map[string]*commonpb.Payload{}, map[string]*commonpb.Payload{}
	for name, v := range r.options.Memo {
		p, err := f.dc.ToPayload(v)
		require.NoError(f.t, err)
		memo[name] = p
	}
	p, err := converter.GetDefaultDataConverter().ToPayload(string(r.status))
	require.NoError(f.t, err)
	attrs[contract.AttrStatus] = p
	info := &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: r.options.ID, RunId: r.id}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		Memo: &commonpb.Memo{Fields: memo}, SearchAttributes: &commonpb.SearchAttributes{IndexedFields: attrs}, StartTime: timestamppb.New(start),
	}
	if r.closed != 0 {
		info.Status, info.CloseTime = r.closed, timestamppb.New(start.Add(time.Hour))
	}
	return info
}

// ListWorkflow lists one a page, oldest first.
func (f *temporal) ListWorkflow(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	f.queries = append(f.queries, r.GetQuery())
	if f.down != nil {
		return nil, f.down
	}
	require.Equal(f.t, "alerts", r.GetNamespace())
	n := len(r.GetNextPageToken())
	resp := &workflowservice.ListWorkflowExecutionsResponse{}
	if n < len(f.runs) {
		resp.Executions = append(resp.Executions, f.info(f.runs[n]))
	}
	if n+1 < len(f.runs) {
		resp.NextPageToken = []byte(strings.Repeat("x", n+1))
	}
	return resp, nil
}

func (f *temporal) last(workflowID string) *run {
	for _, r := range slices.Backward(f.runs) {
		if r.options.ID == workflowID {
			return r
		}
	}
	return nil
}

func (f *temporal) DescribeWorkflowExecution(_ context.Context, workflowID, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return nil, f.down
	}
	r := f.last(workflowID)
	if r == nil {
		return nil, serviceerror.NewNotFound("no such workflow")
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: f.info(r)}, nil
}

func (f *temporal) QueryWorkflow(ctx context.Context, _, _, query string, _ ...any) (converter.EncodedValue, error) {
	_, bounded := ctx.Deadline()
	require.True(f.t, bounded, "without a worker a query waits for ever")
	require.Equal(f.t, contract.QueryApproval, query)
	return value{f.state}, f.queryErr
}

type value struct{ state *contract.ApprovalState }

func (v value) HasValue() bool { return v.state != nil }
func (v value) Get(to any) error {
	if v.state == nil {
		return errors.New("nothing")
	}
	*to.(*contract.ApprovalState) = *v.state //nolint:forcetypeassert // a test's own
	return nil
}

func (f *temporal) UpdateWorkflow(ctx context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	_, bounded := ctx.Deadline()
	require.True(f.t, bounded, "without a worker an update waits for ever")
	f.mu.Lock()
	f.updates = append(f.updates, o)
	f.mu.Unlock()
	if f.slow != nil {
		select {
		case <-f.slow:
		case <-ctx.Done():
			return nil, client.NewWorkflowUpdateServiceTimeoutOrCanceledError(ctx.Err())
		}
	}
	return handle{}, f.updateErr
}

type handle struct{ client.WorkflowUpdateHandle }

func (handle) Get(_ context.Context, to any) error {
	*to.(*contract.ApprovalState) = contract.ApprovalState{Status: contract.ApprovalGranted} //nolint:forcetypeassert // a test's own
	return nil
}

func (f *temporal) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error) {
	require.Equal(f.t, contract.WorkflowApprove, workflow)
	if f.down != nil {
		return nil, f.down
	}
	if r := f.last(o.ID); r != nil && r.closed == 0 {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("running", "", r.id)
	}
	in, ok := args[0].(contract.ApprovalInput)
	require.True(f.t, ok)
	f.runs = append(f.runs, &run{options: o, in: in, id: "run-" + strings.Repeat("i", len(f.runs)+1), status: contract.ApprovalWaiting})
	return nil, nil
}
