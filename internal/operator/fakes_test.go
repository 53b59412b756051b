package operator_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/privacy"
)

const (
	running    = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	completed  = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	failed     = enumspb.WORKFLOW_EXECUTION_STATUS_FAILED
	terminated = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	timedOut   = enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT
	canceled   = enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED
)

// run is one workflow run in the fake.
type run struct {
	workflow, id, incident, title string
	source, status, phase         string
	kind                          string // the workflow's type; Triage where it is empty
	execution                     enumspb.WorkflowExecutionStatus
	listed                        enumspb.WorkflowExecutionStatus // what the list still says, when it is behind
	unlisted                      bool                            // the list does not know it yet
	opened, closed                time.Time
	events                        []*historypb.HistoryEvent
	state                         *contract.TriageState
	unread                        error // why no state can be had
}

// temporal is a Temporal that knows some runs, the newest last, and remembers
// what it was asked.
type temporal struct {
	t         *testing.T
	dc        converter.DataConverter
	runs      []*run
	down      error
	queries   []string
	updates   []client.UpdateWorkflowOptions
	updateErr error
	resets    []*workflowservice.ResetWorkflowExecutionRequest
	starts    []start
	startErr  error
	leases    map[string]lease // that have not run out
	leaseErr  error
	resetErr  error  // of a reset that is not made
	lost      bool   // the answer of a reset that is made
	onLease   func() // what happens while a lease is taken
	onReset   func() // what happens while a reset is sent
	signals   []signal
	signalErr map[string]error // by workflow id
	watch     *contract.WatchState
	watchErr  error
	asked     []string // workflow, run and query of what was asked of the watch
	onQuery   func()   // what happens while a worker is asked
	onHistory func()   // what happens while a history is read
}

type signal struct {
	workflow, run, name string
	arg                 any
}

type start struct {
	client.StartWorkflowOptions
	workflow any
	in       contract.TriageInput
}

var opening = time.Date(2026, 2, 8, 2, 0, 0, 0, time.UTC)

// setup is an operator on a Temporal whose payloads are encrypted. What is not
// said about a run is filled in; each run begins an hour after the one before.
func setup(t *testing.T, runs ...*run) (*operator.Operator, *temporal) {
	t.Helper()
	keyset, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	dc, err := privacy.NewDataConverter(keyset)
	require.NoError(t, err)
	f := &temporal{t: t, dc: dc}
	for _, r := range runs {
		f.add(r)
	}
	return operator.New(f, dc, "alerts"), f
}

func (f *temporal) add(r *run) {
	n := len(f.runs)
	r.opened = opening.Add(time.Duration(n) * time.Hour)
	if r.id == "" {
		r.id = fmt.Sprintf("run-%d", n+1)
	}
	if r.execution == 0 {
		r.execution = running
	}
	if r.listed == 0 {
		r.listed = r.execution
	}
	if r.execution != running {
		r.closed = r.opened.Add(time.Minute)
	}
	f.runs = append(f.runs, r)
}

func (f *temporal) payload(v any) *commonpb.Payload {
	p, err := f.dc.ToPayload(v)
	require.NoError(f.t, err)
	return p
}

func (f *temporal) info(r *run, status enumspb.WorkflowExecutionStatus) *workflowpb.WorkflowExecutionInfo {
	attrs := map[string]*commonpb.Payload{}
	for name, v := range map[string]string{
		contract.AttrSource: r.source, contract.AttrStatus: r.status, contract.AttrPhase: r.phase, contract.AttrSeverity: "high",
	} {
		p, err := converter.GetDefaultDataConverter().ToPayload(v)
		require.NoError(f.t, err)
		attrs[name] = p
	}
	info := &workflowpb.WorkflowExecutionInfo{
		Execution:        &commonpb.WorkflowExecution{WorkflowId: r.workflow, RunId: r.id},
		Type:             &commonpb.WorkflowType{Name: cmp.Or(r.kind, contract.WorkflowTriage)},
		Status:           status,
		StartTime:        timestamppb.New(r.opened),
		SearchAttributes: &commonpb.SearchAttributes{IndexedFields: attrs},
		Memo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{
			contract.MemoIncidentID: f.payload(r.incident), contract.MemoTitle: f.payload(r.title),
		}},
	}
	if !r.closed.IsZero() {
		info.CloseTime = timestamppb.New(r.closed)
	}
	return info
}

// matches understands as much of a query as the operator says.
func (r *run) matches(query string) bool {
	has := func(part string, ok bool) bool { return !strings.Contains(query, part) || ok }
	_, ids, some := strings.Cut(query, "WorkflowId IN (")
	return !r.unlisted && has("ExecutionStatus = 'Running'", r.listed == running) && has("ExecutionStatus = 'Failed'", r.listed == failed) &&
		has(contract.AttrStatus+" = ", strings.Contains(query, "'"+r.status+"'")) &&
		has(contract.AttrSource+" = ", strings.Contains(query, "'"+r.source+"'")) &&
		(!some || strings.Contains(ids, "'"+r.workflow+"'"))
}

