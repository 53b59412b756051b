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
	Do(ctx context.Context, cmd contract.Command) (starter.Result, error)
}

// tell gives Temporal what it was too slow or away for, until the alert is with
// an incident that is open. What Temporal refuses for good is poison.
func tell(ctx context.Context, t temporal, cmd contract.Command) error {
	for range maxTurns {
		result, err := do(ctx, t, cmd)
		if errors.Is(err, starter.ErrPermanent) {
			return fmt.Errorf("%w: %w", admission.ErrPoison, err)
		}
		if err != nil {
			return err
		}
		next, more := follow(cmd, result.Outcome)
		if !more {
			return nil
		}
		cmd = next
	}
	return errors.New("back: the incident opened and closed each time it was told")
}

func do(ctx context.Context, t temporal, cmd contract.Command) (starter.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	return t.Do(ctx, cmd)
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
			},
		}, true
	case cmd.Occurrence != nil && outcome == starter.NotRunning && cmd.Fallback != nil:
		// The incident has closed meanwhile: an alert that fires again opens its own.
		s := cmd.Fallback.Signal
		return contract.Command{WorkflowID: s.DeduplicationKey, KeyKind: s.Key.Kind, Start: cmd.Fallback}, true
	default:
		return contract.Command{}, false
	}
}
