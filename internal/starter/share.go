package starter

import (
	"context"
	"sync"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// shares lets one start of a workflow id be in flight in this process. A storm
// that meets a window before it is open asks for the same start many times over;
// all but the first wait for its result instead of taking a place at Temporal.
type shares struct {
	mu      sync.Mutex
	running map[string]*flight
}

type flight struct {
	done   chan struct{}
	result Result
	err    error
}

// do runs start, or waits for the one that runs. Whoever waited is told what
// Temporal would have answered: that the workflow is there already.
func (s *shares) do(ctx context.Context, cmd contract.Command, start func() (Result, error)) (Result, error) {
	s.mu.Lock()
	if f, ok := s.running[cmd.WorkflowID]; ok {
		s.mu.Unlock()
		select {
		case <-f.done:
			return f.shared(cmd)
		case <-ctx.Done():
			return Result{}, ErrBusy
		}
	}
	f := &flight{done: make(chan struct{})}
	if s.running == nil {
		s.running = map[string]*flight{}
	}
	s.running[cmd.WorkflowID] = f
	s.mu.Unlock()

	f.result, f.err = start()
	s.mu.Lock()
	delete(s.running, cmd.WorkflowID)
	s.mu.Unlock()
	close(f.done)
	return f.result, f.err
}

func (f *flight) shared(cmd contract.Command) (Result, error) {
	if f.err != nil || f.result.Outcome != Started {
		return f.result, f.err
	}
	if cmd.KeyKind == incident.KeyEvent {
		return Result{Outcome: AlreadyTaken, RunID: f.result.RunID}, nil
	}
	return Result{Outcome: AlreadyRunning, RunID: f.result.RunID}, nil
}
