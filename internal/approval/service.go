package approval

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("approval: no such approval")
	// ErrOpen means that the same change is asked for already; see OpenError.
	ErrOpen = errors.New("approval: the same change waits for a second person already")
	// ErrDecided means that the approval waits no more.
	ErrDecided = errors.New("approval: it waits for nobody any more")
	// ErrRequester means that whoever asked for a change tried to grant it.
	ErrRequester = errors.New("approval: whoever asks for a change cannot grant it")
	// ErrNobody means that no person decides, or none that is known.
	ErrNobody   = errors.New("approval: no person who can decide")
	ErrNoWorker = errors.New("approval: no worker answered")
	// ErrChange means that the change cannot be asked for as it is.
	ErrChange = errors.New("approval: not a change that can be asked for")
)

// OpenError says which approval is open for the same change.
type OpenError struct {
	ID string
}

func (e *OpenError) Error() string {
	return ErrOpen.Error() + ", as " + e.ID + ": nerve approvals show " + e.ID
}

// Is makes it an ErrOpen.
func (e *OpenError) Is(target error) bool { return target == ErrOpen }

// DefaultDeadline is how long a request waits for a second person.
const DefaultDeadline = 24 * time.Hour

const defaultPatience = 5 * time.Second

// Client is the part of Temporal's client that is used.
type Client interface {
	ListWorkflow(ctx context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
	QueryWorkflow(ctx context.Context, workflowID, runID, query string, args ...any) (converter.EncodedValue, error)
	UpdateWorkflow(ctx context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error)
	ExecuteWorkflow(ctx context.Context, o client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
}

// Sealer encrypts bytes, bound to their associated data.
type Sealer interface {
	Seal(plaintext, associated []byte) ([]byte, error)
}

// Options of a service. Client, Converter and Namespace are needed always, Sealer
// to submit a change that has a secret.
type Options struct {
	Client    Client
	Converter converter.DataConverter // the one that the client uses
	Namespace string
	Sealer    Sealer
	// Channel is where to ask in Slack; empty asks nowhere.
	Channel string
	// Deadline is how long a request waits; DefaultDeadline by default.
	Deadline time.Duration
	// People are the ones who can decide, and the names that one person has in
	// different places. Without any, or with Anybody, everybody who can reach this
	// can.
	People  config.People
	Anybody bool
	// Patience is how long a worker may take to answer, 5 s by default: it takes
	// milliseconds, and without a worker Temporal lets a caller wait for ever.
	Patience time.Duration
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

// Service works on the approvals of one Temporal namespace. It is safe for
// concurrent use.
type Service struct{ o Options }

// New returns a service.
func New(o Options) *Service {
	if o.Deadline <= 0 {
		o.Deadline = DefaultDeadline
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{o}
}

// Approval is one request for a second person, as a list shows it.
type Approval struct {
	ID          string                  `json:"id"`
	WorkflowID  string                  `json:"workflow_id"`
	RunID       string                  `json:"run_id"`
	FirstRunID  string                  `json:"first_run_id,omitempty"` // another one after a reset
	Action      contract.Action         `json:"action"`
	Target      string                  `json:"target"`
	Why         string                  `json:"why,omitempty"`
	Reason      string                  `json:"reason,omitempty"`
	Status      contract.ApprovalStatus `json:"status"`
	RequestedBy audit.Actor             `json:"requested_by"`
	RequestedAt time.Time               `json:"requested_at"`
	Deadline    time.Time               `json:"deadline"`
	Execution   string                  `json:"execution"` // Temporal's status: Running, Completed, Failed, …
	EndedAt     time.Time               `json:"ended_at,omitzero"`
}

// Open reports whether the approval waits for somebody.
func (a Approval) Open() bool { return a.Status == contract.ApprovalWaiting && a.running() }

func (a Approval) running() bool {
	return a.Execution == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING.String()
}

// Detail is an approval with what its workflow knows.
type Detail struct {
	Approval
	State *contract.ApprovalState `json:"state,omitempty"`
	// Unread says why State is missing: a query needs a worker that is up.
	Unread string `json:"unread,omitempty"`
}
