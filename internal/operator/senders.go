package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Senders is what is wrong with senders, as of a look at the delivery log. There
// is a look each minute.
type Senders struct {
	Checked  time.Time          `json:"checked,omitzero"` // zero before the first look
	Findings []contract.Finding `json:"findings"`         // never nil; those that stand, the oldest first
}

// Senders asks what the looks have found. It fails with ErrNoWorker when no
// worker answers, and when none has ever looked.
func (o *Operator) Senders(ctx context.Context) (Senders, error) {
	ctx, cancel := context.WithTimeout(ctx, queryPatience)
	defer cancel()
	v, err := o.client.QueryWorkflow(ctx, contract.WatchID, "", contract.QueryWatch)
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return Senders{}, fmt.Errorf("%w: nothing has looked at the senders yet; the next worker that starts does", ErrNoWorker)
	}
	if err != nil {
		return Senders{}, fmt.Errorf("%w within %s: %w", ErrNoWorker, queryPatience, err)
	}
	var state contract.WatchState
	if err := v.Get(&state); err != nil {
		return Senders{}, fmt.Errorf("operator: read what was found of senders: %w", err)
	}
	return Senders{Checked: state.Checked, Findings: append([]contract.Finding{}, state.Standing...)}, nil
}
