package operator_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

var onCall = audit.Actor{Person: "alex", Via: audit.ViaCLI}

func TestSnoozeIsToldToTheIncidentThatRuns(t *testing.T) {
	t.Parallel()
	for _, length := range []time.Duration{contract.MinSnooze, 2 * time.Hour, contract.MaxSnooze} {
		op, f := setup(t, &run{workflow: "a:x:1", incident: "i1"})
		s := contract.Snooze{Actor: onCall, Until: time.Now().Add(length), Reason: "known"}
		_, err := op.Snooze(t.Context(), "i1", s)
		require.NoError(t, err)
		require.Len(t, f.updates, 1)
		assert.Equal(t, contract.UpdateSnooze, f.updates[0].UpdateName)
		require.Len(t, f.updates[0].Args, 1)
		told, ok := f.updates[0].Args[0].(contract.Snooze)
		require.True(t, ok)
		assert.Equal(t, "run-1", told.Run)
		assert.NotZero(t, told.At)
		told.Made = contract.Made{}
		assert.Equal(t, s, told)
	}
}

func TestSnoozeThatIsRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []contract.Snooze{
		{Actor: onCall, Until: time.Now().Add(30 * time.Second)},
		{Actor: onCall, Until: time.Now().Add(-time.Hour)},
		{Actor: onCall, Until: time.Now().Add(contract.MaxSnooze + time.Minute)},
		{Until: time.Now().Add(time.Hour)},
	} {
		op, f := setup(t, &run{workflow: "a:x:1", incident: "i1"})
		_, err := op.Snooze(t.Context(), "i1", s)
		require.ErrorIs(t, err, operator.ErrSnooze)
		assert.Empty(t, f.updates)
	}
	good := contract.Snooze{Actor: onCall, Until: time.Now().Add(time.Hour)}
	for says, r := range map[string]*run{
		"nothing to keep quiet": {workflow: "a:x:1", incident: "i1", execution: failed},
		"is closed already":     {workflow: "a:x:1", incident: "i1", execution: completed},
	} {
		op, f := setup(t, r)
		_, err := op.Snooze(t.Context(), "i1", good)
		require.ErrorIs(t, err, operator.ErrState)
		require.ErrorContains(t, err, says)
		assert.Empty(t, f.updates)
	}
	op, _ := setup(t)
	_, err := op.Snooze(t.Context(), "i1", good)
	require.ErrorIs(t, err, operator.ErrNotFound)
}

func TestReleaseSilenceTellsEveryIncident(t *testing.T) {
	t.Parallel()
	op, f := setup(t, &run{workflow: "a:x:1", incident: "i1"}, &run{workflow: "a:x:2", incident: "i2"}, &run{workflow: "a:x:3", incident: "i3"})
	f.signalErr = map[string]error{"a:x:2": serviceerror.NewNotFound("workflow execution already completed")}
	e := contract.SilenceEnded{ID: "s1", Actor: onCall, Reason: "done"}
	told, err := op.ReleaseSilence(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, 2, told, "one closed meanwhile")
	require.Len(t, f.signals, 2)
	for _, s := range f.signals {
		assert.Equal(t, contract.SignalSilenceEnded, s.name)
		assert.Equal(t, e, s.arg)
	}
	f.signalErr["a:x:1"] = errors.New("away")
	_, err = op.ReleaseSilence(t.Context(), e)
	require.ErrorContains(t, err, "away")
}
