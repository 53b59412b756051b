package starter

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"golang.org/x/sync/semaphore"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Errors of Do. Each failure wraps exactly one of them.
var (
	// ErrUnavailable means that Temporal is away, slow or over its limits: the
	// same command can succeed later, and may even have succeeded now.
	ErrUnavailable = errors.New("starter: temporal is unavailable")
	// ErrBusy means that no place was free before the deadline. Nothing was sent.
	ErrBusy = errors.New("starter: too many starts in flight")
	// ErrPermanent means that Temporal will never take this command.
	ErrPermanent = errors.New("starter: temporal refuses the command")
)

// Outcome is what became of a command.
type Outcome string

const (
	// Started means that this call started the incident.
	Started Outcome = "started"
	// AlreadyRunning means that an incident of an alert key is open.
	AlreadyRunning Outcome = "already_running"
	// AlreadyTaken means that the event of an event key has, or had, its incident.
	AlreadyTaken Outcome = "already_taken"
	// Signalled means that a running incident was told.
	Signalled Outcome = "signalled"
	// NotRunning means that the incident to be told is closed or unknown.
	NotRunning Outcome = "not_running"
)

// Result is the answer to a command.
type Result struct {
	Outcome Outcome
	RunID   string // Started, AlreadyRunning and AlreadyTaken only
	// Running says that the workflow was seen to run, which AlreadyTaken alone
	// does not: the event's incident may be long closed.
	Running bool
}

// Client is the part of Temporal's client that is used.
type Client interface {
	ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
	SignalWorkflow(ctx context.Context, workflowID, runID, signalName string, arg any) error
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
	ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
	GetWorkflowHistory(ctx context.Context, workflowID, runID string, isLongPoll bool, filter enums.HistoryEventFilterType) client.HistoryEventIterator
}

// Options bound a Starter.
type Options struct {
	// InFlight is how many commands are at Temporal at once. 0 means 8, beyond
	// which more starts at once only wait longer (measured on SQLite and PostgreSQL).
	InFlight int
	// Converter is the client's, with which Past reads what Temporal keeps
	// encrypted. nil means the SDK's default, which encrypts nothing.
	Converter converter.DataConverter
}

const defaultInFlight = 8

// Starter sends commands to Temporal. It is safe for concurrent use.
type Starter struct {
	client    Client
	converter converter.DataConverter
	places    *semaphore.Weighted
	starts    shares
}

// New returns a Starter on a client.
func New(c Client, o Options) *Starter {
	if o.InFlight <= 0 {
		o.InFlight = defaultInFlight
	}
	if o.Converter == nil {
		o.Converter = converter.GetDefaultDataConverter()
	}
	return &Starter{client: c, converter: o.Converter, places: semaphore.NewWeighted(int64(o.InFlight))}
}

// Do sends one command, within the context's deadline. A command that Temporal
// has seen before is not an error. Its errors wrap ErrUnavailable, ErrBusy or
// ErrPermanent.
func (s *Starter) Do(ctx context.Context, cmd contract.Command) (Result, error) {
	if err := check(cmd); err != nil {
		return Result{}, err
	}
	if cmd.Start != nil {
		return s.starts.do(ctx, cmd, func() (Result, error) { return s.send(ctx, cmd) })
	}
	return s.send(ctx, cmd)
}

// send waits for a place at Temporal and uses it.
func (s *Starter) send(ctx context.Context, cmd contract.Command) (Result, error) {
	if err := s.places.Acquire(ctx, 1); err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	defer s.places.Release(1)
	switch {
	case cmd.Start != nil:
		return s.start(ctx, cmd)
	case cmd.Task != nil:
		return s.task(ctx, cmd)
	case cmd.Occurrence != nil:
		return s.signal(ctx, cmd.WorkflowID, contract.SignalOccurrence, *cmd.Occurrence)
	default:
		return s.signal(ctx, cmd.WorkflowID, contract.SignalResolved, *cmd.Resolved)
	}
}

// check refuses a command that says nothing or several things.
func check(cmd contract.Command) error {
	parts := 0
	for _, set := range []bool{cmd.Start != nil, cmd.Occurrence != nil, cmd.Resolved != nil, cmd.Task != nil} {
		if set {
			parts++
		}
	}
	if parts != 1 || cmd.WorkflowID == "" {
		return fmt.Errorf("%w: it needs a workflow id and exactly one of start, occurrence, resolved and task", ErrPermanent)
	}
	if k := cmd.KeyKind; cmd.Start != nil && k != incident.KeyEvent && k != incident.KeyAlert {
		return fmt.Errorf("%w: unknown key kind %q", ErrPermanent, k)
	}
	return nil
}

func (s *Starter) start(ctx context.Context, cmd contract.Command) (Result, error) {
	run, err := s.client.ExecuteWorkflow(ctx, StartOptions(cmd), contract.WorkflowTriage, *cmd.Start)
	if err == nil {
		return Result{Outcome: Started, RunID: run.GetRunID()}, nil
	}
	if already, ok := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); ok {
		outcome := AlreadyRunning
		if cmd.KeyKind == incident.KeyEvent {
			outcome = AlreadyTaken
		}
		return Result{Outcome: outcome, RunID: already.RunId, Running: outcome == AlreadyRunning}, nil
	}
	return Result{}, classify("start", err)
}

func (s *Starter) signal(ctx context.Context, id, name string, arg any) (Result, error) {
	err := s.client.SignalWorkflow(ctx, id, "", name, arg)
	if err == nil {
		return Result{Outcome: Signalled}, nil
	}
	if missing(err) {
		return Result{Outcome: NotRunning}, nil
	}
	return Result{}, classify("signal "+name, err)
}

// classify sorts an error. What Temporal or gRPC does not name as an error of the
// service (such as an encoding that fails) would fail again, so it is permanent.
func classify(what string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, what, err)
	}
	var (
		service  serviceerror.ServiceError
		argument *serviceerror.InvalidArgument
		nowhere  *serviceerror.NamespaceNotFound
		unknown  *serviceerror.Unimplemented
		notFound *serviceerror.NotFound
	)
	if !errors.As(err, &service) || errors.As(err, &argument) || errors.As(err, &nowhere) ||
		errors.As(err, &unknown) || errors.As(err, &notFound) {
		return fmt.Errorf("%w: %s: %w", ErrPermanent, what, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, what, err)
}