// ListWorkflow lists two a page, what runs first and then what ended last, as
// Temporal does.
func (f *temporal) ListWorkflow(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	f.queries = append(f.queries, r.GetQuery())
	if f.down != nil {
		return nil, f.down
	}
	require.Equal(f.t, "alerts", r.GetNamespace())
	found := slices.DeleteFunc(slices.Clone(f.runs), func(r2 *run) bool { return !r2.matches(r.GetQuery()) })
	slices.SortStableFunc(found, func(a, b *run) int {
		if (a.listed == running) != (b.listed == running) {
			if a.listed == running {
				return -1
			}
			return 1
		}
		return b.closed.Compare(a.closed)
	})
	from, _ := strconv.Atoi(string(r.GetNextPageToken()))
	resp := &workflowservice.ListWorkflowExecutionsResponse{}
	for _, r := range found[from:min(len(found), from+2)] {
		resp.Executions = append(resp.Executions, f.info(r, r.listed))
	}
	if from+2 < len(found) {
		resp.NextPageToken = []byte(strconv.Itoa(from + 2))
	}
	return resp, nil
}

// get is a run; no run id means the newest of the workflow id.
func (f *temporal) get(workflowID, runID string) (*run, error) {
	if f.down != nil {
		return nil, f.down
	}
	for _, r := range slices.Backward(f.runs) {
		if r.workflow == workflowID && (runID == "" || r.id == runID) {
			return r, nil
		}
	}
	return nil, serviceerror.NewNotFound("no such workflow")
}

func (f *temporal) DescribeWorkflowExecution(_ context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if l, ok := f.leases[workflowID]; ok && f.down == nil {
		return l.describe(), nil
	}
	r, err := f.get(workflowID, runID)
	if err != nil {
		return nil, err
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: f.info(r, r.execution)}, nil
}

func (f *temporal) QueryWorkflow(ctx context.Context, workflowID, runID, query string, _ ...any) (converter.EncodedValue, error) {
	_, bounded := ctx.Deadline()
	require.True(f.t, bounded, "without a worker a query waits for ever")
	if workflowID == contract.WatchID {
		f.asked = append(f.asked, workflowID+"/"+runID+"/"+query)
		return watched{f.watch}, f.watchErr
	}
	require.Equal(f.t, contract.QueryState, query)
	if f.onQuery != nil {
		f.onQuery()
	}
	r, err := f.get(workflowID, runID)
	if err != nil {
		return nil, err
	}
	if r.unread != nil {
		return nil, r.unread
	}
	return value{r.state}, nil
}

type watched struct{ state *contract.WatchState }

func (w watched) HasValue() bool { return w.state != nil }
func (w watched) Get(to any) error {
	*to.(*contract.WatchState) = *w.state //nolint:forcetypeassert // a test's own
	return nil
}

type value struct{ state *contract.TriageState }

func (v value) HasValue() bool { return v.state != nil }
func (v value) Get(to any) error {
	if v.state == nil {
		return errors.New("no such key")
	}
	*to.(*contract.TriageState) = *v.state //nolint:forcetypeassert // a test's own
	return nil
}

func (f *temporal) GetWorkflowHistory(_ context.Context, workflowID, runID string, _ bool, _ enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	if f.onHistory != nil {
		f.onHistory()
	}
	r, err := f.get(workflowID, runID)
	if err != nil {
		return &iterator{err: err}
	}
	return &iterator{events: r.events}
}

type iterator struct {
	events []*historypb.HistoryEvent
	err    error
}

func (i *iterator) HasNext() bool { return len(i.events) > 0 || i.err != nil }
func (i *iterator) Next() (*historypb.HistoryEvent, error) {
	if i.err != nil {
		return nil, i.err
	}
	e := i.events[0]
	i.events = i.events[1:]
	return e, nil
}

func (f *temporal) UpdateWorkflow(_ context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	f.updates = append(f.updates, o)
	if f.updateErr != nil {
		return nil, f.updateErr
	}
	return handle{}, nil
}

type handle struct{ client.WorkflowUpdateHandle }

func (handle) Get(_ context.Context, to any) error {
	*to.(*contract.TriageState) = contract.TriageState{Phase: "updated"} //nolint:forcetypeassert // a test's own
	return nil
}

func (f *temporal) SignalWorkflow(_ context.Context, workflowID, runID, name string, arg any) error {
	if err := f.signalErr[workflowID]; err != nil {
		return err
	}
	f.signals = append(f.signals, signal{workflowID, runID, name, arg})
	return nil
}

func (f *temporal) ExecuteWorkflow(ctx context.Context, o client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error) {
	if workflow == "Lease" {
		return nil, f.takeLease(ctx, o, args)
	}
	if f.startErr != nil {
		return nil, f.startErr
	}
	require.Len(f.t, args, 1)
	in, ok := args[0].(contract.TriageInput)
	require.True(f.t, ok)
	f.starts = append(f.starts, start{o, workflow, in})
	return nil, nil
}
