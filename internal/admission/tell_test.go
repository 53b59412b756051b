package admission

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// toTell opens a window and returns the second occurrence in it, which the
// incident has to be told of.
func toTell(t *testing.T, a *Admission) (Claim, Decision) {
	t.Helper()
	require.Equal(t, New, admit(t, a, claim(1)).Verdict)
	confirm(t, a, claim(1))
	second := claim(2)
	d := admit(t, a, second)
	want := Decision{Verdict: Repeat, WorkflowID: "wf-1", IncidentID: "inc-1", Count: 2, Tell: true, Local: d.Local}
	require.WithinDuration(t, d.WindowStart.Add(claim(1).Limits.Folds()), d.WindowEnd, time.Second)
	d.WindowStart, d.WindowEnd = time.Time{}, time.Time{} // its retry is not told them
	require.Equal(t, want, d)
	return second, d
}

// A repeat that the incident is told of is not taken before Confirm: its retry
// is not a duplicate, and does not count again.
func TestRepeatIsPendingUntilTold(t *testing.T) {
	t.Parallel()
	eachBackend(t, false, func(t *testing.T, a *Admission, _ func(time.Duration)) {
		second, d := toTell(t, a)
		assert.Equal(t, d, admit(t, a, second), "the process died before the incident was told")
		third := admit(t, a, claim(3))
		assert.EqualValues(t, 3, third.Count, "the retry did not count")
		assert.False(t, third.Tell)
		assert.Equal(t, Duplicate, admit(t, a, claim(3)).Verdict)
		assert.Equal(t, d, admit(t, a, second), "still its own count")

		confirm(t, a, second.For(d))
		assert.Equal(t, Duplicate, admit(t, a, second).Verdict)
		assert.EqualValues(t, 4, admit(t, a, claim(4)).Count)
		assert.True(t, admit(t, a, claim(5)).Tell)
	})
}

// The incident was closed: Abandon, and the same delivery opens the next one.
func TestRepeatOfAClosedIncident(t *testing.T) {
	t.Parallel()
	eachBackend(t, false, func(t *testing.T, a *Admission, _ func(time.Duration)) {
		second, d := toTell(t, a)
		require.NoError(t, a.Release(t.Context(), second.Source, second.Window, d.WorkflowID))
		// Died here: who told it nobody knows, and there is no window to count in.
		want := d
		want.Count = 0
		assert.Equal(t, want, admit(t, a, second))
		// Another opened the alert's next life under the same workflow id.
		next := claim(3)
		next.WorkflowID = "wf-1"
		require.Equal(t, New, admit(t, a, next).Verdict)
		assert.Equal(t, want, admit(t, a, second), "not an occurrence in a window of another life")

		require.NoError(t, a.Abandon(t.Context(), second.For(d)))
		got := admit(t, a, second)
		assert.Equal(t, Pending, got.Verdict, "the next life's window was not taken back with the delivery")
		assert.Equal(t, "inc-3", got.IncidentID)
		assert.EqualValues(t, 2, got.Count)
	})
}

// Confirm of a repeat is about the delivery alone.
func TestConfirmOfARepeatLeavesTheWindow(t *testing.T) {
	t.Parallel()
	eachBackend(t, true, func(t *testing.T, a *Admission, advance func(time.Duration)) {
		second, d := toTell(t, a)
		advance(4 * time.Minute)
		confirm(t, a, second.For(d))
		assert.Equal(t, Repeat, admit(t, a, claim(3)).Verdict)
		advance(time.Minute)
		require.Equal(t, New, admit(t, a, claim(4)).Verdict, "the window ended when it was to end")
		require.NoError(t, a.Abandon(t.Context(), claim(4)))
		confirm(t, a, second.For(d))
		assert.Equal(t, New, admit(t, a, claim(5)).Verdict, "and was not opened again")

		advance(defaultDeliveryTTL - time.Second)
		assert.Equal(t, Duplicate, admit(t, a, second).Verdict)
	})
}

// A mark that nobody confirms ends as every pending one does.
func TestRepeatToTellLapses(t *testing.T) {
	t.Parallel()
	eachBackend(t, true, func(t *testing.T, a *Admission, advance func(time.Duration)) {
		second, _ := toTell(t, a)
		advance(defaultPendingTTL - time.Second)
		assert.Equal(t, Repeat, admit(t, a, second).Verdict)
		advance(time.Second)
		assert.Equal(t, New, admit(t, a, second).Verdict)
	})
}

// What was to be told while Redis was away is pending there when it is back:
// counted once, and done only after Confirm, whichever process gets the retry.
func TestRepeatToTellOverAnOutage(t *testing.T) {
	t.Parallel()
	for name, told := range map[string]bool{"told": true, "killed before": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachServer(t, func(t *testing.T, addr string) {
				client := connect(t, addr)
				a := open(t, client)
				require.Equal(t, New, admit(t, a, claim(1)).Verdict)
				confirm(t, a, claim(1))
				a.outage.ctx, a.outage.stop = context.WithCancel(t.Context())
				a.outage.stop() // no probe ends this outage, Close does
				a.outage.begin(errors.New("away"))
				second := claim(2)
				d := admit(t, a, second)
				require.True(t, d.Local)
				require.True(t, d.Tell)
				assert.NotZero(t, d.WindowEnd)
				d.WindowStart, d.WindowEnd = time.Time{}, time.Time{} // its retry is not told them
				assert.Equal(t, d, admit(t, a, second), "its retry")
				if told {
					confirm(t, a, second.For(d))
					assert.Equal(t, Duplicate, admit(t, a, second).Verdict)
				}
				require.NoError(t, a.Close(t.Context()))
				assert.Zero(t, a.Stats().Dropped)

				fresh := open(t, client, func(o *Options) { o.Prefix = a.opts.Prefix })
				again := admit(t, fresh, second)
				if told {
					assert.Equal(t, Duplicate, again.Verdict)
				} else {
					d.Local = false
					assert.Equal(t, d, again)
				}
				assert.EqualValues(t, 3, admit(t, fresh, claim(3)).Count, "the retry did not count")
			})
		})
	}
}

