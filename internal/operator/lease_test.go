package operator_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

// lease is one that runs, in the fake.
type lease struct {
	client.StartWorkflowOptions
	memo map[string]*commonpb.Payload
}

var leased = time.Date(2026, 2, 8, 3, 0, 0, 0, time.UTC)

func (l lease) describe() *workflowservice.DescribeWorkflowExecutionResponse {
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: l.ID}, Status: running,
		Memo: &commonpb.Memo{Fields: l.memo}, StartTime: timestamppb.New(leased),
	}}
}

// takeLease refuses a second workflow of one id, as Temporal does.
func (f *temporal) takeLease(ctx context.Context, o client.StartWorkflowOptions, args []any) error {
	_, bounded := ctx.Deadline()
	require.True(f.t, bounded, "work under a lease must end before the lease")
	require.Empty(f.t, args)
	if f.onLease != nil {
		f.onLease()
	}
	if f.leaseErr != nil {
		return f.leaseErr
	}
	if _, taken := f.leases[o.ID]; taken {
		require.True(f.t, o.WorkflowExecutionErrorWhenAlreadyStarted, "the client would take the other's lease for its own")
		return serviceerror.NewWorkflowExecutionAlreadyStarted("started", "", "")
	}
	l := lease{o, map[string]*commonpb.Payload{}}
	for name, v := range o.Memo {
		l.memo[name] = f.payload(v)
	}
	if f.leases == nil {
		f.leases = map[string]lease{}
	}
	f.leases[o.ID] = l
	return nil
}

// service is what is asked without the client's retries.
type service struct {
	workflowservice.WorkflowServiceClient
	f *temporal
}

func (f *temporal) WorkflowService() workflowservice.WorkflowServiceClient { return service{f: f} }

func (s service) ResetWorkflowExecution(_ context.Context, r *workflowservice.ResetWorkflowExecutionRequest, _ ...grpc.CallOption) (*workflowservice.ResetWorkflowExecutionResponse, error) {
	if s.f.onReset != nil {
		s.f.onReset()
	}
	if s.f.resetErr != nil {
		return nil, s.f.resetErr
	}
	s.f.resets = append(s.f.resets, r)
	s.f.add(&run{workflow: r.GetWorkflowExecution().GetWorkflowId(), id: "run-new", incident: "i1"})
	if s.f.lost {
		return nil, serviceerror.NewUnavailable("connection reset")
	}
	return &workflowservice.ResetWorkflowExecutionResponse{RunId: "run-new"}, nil
}

// broken is an operator and a Temporal where the incident i1 has failed.
func broken(t *testing.T) (*operator.Operator, *temporal) {
	t.Helper()
	op, f := setup(t)
	f.ended(failed, input(incident.KeyAlert))
	f.runs[0].events = append(f.runs[0].events, f.failure("notify", "it failed", 11)[1:]...)
	return op, f
}

var robin = contract.Decision{By: "robin"}

func TestARerunTakesALease(t *testing.T) {
	t.Parallel()
	op, f := broken(t)
	_, err := op.Rerun(t.Context(), "i1", alex)
	require.NoError(t, err)
	require.Contains(t, f.leases, "lease:run-1", "a rerun that fails again must have one of its own")
	l := f.leases["lease:run-1"]
	assert.Equal(t, 30*time.Second, l.WorkflowRunTimeout, "without an end it would lock the incident for good")
	assert.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, l.WorkflowIDReusePolicy, "a rerun that died half-way may be done again")
	assert.NotContains(t, []string{"", contract.QueueTriage, contract.QueueSlack}, l.TaskQueue, "a worker would not know it")
}

func TestOnlyOneDecidesAboutAFailedIncident(t *testing.T) {
	t.Parallel()
	rerun := func(op *operator.Operator, d contract.Decision) error {
		_, err := op.Rerun(t.Context(), "i1", d)
		return err
	}
	resolve := func(op *operator.Operator, d contract.Decision) error {
		_, err := op.Resolve(t.Context(), "i1", d)
		return err
	}
	for _, tt := range []struct {
		name          string
		first, second func(*operator.Operator, contract.Decision) error
		says          string
	}{
		{"rerun, rerun", rerun, rerun, "alex (cli) began to rerun i1 at 2026-02-08T03:00:00Z"},
		{"rerun, resolve", rerun, resolve, "alex (cli) began to rerun i1"},
		{"resolve, rerun", resolve, rerun, "alex (cli) began to resolve i1"},
		{"resolve, resolve", resolve, resolve, "alex (cli) began to resolve i1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			op, f := broken(t)
			away := errors.New("connection refused")
			f.resetErr, f.startErr = away, away
			require.ErrorIs(t, tt.first(op, alex), away)
			f.resetErr, f.startErr = nil, nil
			err := tt.second(op, robin)
			require.ErrorIs(t, err, operator.ErrState)
			require.NotErrorIs(t, err, operator.ErrChanged, "nothing has changed yet")
			require.ErrorContains(t, err, tt.says)
			require.ErrorContains(t, err, "nerve incidents show i1, and if nothing has come of it, try again after 2026-02-08T03:00:30Z")
			assert.Empty(t, f.resets)
			assert.Empty(t, f.starts)
			clear(f.leases) // it has run out
			require.NoError(t, tt.second(op, robin), "what died half-way can be done again")
			assert.Equal(t, 1, len(f.resets)+len(f.starts))
		})
	}
}

