package operator_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

var alex = contract.Decision{By: "alex", Reason: "rolled back"}

// decide makes both decisions, one after the other, on Temporals of the same kind.
func decide(t *testing.T, d contract.Decision, build func(*temporal), check func(t *testing.T, name string, f *temporal, state contract.TriageState, err error)) {
	t.Helper()
	for _, name := range []string{contract.UpdateAcknowledge, contract.UpdateResolve} {
		op, f := setup(t)
		build(f)
		do := op.Acknowledge
		if name == contract.UpdateResolve {
			do = op.Resolve
		}
		state, err := do(t.Context(), "i1", d)
		check(t, name, f, state, err)
	}
}

func TestDecisionsAreToldToTheIncidentThatRuns(t *testing.T) {
	t.Parallel()
	decide(t, alex, func(f *temporal) { f.add(&run{workflow: "a:x:1", incident: "i1"}) },
		func(t *testing.T, name string, f *temporal, state contract.TriageState, err error) {
			t.Helper()
			require.NoError(t, err)
			assert.Equal(t, contract.Phase("updated"), state.Phase)
			require.Len(t, f.updates, 1)
			assert.Equal(t, name, f.updates[0].UpdateName)
			assert.Equal(t, "a:x:1", f.updates[0].WorkflowID)
			assert.Equal(t, "run-1", f.updates[0].RunID, "never the run of another incident")
			require.Len(t, f.updates[0].Args, 1)
			told, ok := f.updates[0].Args[0].(contract.Decision)
			require.True(t, ok)
			assert.Equal(t, "run-1", told.Run)
			assert.NotZero(t, told.At)
			told.Made = contract.Made{}
			assert.Equal(t, alex, told)
			assert.Empty(t, f.starts)
		})
}

func TestDecisionsOnWhatIsClosedAreRefused(t *testing.T) {
	t.Parallel()
	for _, runs := range [][]*run{
		{{workflow: "a:x:1", incident: "i1", execution: completed}},
		{{workflow: "a:x:1", incident: "i1", execution: canceled}},
		{{workflow: "a:x:1", incident: "i1", execution: failed}, {workflow: "a:x:1", incident: "i1", execution: completed, unlisted: true}},
		{{workflow: "a:x:1", incident: "i1", execution: completed}, {workflow: "a:x:1", incident: "i2"}},
	} {
		decide(t, alex, func(f *temporal) {
			for _, r := range runs {
				again := *r
				f.add(&again)
			}
		}, func(t *testing.T, _ string, f *temporal, _ contract.TriageState, err error) {
			t.Helper()
			require.ErrorIs(t, err, operator.ErrState)
			require.ErrorContains(t, err, "i1 is closed already")
			assert.Empty(t, f.updates)
			assert.Empty(t, f.starts)
			if len(runs) == 2 && runs[1].incident == "i2" {
				assert.ErrorContains(t, err, "newer incident: i2")
			}
		})
	}
}

func TestDecisionsNeedSomebody(t *testing.T) {
	t.Parallel()
	decide(t, contract.Decision{By: " "}, func(f *temporal) { f.add(&run{workflow: "a:x:1", incident: "i1", execution: failed}) },
		func(t *testing.T, _ string, f *temporal, _ contract.TriageState, err error) {
			t.Helper()
			require.ErrorContains(t, err, "who decides")
			assert.Empty(t, f.starts)
		})
}

func TestDecisionsThatTemporalRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err            error
		state, changed bool
	}{
		{serviceerror.NewNotFound("workflow execution already completed"), true, true},
		{sdk.NewApplicationError("the incident has changed since", contract.ErrorChanged), true, true},
		{sdk.NewApplicationError("the incident is resolved already, by sam", contract.ErrorState), true, false},
		{errors.New("the worker is on fire"), false, false},
	} {
		decide(t, alex, func(f *temporal) {
			f.add(&run{workflow: "a:x:1", incident: "i1"})
			f.updateErr = tt.err
		}, func(t *testing.T, _ string, _ *temporal, _ contract.TriageState, err error) {
			t.Helper()
			require.Error(t, err)
			assert.Equal(t, tt.state, errors.Is(err, operator.ErrState))
			assert.Equal(t, tt.changed, errors.Is(err, operator.ErrChanged))
			assert.Equal(t, !tt.state, errors.Is(err, tt.err))
		})
	}
}

func TestAFailedIncidentIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		runs []*run
		says []string
		not  string
	}{
		{"failed", []*run{{workflow: "a:x:1", incident: "i1", execution: failed}}, []string{"has failed", "nerve incidents rerun i1", "nerve incidents resolve i1"}, "newer"},
		{"timed out", []*run{{workflow: "a:x:1", incident: "i1", execution: timedOut}}, []string{"has timed out", "nerve incidents resolve i1"}, "rerun"},
		{"fired again", []*run{{workflow: "a:x:1", incident: "i1", execution: failed}, {workflow: "a:x:1", incident: "i2"}}, []string{"has failed", "nerve incidents resolve i1", "newer incident: i2"}, "rerun"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			op, f := setup(t, tt.runs...)
			_, err := op.Acknowledge(t.Context(), "i1", alex)
			require.ErrorIs(t, err, operator.ErrState)
			for _, s := range tt.says {
				require.ErrorContains(t, err, s)
			}
			assert.NotContains(t, err.Error(), tt.not)
			assert.Empty(t, f.updates)
		})
	}
}
