package activities

import (
	"context"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// RecordInput is the state of an incident to keep.
type RecordInput struct {
	Record contract.IncidentRecord `json:"record"`
	Salt   []byte                  `json:"salt"`
}

// Record writes the incident's state to the record. An older state never
// overwrites a newer one, so tries may overtake each other.
func (a *Activities) Record(ctx context.Context, in RecordInput) error {
	for i := range in.Record.Actions { // people type reasons, so they may hold anything
		in.Record.Actions[i].Reason = a.deps.Scrubber.Text(in.Salt, in.Record.Actions[i].Reason)
	}
	if err := a.deps.Recorder.Record(ctx, in.Record); err != nil {
		return a.failed(in.Salt, "record the incident", err)
	}
	if in.Record.Phase == contract.PhaseFailed && a.deps.Failures != nil {
		a.deps.Failures.Failed(ctx, in.Record, in.Record.ClosedAt)
	}
	return nil
}

// ReleaseInput names the window of a closed incident.
type ReleaseInput struct {
	Source     string `json:"source"`
	Window     string `json:"window"`
	WorkflowID string `json:"workflow_id"`
	Salt       []byte `json:"salt"`
}

// ReleaseWindow lets the next firing of a closed incident's alert start anew.
func (a *Activities) ReleaseWindow(ctx context.Context, in ReleaseInput) error {
	return a.failed(in.Salt, "release the window", a.deps.Windows.Release(ctx, in.Source, in.Window, in.WorkflowID))
}
