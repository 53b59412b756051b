package operator_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

// input is what the incident i1 started with.
func input(kind incident.KeyKind) contract.TriageInput {
	return contract.TriageInput{
		Signal: incident.Signal{
			IncidentID: "i1", Source: "a", Provider: "datadog", Severity: incident.SeverityHigh, Status: incident.StatusFiring,
			Title: "Disk space low", Key: incident.Key{Kind: kind}, RawPayload: incident.RawPayload{DeliveryID: "d1"},
		},
		Salt: []byte("salt"), Window: "w1", Delivery: "e1", Route: contract.Route{Channel: "C0ALERTS01"},
	}
}

// ended is the incident i1, whose run is over, and the state that it had.
func (f *temporal) ended(how enumspb.WorkflowExecutionStatus, in contract.TriageInput) *contract.TriageState {
	state := &contract.TriageState{
		Phase: contract.PhaseFailed, Status: incident.StatusAcknowledged, Occurrences: 5, OpenedAt: opening, LastSeen: opening,
		AcknowledgedBy: "robin", Light: "white_check_mark", Headline: &incident.SlackRef{MessageTS: "1.2"},
		VerdictTS: "1.3", Verdict: &incident.Verdict{Summary: "it is the disk"}, Seen: []string{"d1", "d2"},
	}
	f.add(&run{workflow: "a:x:1", incident: "i1", execution: how, state: state, events: f.history(in)})
	return state
}

func TestResolveClosesWhatDidNotEndWell(t *testing.T) {
	t.Parallel()
	for _, how := range []enumspb.WorkflowExecutionStatus{failed, terminated, timedOut} {
		for _, kind := range []incident.KeyKind{incident.KeyAlert, incident.KeyEvent} {
			t.Run(how.String()+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				op, f := setup(t)
				state := f.ended(how, input(kind))
				got, err := op.Resolve(t.Context(), "i1", alex)
				require.NoError(t, err)

				want := *state
				want.Phase, want.Status, want.ResolvedBy = contract.PhaseOpen, incident.StatusResolved, "alex"
				want.Light = "" // or ❌ would stay where the light was ✅ before
				want.Actions = got.Actions
				assert.Equal(t, want, got)
				require.Len(t, got.Actions, 1)
				assert.Equal(t, contract.IncidentAction{
					Ref: "a:x:1/run-1/resolve", Kind: contract.ActionResolved, At: got.Actions[0].At,
					Actor: audit.Actor{Person: "alex", Via: audit.ViaCLI}, Reason: "rolled back",
				}, got.Actions[0])
				require.Len(t, f.starts, 1)
				s := f.starts[0]
				in := input(kind)
				in.State = &want
				assert.Equal(t, in, s.in)
				assert.Equal(t, contract.WorkflowTriage, s.workflow)
				assert.Equal(t, contract.QueueTriage, s.TaskQueue)
				assert.Equal(t, "a:x:1", s.ID)
				assert.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY, s.WorkflowIDReusePolicy, "so that Temporal lets one of two people through")
				assert.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, s.WorkflowIDConflictPolicy)
				assert.True(t, s.WorkflowExecutionErrorWhenAlreadyStarted)
				assert.Equal(t, map[string]any{"incident_id": "i1", "title": "Disk space low", "resolve_reason": "rolled back"}, s.Memo)
				for name, want := range map[string]string{contract.AttrStatus: "resolved", contract.AttrPhase: "open", contract.AttrSource: "a"} {
					v, _ := s.TypedSearchAttributes.GetKeyword(sdktemporal.NewSearchAttributeKeyKeyword(name))
					assert.Equal(t, want, v, name)
				}
				assert.Empty(t, f.updates)
			})
		}
	}
}

func TestResolveLeavesTheNewerIncidentAlone(t *testing.T) {
	t.Parallel()
	for _, how := range []enumspb.WorkflowExecutionStatus{running, completed, failed} {
		op, f := setup(t)
		f.ended(failed, input(incident.KeyAlert))
		f.add(&run{workflow: "a:x:1", incident: "i2", execution: how})
		_, err := op.Resolve(t.Context(), "i1", alex)
		require.NoError(t, err)
		require.Len(t, f.starts, 1)
		assert.Equal(t, "a:x:1:i1", f.starts[0].ID)
		assert.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, f.starts[0].WorkflowIDReusePolicy)
		assert.Empty(t, f.starts[0].in.Window, "the window is the newer one's")
		assert.Equal(t, "i1", f.starts[0].in.Signal.IncidentID)
		assert.Empty(t, f.updates)
	}
}

