package admission

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A drainer that is killed with an entry in hand leaves it to the next.
func TestKilledDrainerLosesNothing(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		client := connect(t, addr)
		a := open(t, client)
		for i := range 5 {
			spool(t, a, "wf", fmt.Sprint(i))
		}
		// Killed: its connection is cut while the handler has the third entry,
		// so neither the entry is removed nor the lease given back.
		doomedClient := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
		doomed := open(t, doomedClient, func(o *Options) { o.Prefix = a.opts.Prefix })
		doomed.timing.grace = time.Millisecond
		cut := make(chan struct{})
		stopDoomed := background(t, func(ctx context.Context) error {
			return doomed.Drain(ctx, "same-name", func(_ context.Context, it Item) error {
				if string(it.Sealed) == "2" {
					_ = doomedClient.Close()
					close(cut)
				}
				return nil
			})
		})
		<-cut
		stopDoomed()

		s := newSink()
		background(t, func(ctx context.Context) error {
			return a.Drain(ctx, "same-name", func(_ context.Context, it Item) error {
				s.enter(it)
				s.leave(it, true)
				return nil
			})
		})
		empty(t, client, a.names.spool())
		assert.Equal(t, []string{"2", "3", "4"}, s.taken("wf"))
	})
}

// A drainer that lost its lease, because it hung or was cut off, is stopped.
func TestLostLeaseStopsHandler(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		client := connect(t, addr)
		a := open(t, client)
		a.timing.leaseTTL = 30 * time.Millisecond
		spool(t, a, "wf", "x")
		inHand := make(chan struct{})
		cause := make(chan error, 1)
		var once sync.Once
		background(t, func(ctx context.Context) error {
			return a.Drain(ctx, "d", func(ctx context.Context, _ Item) error {
				once.Do(func() {
					close(inHand)
					<-ctx.Done()
					cause <- context.Cause(ctx)
				})
				return nil
			})
		})
		<-inHand
		// Until then the lease was renewed; now it is another's.
		require.NoError(t, client.Set(t.Context(), a.names.lease(a.names.spool()), "another", time.Minute).Err())
		select {
		case err := <-cause:
			require.ErrorIs(t, err, errLeaseLost)
		case <-time.After(patience):
			t.Fatal("the handler went on")
		}
	})
}

func TestDrainStopsWithTheEntryInHandFinished(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		client := connect(t, addr)
		a := open(t, client)
		spool(t, a, "wf", "1")
		spool(t, a, "wf", "2")
		inHand, finish := make(chan struct{}), make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- a.Drain(ctx, "d", func(ctx context.Context, _ Item) error {
				close(inHand)
				<-finish
				return ctx.Err() // not cancelled, although Drain was told to stop
			})
		}()
		<-inHand
		cancel()
		close(finish)
		require.NoError(t, <-ended)
		left, err := client.XRange(t.Context(), a.names.spool(), "-", "+").Result()
		require.NoError(t, err)
		require.Len(t, left, 1)
		assert.Equal(t, "2", left[0].Values["sealed"])
		held, err := client.Exists(t.Context(), a.names.lease(a.names.spool())).Result()
		require.NoError(t, err)
		assert.Zero(t, held, "the lease is given back")
	})
}

func TestFlushedRedisIsNoEnd(t *testing.T) {
	t.Parallel()
	own := ownServer(t)
	client := connect(t, own.addr)
	a := open(t, client)
	s := newSink()
	background(t, func(ctx context.Context) error {
		return a.Drain(ctx, "d", func(_ context.Context, it Item) error {
			s.enter(it)
			s.leave(it, true)
			return nil
		})
	})
	spool(t, a, "wf", "before")
	empty(t, client, a.names.spool())
	require.NoError(t, client.FlushAll(t.Context()).Err())
	require.NoError(t, client.ScriptFlush(t.Context()).Err())
	spool(t, a, "wf", "after")
	require.Eventually(t, func() bool { return len(s.taken("wf")) == 2 }, patience, 5*time.Millisecond)
	assert.Equal(t, []string{"before", "after"}, s.taken("wf"))
}

// Waiting costs a command every three minutes: each wait is one blocking read of
// three minutes, and nothing else is sent.
func TestIdleCost(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		run := func(block time.Duration, enough int) map[string]int {
			client := connect(t, addr)
			hook := &commands{}
			client.AddHook(hook)
			a := open(t, client)
			if block > 0 {
				a.timing.block = block
			}
			stop := background(t, func(ctx context.Context) error {
				return a.Drain(ctx, "d", func(context.Context, Item) error { return nil })
			})
			require.Eventually(t, func() bool { return hook.total() >= enough }, patience, time.Millisecond)
			stop()
			hook.mu.Lock()
			defer hook.mu.Unlock()
			want := "180000"
			if block > 0 {
				want = fmt.Sprint(block.Milliseconds())
			}
			for _, args := range hook.args {
				assert.Contains(t, fmt.Sprintln(args...), "block "+want+" ")
			}
			return hook.counts
		}
		assert.Equal(t, map[string]int{"xread": 1}, run(0, 1))
		short := run(time.Millisecond, 20)
		assert.Len(t, short, 1, "only reads, however often they end without an entry")
	})
}
