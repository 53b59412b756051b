package admission

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// claim is an alert of the window "w" as delivery n.
func claim(n int) Claim {
	return Claim{
		Source: "datadog-prod", WorkflowID: fmt.Sprintf("wf-%d", n), IncidentID: fmt.Sprintf("inc-%d", n),
		DeliveryID: fmt.Sprintf("delivery-%d", n), Window: "w",
	}
}

func admit(t testing.TB, a *Admission, c Claim) Decision {
	t.Helper()
	d, err := a.Admit(t.Context(), c, contract.Delivery{ID: c.DeliveryID, Source: c.Source})
	require.NoError(t, err)
	return d
}

func confirm(t testing.TB, a *Admission, c Claim) {
	t.Helper()
	require.NoError(t, a.Confirm(t.Context(), c, contract.Delivery{ID: c.DeliveryID, Source: c.Source}))
}

func TestCrashBetweenClaimAndStart(t *testing.T) {
	t.Parallel()
	eachBackend(t, true, func(t *testing.T, a *Admission, advance func(time.Duration)) {
		first := claim(1)
		require.Equal(t, New, admit(t, a, first).Verdict)

		// The process dies here. The sender sends the delivery again, and the
		// alert comes as another delivery with an id of its own: both are told
		// to start what was claimed.
		retry := first
		retry.WorkflowID, retry.IncidentID = "wf-other", "inc-other"
		d := admit(t, a, retry)
		assert.Equal(t, Pending, d.Verdict)
		assert.Equal(t, "wf-1", d.WorkflowID)
		assert.Equal(t, "inc-1", d.IncidentID)
		assert.EqualValues(t, 1, d.Count, "the same delivery is one occurrence")

		other := claim(2)
		d = admit(t, a, other)
		assert.Equal(t, Pending, d.Verdict)
		assert.Equal(t, "wf-1", d.WorkflowID)
		assert.EqualValues(t, 2, d.Count)
		assert.EqualValues(t, 2, admit(t, a, other).Count, "its retry is not a third")

		// Nobody ever confirms: the window is not left shut.
		advance(defaultPendingTTL - time.Second)
		assert.Equal(t, Pending, admit(t, a, claim(3)).Verdict)
		advance(time.Second)
		d = admit(t, a, claim(4))
		assert.Equal(t, New, d.Verdict, "an alert was swallowed by a claim that nothing came of")
		assert.Equal(t, "wf-4", d.WorkflowID)
	})
}

func TestConfirmOpens(t *testing.T) {
	t.Parallel()
	eachBackend(t, true, func(t *testing.T, a *Admission, advance func(time.Duration)) {
		first := claim(1)
		require.Equal(t, New, admit(t, a, first).Verdict)
		confirm(t, a, first)

		retry := first
		retry.WorkflowID = "wf-other"
		d := admit(t, a, retry)
		assert.Equal(t, Duplicate, d.Verdict)
		assert.Equal(t, "wf-1", d.WorkflowID)

		d = admit(t, a, claim(2))
		assert.Equal(t, Repeat, d.Verdict)
		assert.Equal(t, "wf-1", d.WorkflowID)
		assert.Equal(t, "inc-1", d.IncidentID)
		assert.EqualValues(t, 2, d.Count)
		assert.Equal(t, Repeat, admit(t, a, claim(3)).Verdict)
		assert.Equal(t, Duplicate, admit(t, a, claim(3)).Verdict, "the delivery of a repeat that nobody is told of is done")

		// The window does not slide: a repeat and a second confirm late in it
		// leave its end where it was.
		advance(4 * time.Minute)
		assert.Equal(t, Repeat, admit(t, a, claim(4)).Verdict)
		confirm(t, a, claim(4).For(Decision{WorkflowID: "wf-1", IncidentID: "inc-1"}))
		advance(time.Minute)
		d = admit(t, a, claim(5))
		assert.Equal(t, New, d.Verdict, "the alert that fires again after the window is analysed again")
		assert.EqualValues(t, 1, d.Count)

		// The delivery is remembered for its whole day.
		advance(defaultDeliveryTTL - 6*time.Minute)
		assert.Equal(t, Duplicate, admit(t, a, first).Verdict)
		advance(2 * time.Minute)
		assert.Equal(t, New, admit(t, a, first).Verdict)
	})
}

