package operator

import (
	"context"
	"errors"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("operator: no such incident")
	ErrState    = errors.New("operator: the incident is not in a state for this")
	ErrNoWorker = errors.New("operator: no worker answered")
	// ErrKeyset refuses to decide about what cannot be read: what would be told to
	// the incident could not be read there.
	ErrKeyset = errors.New("operator: the keyset lacks the key that this is encrypted with; set NERVE_KEYSET to that of the worker")
	// ErrChanged is an ErrState: the incident has changed since it was looked at.
	ErrChanged = errors.New("operator: the incident has changed meanwhile")
)

// changedError is ErrChanged and ErrState, in one text.
type changedError struct{ text string }

func (e *changedError) Error() string { return ErrState.Error() + ": " + e.text }

func (*changedError) Is(target error) bool { return target == ErrState || target == ErrChanged }

const (
	// maxScan is how many of the newest incidents are searched for an incident id.
	maxScan = 2000
	// maxAsked is how many incidents one query names; it keeps the query short.
	maxAsked = 25
)

// Client is the part of Temporal's client that is used.
type Client interface {
	ListWorkflow(ctx context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
	GetWorkflowHistory(ctx context.Context, workflowID, runID string, wait bool, filter enumspb.HistoryEventFilterType) client.HistoryEventIterator
	QueryWorkflow(ctx context.Context, workflowID, runID, query string, args ...any) (converter.EncodedValue, error)
	UpdateWorkflow(ctx context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error)
	SignalWorkflow(ctx context.Context, workflowID, runID, name string, arg any) error
	ExecuteWorkflow(ctx context.Context, o client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
	// WorkflowService is the client without its retries.
	WorkflowService() workflowservice.WorkflowServiceClient
}

// Operator works on the incidents of one Temporal namespace.
type Operator struct {
	client    Client
	converter converter.DataConverter
	namespace string
	now       func() time.Time
}

// New returns an operator. The converter must be the one that the client uses.
func New(c Client, dc converter.DataConverter, namespace string) *Operator {
	return &Operator{client: c, converter: dc, namespace: namespace, now: time.Now}
}

// Incident is one incident as an operator sees it.
type Incident struct {
	ID         string    `json:"id"`
	WorkflowID string    `json:"workflow_id"`
	RunID      string    `json:"run_id"`
	Title      string    `json:"title"`
	Source     string    `json:"source"`
	Severity   string    `json:"severity"`
	Status     string    `json:"status"`
	Phase      string    `json:"phase"`
	Execution  string    `json:"execution"` // Temporal's status: Running, Completed, Failed, …
	OpenedAt   time.Time `json:"opened_at"`
	ClosedAt   time.Time `json:"closed_at,omitzero"`
	// Newer is the newest incident of the same alert, where that is another one.
	// A list does not look for it.
	Newer string `json:"newer_incident,omitempty"`

	kind string // the type of its workflow, where it was looked at
}

// running reports whether the incident's workflow runs.
func (i Incident) running() bool {
	return i.Execution == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING.String()
}

// failed reports whether a step failed for good: what Rerun can go on from.
func (i Incident) failed() bool {
	return i.Execution == enumspb.WORKFLOW_EXECUTION_STATUS_FAILED.String()
}

// broken reports whether the workflow ended without closing the incident.
func (i Incident) broken() bool {
	return i.failed() || i.Execution == enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED.String() ||
		i.Execution == enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT.String()
}

// key tells incidents apart: each that cannot be read is one.
func (i Incident) key() string {
	if i.ID == unreadable {
		return i.RunID
	}
	return i.ID
}

// look is the command that shows it.
func (i Incident) look() string {
	if i.kind == contract.WorkflowTaskResult {
		return "nerve tasks show " + strings.TrimPrefix(i.WorkflowID, "task:")
	}
	return "nerve incidents show " + i.ID
}

func (o *Operator) incident(info *workflowpb.WorkflowExecutionInfo) Incident {
	attr := func(name string) string {
		return o.text(info.GetSearchAttributes().GetIndexedFields()[name], converter.GetDefaultDataConverter())
	}
	memo := func(name string) string { return o.text(info.GetMemo().GetFields()[name], o.converter) }
	i := Incident{
		ID:         memo(contract.MemoIncidentID),
		WorkflowID: info.GetExecution().GetWorkflowId(),
		RunID:      info.GetExecution().GetRunId(),
		Title:      memo(contract.MemoTitle),
		Source:     attr(contract.AttrSource),
		Severity:   attr(contract.AttrSeverity),
		Status:     attr(contract.AttrStatus),
		Phase:      attr(contract.AttrPhase),
		Execution:  info.GetStatus().String(),
		OpenedAt:   info.GetStartTime().AsTime(),
	}
	if info.GetCloseTime() != nil {
		i.ClosedAt = info.GetCloseTime().AsTime()
	}
	return i
}

// unreadable stands for what another keyset has encrypted.
const unreadable = "(unreadable: is this the right keyset?)"

// text reads a string payload, or says that it cannot.
func (o *Operator) text(p *commonpb.Payload, dc converter.DataConverter) string {
	if p == nil {
		return ""
	}
	var s string
	if err := dc.FromPayload(p, &s); err != nil {
		return unreadable
	}
	return s
}
