package admission

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// buried spools commands that no key opens, and waits until they are dead letters.
func buried(t *testing.T, a *Admission, client *redis.Client, n int) {
	t.Helper()
	for i := range n {
		spool(t, a, fmt.Sprintf("wf-%d", i%3), fmt.Sprint(i))
	}
	stop := background(t, func(ctx context.Context) error {
		return a.Drain(ctx, "d", func(context.Context, Item) error { return fmt.Errorf("%w: no key", ErrPoison) })
	})
	empty(t, client, a.names.spool())
	stop()
}

func TestDeadLettersAreRevived(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		ctx, client := t.Context(), connect(t, addr)
		a := open(t, client)
		const n = revivePage + 7
		buried(t, a, client, n)
		dead, err := a.DeadLetters(ctx, QueueSpool)
		require.NoError(t, err)
		require.Len(t, dead, n)
		for _, d := range dead {
			assert.Contains(t, d.Reason, "no key")
			assert.Contains(t, d.WorkflowID, "wf-")
			assert.Positive(t, d.Size)
			assert.False(t, d.QueuedAt.IsZero() || d.BuriedAt.Before(d.QueuedAt))
		}

		moved, err := a.Revive(ctx, QueueSpool, dead[:1])
		require.NoError(t, err)
		assert.Equal(t, 1, moved)
		moved, err = a.Revive(ctx, QueueSpool, dead)
		require.NoError(t, err)
		assert.Equal(t, n-1, moved, "the first was moved before")
		moved, err = a.Revive(ctx, QueueSpool, dead)
		require.NoError(t, err)
		assert.Zero(t, moved, "once more changes nothing")
		depth, err := a.Depth(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, n, depth)
		left, err := a.DeadLetters(ctx, QueueSpool)
		require.NoError(t, err)
		assert.Empty(t, left)

		s := newSink()
		background(t, func(ctx context.Context) error {
			return a.Drain(ctx, "d", func(_ context.Context, it Item) error { s.enter(it); s.leave(it, true); return nil })
		})
		empty(t, client, a.names.spool())
		for w := range 3 {
			var want []string
			for i := w; i < n; i += 3 {
				want = append(want, fmt.Sprint(i))
			}
			assert.Equal(t, want, s.taken(fmt.Sprintf("wf-%d", w)), "as they were, in order")
		}
	})
}

func TestReviveStopsAtAFullStream(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		ctx, client := t.Context(), connect(t, addr)
		a := open(t, client, func(o *Options) { o.MaxSpool = 5 })
		buried(t, a, client, 5)
		spool(t, a, "wf", "live")
		dead, err := a.DeadLetters(ctx, QueueSpool)
		require.NoError(t, err)
		moved, err := a.Revive(ctx, QueueSpool, dead)
		require.ErrorIs(t, err, ErrFull)
		assert.Equal(t, 4, moved)
		left, err := a.DeadLetters(ctx, QueueSpool)
		require.NoError(t, err)
		assert.Equal(t, dead[4:], left)
	})
}

func TestDeadDeliveriesAreRevived(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		ctx, client := t.Context(), connect(t, addr)
		a := open(t, client)
		require.NoError(t, a.Log(ctx, contract.Delivery{ID: "d1", Source: "s", WorkflowID: "wf"}))
		require.NoError(t, client.XAdd(ctx, &redis.XAddArgs{Stream: a.opts.DeliveryStream, Values: []string{"foreign", "1"}}).Err())
		var mended atomic.Bool
		got := make(chan string, 1)
		background(t, func(ctx context.Context) error {
			return a.Consume(ctx, "c", func(_ context.Context, batch []contract.Delivery) error {
				if !mended.Load() {
					return ErrPoison
				}
				got <- batch[0].ID
				return nil
			})
		})
		empty(t, client, a.opts.DeliveryStream)
		dead, err := a.DeadLetters(ctx, QueueDeliveries)
		require.NoError(t, err)
		require.Len(t, dead, 2)
		ids := []string{dead[0].DeliveryID, dead[1].DeliveryID}
		assert.ElementsMatch(t, []string{"d1", ""}, ids)
		mended.Store(true)
		moved, err := a.Revive(ctx, QueueDeliveries, dead)
		require.NoError(t, err)
		assert.Equal(t, 2, moved)
		assert.Equal(t, "d1", <-got)
		require.Eventually(t, func() bool { // what nobody can read comes back
			left, err := a.DeadLetters(ctx, QueueDeliveries)
			return err == nil && len(left) == 1 && left[0].DeliveryID == ""
		}, patience, 5*time.Millisecond)
	})
}

func TestDeadLettersFail(t *testing.T) {
	t.Parallel()
	gone := open(t, connect(t, "127.0.0.1:1"))
	_, err := gone.DeadLetters(t.Context(), QueueSpool)
	require.ErrorIs(t, err, ErrUnavailable)
	_, err = gone.Revive(t.Context(), QueueSpool, []DeadLetter{{ID: "1-1"}})
	require.ErrorIs(t, err, ErrUnavailable)
	_, err = gone.DeadLetters(t.Context(), "other")
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrUnavailable)
}
