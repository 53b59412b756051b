package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// ErrSnooze refuses a snooze that is too short, too long, or of nobody.
var ErrSnooze = errors.New("operator: it cannot be snoozed so")

// Snooze keeps a running incident quiet until a time, from a minute to a week
// from now. It goes on counting, and says at the end if it still fires.
func (o *Operator) Snooze(ctx context.Context, id string, s contract.Snooze) (contract.TriageState, error) {
	length := s.Until.Sub(o.now()).Round(time.Second)
	switch {
	case s.Actor.Check() != nil:
		return contract.TriageState{}, fmt.Errorf("%w: say who decides", ErrSnooze)
	case length < contract.MinSnooze || length > contract.MaxSnooze:
		return contract.TriageState{}, fmt.Errorf("%w: from %s to %s from now, and this is %s", ErrSnooze, contract.MinSnooze, contract.MaxSnooze, length)
	}
	i, err := o.Find(ctx, id)
	switch {
	case err != nil:
		return contract.TriageState{}, err
	case i.running():
		s.Made = o.made(i)
		return o.update(ctx, i, contract.UpdateSnooze, s)
	case i.broken():
		return contract.TriageState{}, fmt.Errorf("%w, and there is nothing to keep quiet", stuck(i))
	}
	return contract.TriageState{}, ended(i)
}

// ReleaseSilence tells every incident that is held back that a silence was ended
// early, and returns how many were told: those that another silence holds take
// no notice. It may be called again for what came in meanwhile.
func (o *Operator) ReleaseSilence(ctx context.Context, e contract.SilenceEnded) (int, error) {
	query := Filter{Open: true}.query() + fmt.Sprintf(" AND %s = %s", contract.AttrPhase, quote(string(contract.PhaseSilenced)))
	var held []Incident
	err := o.scan(ctx, query, func(i Incident) bool {
		held = append(held, i)
		return true
	})
	if err != nil {
		return 0, err
	}
	told := 0
	for _, i := range held {
		err := o.client.SignalWorkflow(ctx, i.WorkflowID, i.RunID, contract.SignalSilenceEnded, e)
		if _, over := errors.AsType[*serviceerror.NotFound](err); over {
			continue
		}
		if err != nil {
			return told, fmt.Errorf("operator: tell %s that its silence ended: %w", i.ID, err)
		}
		told++
	}
	return told, nil
}
