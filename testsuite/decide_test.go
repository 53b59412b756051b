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
// it has changed.
func TestOneOfFiveDecisionsHolds(t *testing.T) {
	t.Parallel()
	s, in, _ := running(t)
	a := s.send(in.url, "datadog", fixture(t, "datadog", "triggered"))
	require.Equal(t, "enqueued", a.Status, a.raw)
	s.answered(a.Incident)
	op, ctx := s.onCall(), t.Context()
	s.find(a.Incident)
	s.stored([]string{"firing open"}, "SELECT status || ' ' || phase FROM incidents WHERE id = $1", a.Incident)
	open, err := op.Show(ctx, a.Incident)
	require.NoError(t, err)
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
		assert.Len(t, after.State.Actions, len(now.State.Actions)+1)
	}
}