func TestResolveGoesOnFromARunThatWasContinued(t *testing.T) {
	t.Parallel()
	op, f := setup(t)
	in := input(incident.KeyAlert)
	in.State = &contract.TriageState{Occurrences: 2}
	f.ended(failed, in)
	got, err := op.Resolve(t.Context(), "i1", alex)
	require.NoError(t, err)
	assert.EqualValues(t, 5, got.Occurrences, "the last state, not the one that the run began with")
	assert.EqualValues(t, 5, f.starts[0].in.State.Occurrences)
}

// A run that ended before a worker had it has no state to ask for.
func TestResolveOfWhatNoWorkerEverHad(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]*contract.TriageState{"new": nil, "continued": {Occurrences: 7, Seen: []string{"d1"}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, f := setup(t)
			in := input(incident.KeyAlert)
			in.State = before
			f.ended(terminated, in)
			f.runs[0].unread = serviceerror.NewWorkflowNotReady("closed before it started")
			got, err := op.Resolve(t.Context(), "i1", alex)
			require.NoError(t, err)
			want := contract.TriageState{Occurrences: 1, OpenedAt: opening, LastSeen: opening, Seen: []string{"d1", "e1"}}
			if before != nil {
				want = *before
			}
			want.Phase, want.Status, want.ResolvedBy, want.Actions = contract.PhaseOpen, incident.StatusResolved, "alex", got.Actions
			assert.Equal(t, want, got)
		})
	}
}

func TestResolveNeedsAWorkerToReadTheState(t *testing.T) {
	t.Parallel()
	op, f := setup(t)
	f.ended(failed, input(incident.KeyAlert))
	f.runs[0].unread = context.DeadlineExceeded
	_, err := op.Resolve(t.Context(), "i1", alex)
	require.ErrorIs(t, err, operator.ErrNoWorker)
	require.ErrorContains(t, err, "start one and try again")
	assert.Empty(t, f.starts, "a state that was made up would undo the answer")

	f.runs[0].unread, f.runs[0].state = nil, nil
	_, err = op.Resolve(t.Context(), "i1", alex)
	require.ErrorContains(t, err, "read the state of i1")
	require.NotErrorIs(t, err, operator.ErrNoWorker)
	assert.Empty(t, f.starts)
}

func TestResolveIsRefusedWhenSomebodyWasFaster(t *testing.T) {
	t.Parallel()
	t.Run("while the state was read", func(t *testing.T) {
		t.Parallel()
		op, f := setup(t)
		f.ended(failed, input(incident.KeyAlert))
		f.onQuery = func() { f.add(&run{workflow: "a:x:1", incident: "i2", execution: failed}) }
		_, err := op.Resolve(t.Context(), "i1", alex)
		require.ErrorIs(t, err, operator.ErrState)
		assert.Empty(t, f.starts, "a newer failure would have been hidden")
	})
	t.Run("in the same moment", func(t *testing.T) {
		t.Parallel()
		op, f := setup(t)
		f.ended(failed, input(incident.KeyAlert))
		f.startErr = serviceerror.NewWorkflowExecutionAlreadyStarted("started", "", "run-2")
		_, err := op.Resolve(t.Context(), "i1", alex)
		require.ErrorIs(t, err, operator.ErrState)
		require.ErrorContains(t, err, "nerve incidents show i1")
	})
}

func TestResolveSaysWhyNot(t *testing.T) {
	t.Parallel()
	op, f := setup(t)
	f.ended(failed, input(incident.KeyAlert))
	f.startErr = errors.New("connection refused")
	_, err := op.Resolve(t.Context(), "i1", alex)
	require.ErrorIs(t, err, f.startErr)
	require.NotErrorIs(t, err, operator.ErrState)

	f.runs[0].events = nil
	_, err = op.Resolve(t.Context(), "i1", alex)
	require.ErrorIs(t, err, operator.ErrNotFound, "its history is gone")

	other, g := setup(t)
	g.ended(failed, input(incident.KeyAlert))
	g.runs[0].events = f.history(input(incident.KeyAlert))
	_, err = other.Resolve(t.Context(), "i1", alex)
	require.ErrorContains(t, err, "read what i1 started with")
	assert.Empty(t, g.starts)
}