// The second has found the incident as it was, and asks for the lease when the
// first is done.
func TestTheSecondIsToldWhoWasFirst(t *testing.T) {
	t.Parallel()
	op, f := broken(t)
	f.onHistory = func() {
		f.onHistory = nil
		_, err := op.Rerun(t.Context(), "i1", alex)
		require.NoError(t, err)
	}
	_, err := op.Rerun(t.Context(), "i1", robin)
	require.ErrorIs(t, err, operator.ErrChanged)
	require.ErrorIs(t, err, operator.ErrState)
	require.ErrorContains(t, err, "i1 was rerun by alex (cli) at 2026-02-08T03:00:00Z; see nerve incidents show i1")
	assert.Len(t, f.resets, 1)
}

// The lease has run out, and the second looks once more.
func TestWhoeverHasTheLeaseLooksOnceMore(t *testing.T) {
	t.Parallel()
	for says, newer := range map[string]string{
		"i1 was rerun or closed meanwhile; see nerve incidents show i1":                              "i1",
		"the alert of i1 has fired again meanwhile; see its newer incident: nerve incidents show i2": "i2",
	} {
		op, f := broken(t)
		f.onLease = func() { f.add(&run{workflow: "a:x:1", incident: newer}) }
		_, err := op.Rerun(t.Context(), "i1", alex)
		require.ErrorIs(t, err, operator.ErrChanged)
		require.ErrorContains(t, err, says)
		assert.Empty(t, f.resets)
	}
}

func TestALeaseThatCannotBeRead(t *testing.T) {
	t.Parallel()
	op, f := broken(t)
	f.leases = map[string]lease{"lease:run-1": {}}
	_, err := op.Rerun(t.Context(), "i1", alex)
	require.ErrorIs(t, err, operator.ErrState)
	require.ErrorContains(t, err, "somebody (another keyset)")
	f.onLease = func() { f.down = errors.New("connection refused") }
	_, err = op.Rerun(t.Context(), "i1", alex)
	require.ErrorIs(t, err, f.down)
	require.NotErrorIs(t, err, operator.ErrState)
}

func TestWithoutALeaseNothingIsDone(t *testing.T) {
	t.Parallel()
	op, f := broken(t)
	f.leaseErr = errors.New("connection refused")
	_, err := op.Rerun(t.Context(), "i1", alex)
	require.ErrorIs(t, err, f.leaseErr)
	_, err = op.Resolve(t.Context(), "i1", alex)
	require.ErrorIs(t, err, f.leaseErr)
	assert.Empty(t, f.resets)
	assert.Empty(t, f.starts)
}

// Sent again, a reset would make a second run.
func TestAResetWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	op, f := broken(t)
	f.lost = true
	r, err := op.Rerun(t.Context(), "i1", alex)
	require.NoError(t, err)
	assert.Equal(t, "run-new", r.NewRunID)
	assert.Len(t, f.resets, 1)
	require.Len(t, f.signals, 1)
	assert.Equal(t, "run-new", f.signals[0].run)
}

func TestAResetThatFails(t *testing.T) {
	t.Parallel()
	op, f := broken(t)
	f.resetErr = serviceerror.NewUnavailable("connection refused")
	_, err := op.Rerun(t.Context(), "i1", alex)
	require.ErrorIs(t, err, f.resetErr)
	require.ErrorContains(t, err, "can be tried again in 30s")
	clear(f.leases)
	f.onReset = func() { f.add(&run{workflow: "a:x:1", incident: "i2"}) }
	_, err = op.Rerun(t.Context(), "i1", alex)
	require.ErrorIs(t, err, f.resetErr, "the newer incident is not the rerun")
	assert.Empty(t, f.signals)
}
