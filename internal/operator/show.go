package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// queryPatience is how long a worker may take to tell an incident's state. It
// takes milliseconds; without a worker Temporal lets a caller wait for ever.
const queryPatience = 5 * time.Second

// What can be done about an incident that did not end well.
const (
	NextRerun   = "rerun"
	NextResolve = "resolve"
)

// Detail is an incident with what its workflow knows.
type Detail struct {
	Incident
	State   *contract.TriageState `json:"state,omitempty"`
	Failure string                `json:"failure,omitempty"`
	Step    string                `json:"failed_step,omitempty"`
	// Next is what can be done about an incident that did not end well.
	Next []string `json:"next,omitempty"`
	// Unread says why State is missing: a query needs a worker that is up.
	Unread string `json:"unread,omitempty"`
}

// Show returns an incident with its state, verdict and failure.
func (o *Operator) Show(ctx context.Context, id string) (Detail, error) {
	i, err := o.Find(ctx, id)
	if err != nil {
		return Detail{}, err
	}
	d := Detail{Incident: i}
	if i.failed() {
		if d.Step, d.Failure, _, err = o.failure(ctx, i); err != nil {
			return Detail{}, err
		}
		if i.Newer == "" {
			d.Next = append(d.Next, NextRerun)
		}
	}
	if i.broken() {
		d.Next = append(d.Next, NextResolve)
	}
	state, err := o.state(ctx, i)
	if errors.Is(err, ErrNoWorker) {
		d.Unread = err.Error()
		return d, nil
	}
	if err != nil {
		return Detail{}, err
	}
	d.State = &state
	return d, nil
}

// state asks a worker for an incident's state, also of one that has ended. It
// fails with ErrNoWorker when none answers.
func (o *Operator) state(ctx context.Context, i Incident) (contract.TriageState, error) {
	var state contract.TriageState
	ctx, cancel := context.WithTimeout(ctx, queryPatience)
	defer cancel()
	v, err := o.client.QueryWorkflow(ctx, i.WorkflowID, i.RunID, contract.QueryState)
	if err != nil {
		return state, fmt.Errorf("%w within %s: %w", ErrNoWorker, queryPatience, err)
	}
	if err := v.Get(&state); err != nil {
		return state, fmt.Errorf("operator: read the state of %s: %w", i.ID, err)
	}
	return state, nil
}
