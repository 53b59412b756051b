package back

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
)

const (
	// tellTimeout bounds one command at Temporal; the drainer tries again.
	tellTimeout = 10 * time.Second
	// maxTurns is how often an incident may open and close while it is told.
	maxTurns = 4
)

// temporal takes commands.
type temporal interface {
	Past(ctx context.Context, cmd contract.Command) (bool, error)
	Do(ctx context.Context, cmd contract.Command) (starter.Result, error)
}

// tell gives Temporal what it was too slow or away for, until the alert is with
// an incident that is open, or was with one that has ended. What Temporal refuses
// for good is poison.
//
// A spooled command may have been told already: by ingest, which did not wait
// for the answer, or by a worker that died before it could remove the entry. An
// incident that runs tells the two apart by the delivery; one that has ended
// cannot, and its alert would be started, counted or resolved once more.
//
// A resolve is told as late: by now the incident may be of a newer alert.
func tell(ctx context.Context, t temporal, cmd contract.Command) error {
	if cmd.Resolved != nil {
		late := *cmd.Resolved
		late.Late = true
		cmd.Resolved = &late
	}
	for range maxTurns {
		result, past, err := do(ctx, t, cmd)
		if errors.Is(err, starter.ErrPermanent) {
			return fmt.Errorf("%w: %w", admission.ErrPoison, err)
		}
		if err != nil {
			return err
		}
		if past {
			return nil
		}
		next, more := follow(cmd, result.Outcome)
		if !more {
			return nil
		}
		cmd = next
	}
	return errors.New("back: the incident opened and closed each time it was told")
}

// do tells a command, unless it is past.
func do(ctx context.Context, t temporal, cmd contract.Command) (result starter.Result, past bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	if past, err = t.Past(ctx, cmd); past || err != nil {
		return starter.Result{}, past, err
	}
	result, err = t.Do(ctx, cmd)
	return result, false, err
}

// follow is what is left to say after an answer.
func follow(cmd contract.Command, outcome starter.Outcome) (next contract.Command, more bool) {
	switch {
	case cmd.Start != nil && outcome == starter.AlreadyRunning && cmd.KeyKind == incident.KeyAlert:
		// The alert's incident is open already: this was one more occurrence, unless
		// it is the very delivery that opened it, which the workflow knows.
		return contract.Command{
			WorkflowID: cmd.WorkflowID, KeyKind: cmd.KeyKind, Fallback: cmd.Start,
			Occurrence: &contract.Occurrence{
				DeliveryID: cmp.Or(cmd.Start.Delivery, cmd.Start.Signal.RawPayload.DeliveryID), At: cmd.Start.ReceivedAt,
				Severity: cmd.Start.Signal.Severity,
			},
		}, true
	case cmd.Start != nil && outcome == starter.AlreadyTaken && cmd.Fallback != nil:
		// It met the window of another event before that was open, and was to start that
		// one's incident if nobody else did: it is an occurrence of it.
		s := &cmd.Fallback.Signal
		return contract.Command{
			WorkflowID: cmd.WorkflowID, KeyKind: cmd.KeyKind, Fallback: cmd.Fallback,
			Occurrence: &contract.Occurrence{
				DeliveryID: cmp.Or(cmd.Fallback.Delivery, s.RawPayload.DeliveryID), At: cmd.Fallback.ReceivedAt, Severity: s.Severity,
			},
		}, true
	case cmd.Occurrence != nil && outcome == starter.NotRunning && cmd.Fallback != nil:
		// The incident has closed meanwhile: an alert that fires again opens its own.
		// It starts under the delivery that was to be told, so that telling it once
		// more counts nothing.
		input := *cmd.Fallback
		input.Delivery = cmp.Or(cmd.Occurrence.DeliveryID, input.Delivery)
		return contract.Command{WorkflowID: input.Signal.DeduplicationKey, KeyKind: input.Signal.Key.Kind, Start: &input}, true
	default:
		return contract.Command{}, false
	}
}
