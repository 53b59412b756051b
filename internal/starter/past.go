package starter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// maxSkew is how far the clocks of ingest and Temporal may be apart. A wider one
// costs calls, never an answer.
const maxSkew = 5 * time.Minute

// trace is what a command leaves behind in the incident that took it.
type trace struct {
	workflowID string
	incidentID string // of a start
	signal     string
	delivery   string
	since      time.Time // no run that ended before has taken it
}

// Past reports whether an incident that has ended took the command already.
// Temporal's own refusal of duplicates does not say so: the workflow id of an
// alert may be used again, and a closed incident hears nothing. Whoever repeats
// a command of which it does not know the answer asks first. An incident that
// still runs is not past: it knows what it was told.
//
// It asks for the newest run, which Temporal always knows. Only when that began
// after the command, an earlier run may have taken it, and those are listed from
// Temporal's visibility; a Temporal that cannot list leaves it at the newest.
// A memo or history that this process cannot read is ErrUnavailable: it takes
// the sender's key, and guessing would lose the alert or double it.
func (s *Starter) Past(ctx context.Context, cmd contract.Command) (bool, error) {
	if err := check(cmd); err != nil {
		return false, err
	}
	if cmd.Task != nil || cmd.Start != nil && cmd.KeyKind == incident.KeyEvent {
		return false, nil // Temporal refuses it for good, and what a task hears twice changes nothing
	}
	if err := s.places.Acquire(ctx, 1); err != nil {
		return false, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	defer s.places.Release(1)
	return s.past(ctx, traceOf(cmd))
}

func traceOf(cmd contract.Command) trace {
	w := trace{workflowID: cmd.WorkflowID, signal: contract.SignalOccurrence}
	switch {
	case cmd.Start != nil:
		s := &cmd.Start.Signal
		w.incidentID, w.since = s.IncidentID, cmd.Start.ReceivedAt
		// A start that met a running incident became its occurrence.
		w.delivery = cmp.Or(cmd.Start.Delivery, s.RawPayload.DeliveryID)
	case cmd.Occurrence != nil:
		w.delivery, w.since = cmd.Occurrence.DeliveryID, cmd.Occurrence.At
	default:
		w.signal, w.delivery, w.since = contract.SignalResolved, cmd.Resolved.DeliveryID, cmd.Resolved.At
	}
	if w.since.IsZero() {
		w.since = time.Unix(0, 0)
	}
	w.since = w.since.Add(-maxSkew)
	return w
}

func (s *Starter) past(ctx context.Context, w trace) (bool, error) {
	described, err := s.client.DescribeWorkflowExecution(ctx, w.workflowID, "")
	if missing(err) {
		return false, nil
	}
	if err != nil {
		return false, classify("describe", err)
	}
	newest := described.GetWorkflowExecutionInfo()
	own, err := s.took(ctx, newest, w)
	switch {
	case err != nil:
		return false, err
	case newest.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING && own:
		return false, nil
	case own:
		return true, nil
	case newest.GetStartTime().AsTime().Before(w.since):
		return false, nil
	}
	return s.earlier(ctx, w, newest.GetExecution().GetRunId())
}

// earlier looks through the runs before the newest that ended since the command.
func (s *Starter) earlier(ctx context.Context, w trace, newest string) (bool, error) {
	query := fmt.Sprintf("WorkflowId = '%s' AND CloseTime >= '%s'",
		strings.ReplaceAll(w.workflowID, "'", "''"), w.since.UTC().Format(time.RFC3339Nano))
	for page := []byte(nil); ; {
		resp, err := s.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 100, NextPageToken: page})
		if err != nil {
			if err = classify("list", err); errors.Is(err, ErrPermanent) {
				return false, nil
			}
			return false, err
		}
		for _, run := range resp.GetExecutions() {
			if run.GetExecution().GetRunId() == newest {
				continue
			}
			if own, err := s.took(ctx, run, w); own || err != nil {
				return own, err
			}
		}
		if page = resp.GetNextPageToken(); len(page) == 0 {
			return false, nil
		}
	}
}

// took reports whether a run was started by the command, or has heard it. Of a
// run that has not ended only its start is looked at. What is older than the
// command is not read at all: its key may be gone. The memo stays with an
// incident that continues as a new run or is rerun.
func (s *Starter) took(ctx context.Context, run *workflowpb.WorkflowExecutionInfo, w trace) (bool, error) {
	ended := run.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING
	if ended && run.GetCloseTime().AsTime().Before(w.since) {
		return false, nil
	}
	younger := !run.GetStartTime().AsTime().Before(w.since)
	if p := run.GetMemo().GetFields()[contract.MemoIncidentID]; p != nil && w.incidentID != "" && younger {
		var id string
		if err := s.converter.FromPayload(p, &id); err != nil {
			return false, fmt.Errorf("%w: read an incident's memo: %w", ErrUnavailable, err)
		}
		if id == w.incidentID {
			return true, nil
		}
	}
	if !ended || w.delivery == "" {
		return false, nil
	}
	return s.heard(ctx, run.GetExecution(), w)
}

// heard reports whether a run was told by signal.
func (s *Starter) heard(ctx context.Context, run *commonpb.WorkflowExecution, w trace) (bool, error) {
	events := s.client.GetWorkflowHistory(ctx, run.GetWorkflowId(), run.GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if missing(err) {
			return false, nil // past its retention
		}
		if err != nil {
			return false, classify("read history", err)
		}
		told := e.GetWorkflowExecutionSignaledEventAttributes()
		if told.GetSignalName() != w.signal || e.GetEventTime().AsTime().Before(w.since) {
			continue
		}
		var said struct { // what occurrence and resolved have in common
			DeliveryID string `json:"delivery_id"`
		}
		if err := s.converter.FromPayloads(told.GetInput(), &said); err != nil {
			return false, fmt.Errorf("%w: read a signal of an incident: %w", ErrUnavailable, err)
		}
		if said.DeliveryID == w.delivery {
			return true, nil
		}
	}
	return false, nil
}

func missing(err error) bool {
	_, is := errors.AsType[*serviceerror.NotFound](err)
	return is
}