// Memory keeps what Redis decided: a delivery that was to be told when Redis
// went away is still to be told.
func TestMemoryKnowsWhatIsToBeTold(t *testing.T) {
	t.Parallel()
	a := open(t, connect(t, embedded(t)))
	second, d := toTell(t, a)
	a.outage.away.Store(true)
	d.Local = true
	assert.Equal(t, d, admit(t, a, second))
	_, backlog := a.outage.state()
	assert.Zero(t, backlog, "Redis has counted it")
	a.outage.away.Store(false)
}

// The milestones stand in Go and in Lua; both mean the same counts.
func TestMilestonesAgree(t *testing.T) {
	t.Parallel()
	eachBackend(t, false, func(t *testing.T, a *Admission, _ func(time.Duration)) {
		c := claim(1)
		c.DeliveryID, c.SkipRate, c.Limits.WindowTTL = "", true, time.Hour
		confirm(t, a, c)
		if k := a.names.of(c); a.Stats().Away {
			win := a.memory.marks[k.window]
			win.count = 0
			a.memory.marks[k.window] = win
		} else {
			require.NoError(t, a.client.HSet(t.Context(), k.window, "n", 0).Err())
		}
		for n := int64(1); n <= 2000; n++ {
			d := admit(t, a, c)
			require.Equal(t, []any{Repeat, n, contract.Milestone(n)}, []any{d.Verdict, d.Count, d.Tell})
		}
	})
}

// Whoever meets a pending window may be the one that starts its incident. While
// nobody has said so, the incident is not taken to know of what is worse.
func TestAPendingWindowKnowsNoMoreThanTheMildest(t *testing.T) {
	t.Parallel()
	at := func(n, level int) Claim {
		c := claim(n)
		c.Level = level
		return c
	}
	eachBackend(t, false, func(t *testing.T, a *Admission, _ func(time.Duration)) {
		require.Equal(t, New, admit(t, a, at(1, 5)).Verdict) // dies before it starts anything
		require.Equal(t, Pending, admit(t, a, at(2, 4)).Verdict)
		require.False(t, admit(t, a, at(3, 4)).Raised)
		// The second has started it, and died before it could say so.
		assert.True(t, admit(t, a, at(1, 5)).Raised, "its sender's retry")
		assert.True(t, admit(t, a, at(4, 5)).Raised)

		require.False(t, admit(t, a, at(1, 3)).Raised, "a retry starts it as well")
		assert.True(t, admit(t, a, at(5, 4)).Raised)
	})
}

// An alert whose incident has closed lives on in another one, of which the old
// one's window knows nothing.
func TestAWindowOfAnotherLifeKnowsNoMoreThanTheMilder(t *testing.T) {
	t.Parallel()
	eachBackend(t, false, func(t *testing.T, a *Admission, _ func(time.Duration)) {
		first, next, worse := claim(1), claim(2), claim(3)
		first.Level, next.Level, worse.Level = 5, 2, 4
		next.WorkflowID = first.WorkflowID
		confirm(t, a, first) // and closed, while Redis was away from whoever closed it
		confirm(t, a, next)  // started by a process that did not know the window
		d := admit(t, a, worse)
		assert.Equal(t, []any{Repeat, true, true}, []any{d.Verdict, d.Tell, d.Raised})
		confirm(t, a, worse.For(d))
		again := claim(4)
		again.Level = 4
		assert.False(t, admit(t, a, again).Raised, "told once")
	})
}

// A level that was told while Redis was away is known there when it is back.
func TestLevelOverAnOutage(t *testing.T) {
	t.Parallel()
	for name, told := range map[string]bool{"told": true, "killed before": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachServer(t, func(t *testing.T, addr string) {
				client := connect(t, addr)
				a := open(t, client)
				first, worse, next := claim(1), claim(3), claim(4)
				first.Level, worse.Level, next.Level = 2, 4, 4
				require.Equal(t, New, admit(t, a, first).Verdict)
				confirm(t, a, first)
				second := claim(2)
				confirm(t, a, second.For(admit(t, a, second)))
				a.outage.ctx, a.outage.stop = context.WithCancel(t.Context())
				a.outage.stop() // no probe ends this outage, Close does
				a.outage.begin(errors.New("away"))
				d := admit(t, a, worse)
				require.Equal(t, []any{true, true, true, int64(3)}, []any{d.Local, d.Tell, d.Raised, d.Count})
				if told {
					confirm(t, a, worse.For(d))
					assert.False(t, admit(t, a, next).Raised)
				}
				require.NoError(t, a.Close(t.Context()))

				fresh := open(t, client, func(o *Options) { o.Prefix = a.opts.Prefix })
				again := admit(t, fresh, worse)
				if told {
					assert.Equal(t, Duplicate, again.Verdict)
				} else {
					assert.Equal(t, []any{Repeat, true, true}, []any{again.Verdict, again.Tell, again.Raised})
				}
				last := claim(5)
				last.Level = 4
				assert.Equal(t, !told, admit(t, fresh, last).Raised)
			})
		})
	}
}