func TestWindowReopensOnRealServer(t *testing.T) {
	t.Parallel()
	a := open(t, connect(t, sharedServer(t)))
	c := claim(1)
	c.DeliveryID, c.Limits.WindowTTL = "", 150*time.Millisecond
	require.Equal(t, New, admit(t, a, c).Verdict)
	confirm(t, a, c)
	require.Eventually(t, func() bool { return admit(t, a, c).Verdict == New }, patience, 10*time.Millisecond)
}

func TestAbandon(t *testing.T) {
	t.Parallel()
	eachBackend(t, false, func(t *testing.T, a *Admission, _ func(time.Duration)) {
		first := claim(1)
		require.Equal(t, New, admit(t, a, first).Verdict)
		require.NoError(t, a.Abandon(t.Context(), first))
		require.Equal(t, New, admit(t, a, first).Verdict, "the retry is let in at once")

		foreign := first
		foreign.WorkflowID = "wf-other"
		require.NoError(t, a.Abandon(t.Context(), foreign))
		assert.Equal(t, Pending, admit(t, a, first).Verdict, "another's marks stay")

		confirm(t, a, first)
		require.NoError(t, a.Abandon(t.Context(), first))
		assert.Equal(t, Duplicate, admit(t, a, first).Verdict, "what was confirmed stays")
		assert.Equal(t, Repeat, admit(t, a, claim(2)).Verdict)
	})
}

func TestConfirmLeavesAnotherWorkflowsWindow(t *testing.T) {
	t.Parallel()
	eachBackend(t, true, func(t *testing.T, a *Admission, advance func(time.Duration)) {
		late := claim(1)
		require.Equal(t, New, admit(t, a, late).Verdict)
		advance(defaultPendingTTL)
		require.Equal(t, New, admit(t, a, claim(2)).Verdict)
		confirm(t, a, late)
		d := admit(t, a, claim(3))
		assert.Equal(t, Pending, d.Verdict)
		assert.Equal(t, "wf-2", d.WorkflowID)
		assert.Equal(t, Duplicate, admit(t, a, late).Verdict, "its own delivery is done all the same")
	})
}

func TestConfirmWithoutMarksOpens(t *testing.T) {
	t.Parallel()
	eachBackend(t, false, func(t *testing.T, a *Admission, _ func(time.Duration)) {
		confirm(t, a, claim(1)) // Redis was flushed in between
		d := admit(t, a, claim(2))
		assert.Equal(t, Repeat, d.Verdict)
		assert.EqualValues(t, 2, d.Count)
	})
}

