package approval

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Decide grants or denies an approval and returns its state. That the change is
// made follows; the state says granted until it is. It fails with ErrRequester
// when whoever asked tries to grant, with ErrDecided when it waits no more, and
// with ErrNobody when no person, or none that is known, decides.
func (s *Service) Decide(ctx context.Context, id string, r contract.Ruling) (contract.ApprovalState, error) {
	return s.decide(ctx, decision{id: id, ruling: r})
}

// decision is a ruling on its way to Temporal.
type decision struct {
	id, run string // no run means the newest
	ref     string // names the decision, so that it is taken once; may be empty
	ruling  contract.Ruling
}

func (s *Service) decide(ctx context.Context, d decision) (contract.ApprovalState, error) {
	var state contract.ApprovalState
	person, known := s.o.People.Known(d.ruling.Actor.Person)
	d.ruling.Actor.Person = person
	if err := d.ruling.Actor.Check(); err != nil {
		return state, fmt.Errorf("%w: say who decides: the person is empty", ErrNobody)
	}
	if len(s.o.People) > 0 && !s.o.Anybody && !known {
		return state, fmt.Errorf("%w: %s is not among the configured people", ErrNobody, person)
	}
	a, err := s.look(ctx, d.id)
	if err != nil {
		return state, err
	}
	if !a.running() {
		return state, fmt.Errorf("%w: %s is %s", ErrDecided, a.ID, a.Status)
	}
	if d.run != "" && d.run != a.RunID && d.run != a.FirstRunID {
		return state, fmt.Errorf("%w: the request that the button belongs to is over, and the same change was asked for again", ErrDecided)
	}
	wait, cancel := context.WithTimeout(ctx, s.o.Patience)
	defer cancel()
	h, err := s.o.Client.UpdateWorkflow(wait, client.UpdateWorkflowOptions{
		UpdateID: d.ref, WorkflowID: a.WorkflowID, RunID: a.RunID, UpdateName: contract.UpdateDecide, Args: []any{d.ruling},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = h.Get(wait, &state)
	}
	if err == nil {
		return state, nil
	}
	return state, s.refused(a, err, wait.Err() != nil)
}

// refused says in nerve's words why a ruling was not taken.
func (s *Service) refused(a Approval, err error, late bool) error {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		kinds := map[string]error{
			contract.RefusedDecided: ErrDecided, contract.RefusedRequester: ErrRequester, contract.RefusedNobody: ErrNobody,
		}
		if kind := kinds[app.Type()]; kind != nil {
			return fmt.Errorf("%w: %s: %s", kind, a.ID, app.Message())
		}
	}
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return fmt.Errorf("%w: %s is over: nerve approvals show %s", ErrDecided, a.ID, a.ID)
	}
	slow, _ := errors.AsType[*client.WorkflowUpdateServiceTimeoutOrCanceledError](err)
	if late || slow != nil || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w within %s: %s may be decided once one is up; nerve approvals show %s tells", ErrNoWorker, s.o.Patience, a.ID, a.ID)
	}
	return fmt.Errorf("approval: decide %s: %w", a.ID, err)
}
