package testsuite

import (
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

// atOnce does the same five times at one moment.
func atOnce(do func(n int) error) [5]error {
	var wg sync.WaitGroup
	var errs [5]error
	for n := range errs {
		wg.Go(func() { errs[n] = do(n) })
	}
	wg.Wait()
	return errs
}

// TestOneOfFiveDecisionsHolds has five people decide about the same state of an
// incident at once: Temporal's order says who was first, and the others hear that
// it has changed. A rerun is made once.
func TestOneOfFiveDecisionsHolds(t *testing.T) {
	t.Parallel()
	s, in, _ := running(t)
	body := fixture(t, "datadog", "triggered")
	a := s.failing(in.url, "conversations.replies", body)
	op, ctx := s.onCall(), t.Context()
	for _, err := range atOnce(func(int) error {
		_, err := op.Rerun(ctx, a.Incident, contract.Decision{By: "alex"})
		return err
	}) {
		if err != nil {
			require.ErrorIs(t, err, operator.ErrChanged)
		}
	}
	s.answered(a.Incident)
	open, err := op.Show(ctx, a.Incident)
	require.NoError(t, err)
	assert.Len(t, s.runs(`WorkflowId = "`+open.WorkflowID+`"`), 2, "the one that failed and one that goes on")
	require.Len(t, open.State.Actions, 1)
	assert.Equal(t, contract.ActionRerun, open.State.Actions[0].Kind)
	s.stored([]string{strconv.FormatInt(open.State.Revision, 10)}, "SELECT version::text FROM incidents WHERE id = $1", a.Incident)

	for _, decide := range []func(d contract.Decision) error{
		func(d contract.Decision) error {
			_, err := op.Acknowledge(ctx, a.Incident, d)
			return err
		},
		func(d contract.Decision) error {
			_, err := op.Resolve(ctx, a.Incident, d)
			return err
		},
	} {
		now, err := op.Show(ctx, a.Incident)
		require.NoError(t, err)
		held := 0
		for _, err := range atOnce(func(n int) error {
			return decide(contract.Decision{By: "engineer " + strconv.Itoa(n), Revision: now.State.Revision})
		}) {
			if err == nil {
				held++
				continue
			}
			require.ErrorIs(t, err, operator.ErrState)
		}
		assert.Equal(t, 1, held)
		after, err := op.Show(ctx, a.Incident)
		require.NoError(t, err)
		decided := 0
		for _, action := range after.State.Actions {
			if action.Decided() && action.Kind != contract.ActionRerun {
				decided++
			}
		}
		assert.Equal(t, len(now.State.Actions), decided, "one more than before, when the rerun was all")
	}
}