func TestReleaseAndLookup(t *testing.T) {
	t.Parallel()
	eachBackend(t, true, func(t *testing.T, a *Admission, advance func(time.Duration)) {
		ctx := t.Context()
		c := claim(1)
		require.Equal(t, New, admit(t, a, c).Verdict)
		workflow, incident, found, err := a.Lookup(ctx, c.Source, c.Window)
		require.NoError(t, err)
		require.True(t, found, "a resolve can overtake the confirm")
		assert.Equal(t, []string{"wf-1", "inc-1"}, []string{workflow, incident})
		confirm(t, a, c)

		require.NoError(t, a.Release(ctx, c.Source, c.Window, "wf-other"))
		assert.Equal(t, Repeat, admit(t, a, claim(2)).Verdict)
		require.NoError(t, a.Release(ctx, c.Source, c.Window, "wf-1"))
		assert.Equal(t, Duplicate, admit(t, a, c).Verdict, "deliveries stay known")
		workflow, _, found, err = a.Lookup(ctx, c.Source, c.Window)
		require.NoError(t, err)
		require.True(t, found)
		assert.Equal(t, "wf-1", workflow, "the last incident is found after its window")
		assert.Equal(t, New, admit(t, a, claim(3)).Verdict)
		confirm(t, a, claim(3))

		advance(6 * 24 * time.Hour)
		workflow, incident, found, err = a.Lookup(ctx, c.Source, c.Window)
		require.NoError(t, err)
		require.True(t, found)
		assert.Equal(t, []string{"wf-3", "inc-3"}, []string{workflow, incident})

		_, _, found, err = a.Lookup(ctx, c.Source, "")
		require.NoError(t, err)
		assert.False(t, found)
		advance(24 * time.Hour)
		_, _, found, err = a.Lookup(ctx, c.Source, c.Window)
		assert.False(t, found)
		if a.Stats().Away {
			assert.ErrorIs(t, err, ErrUnavailable)
		} else {
			assert.NoError(t, err)
		}
	})
}

func TestSkippedLayers(t *testing.T) {
	t.Parallel()
	eachBackend(t, false, func(t *testing.T, a *Admission, _ func(time.Duration)) {
		question := claim(1)
		question.Window = ""
		require.Equal(t, New, admit(t, a, question).Verdict)
		other := claim(2)
		other.Window = ""
		assert.Equal(t, New, admit(t, a, other).Verdict, "claims without a window do not fold into one another")
		confirm(t, a, question)
		assert.Equal(t, Duplicate, admit(t, a, question).Verdict)

		bare := Claim{Source: "s", WorkflowID: "wf"}
		assert.Equal(t, New, admit(t, a, bare).Verdict)
		confirm(t, a, bare)
		assert.Equal(t, New, admit(t, a, bare).Verdict, "with neither layer only the workflow id decides")
	})
}

func TestStormHasOneNew(t *testing.T) {
	t.Parallel()
	eachBackend(t, false, func(t *testing.T, a *Admission, _ func(time.Duration)) {
		const storm = 1000
		limits := Limits{RatePerMin: 1, Burst: 1} // repeats draw nothing from the bucket
		limits.HardCap = 2 * storm
		decisions := make([]Decision, storm)
		gate := make(chan struct{})
		var wg sync.WaitGroup
		for i := range storm {
			wg.Go(func() {
				<-gate
				c := claim(i)
				c.Limits = limits
				decisions[i] = admit(t, a, c)
				if v := decisions[i].Verdict; v == New || v == Pending {
					confirm(t, a, c.For(decisions[i]))
				}
			})
		}
		close(gate)
		wg.Wait()

		verdicts := map[Verdict]int{}
		counts := make([]int64, 0, storm)
		owner := ""
		for _, d := range decisions {
			verdicts[d.Verdict]++
			counts = append(counts, d.Count)
			if d.Verdict == New {
				owner = d.WorkflowID
			}
		}
		assert.Equal(t, 1, verdicts[New])
		assert.Equal(t, storm-1, verdicts[Pending]+verdicts[Repeat])
		for _, d := range decisions {
			assert.Equal(t, a.Stats().Away, d.Local)
			assert.Equal(t, owner, d.WorkflowID)
		}
		slices.Sort(counts)
		for i, n := range counts {
			require.EqualValues(t, i+1, n, "counts have no gap")
		}
	})
}

func TestAdmitRefusesWhatIsNoClaim(t *testing.T) {
	t.Parallel()
	eachBackend(t, false, func(t *testing.T, a *Admission, _ func(time.Duration)) {
		for _, c := range []Claim{{}, {Source: "s"}, {WorkflowID: "w"}} {
			_, err := a.Admit(t.Context(), c, contract.Delivery{})
			require.Error(t, err)
			require.Error(t, a.Confirm(t.Context(), c, contract.Delivery{}))
			require.Error(t, a.Abandon(t.Context(), c))
		}
	})
}
