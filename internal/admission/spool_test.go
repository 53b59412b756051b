package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
)

func spool(t testing.TB, a *Admission, workflowID, body string) {
	t.Helper()
	require.NoError(t, a.Spool(t.Context(), contract.Command{WorkflowID: workflowID}, []byte(body)))
}

// sink collects what a handler was given, per workflow id.
type sink struct {
	mu   sync.Mutex
	got  map[string][]string
	busy map[string]int
	bad  []string
}

func newSink() *sink { return &sink{got: map[string][]string{}, busy: map[string]int{}} }

// enter notes that an item is being handled; two of one workflow id at once are
// a fault.
func (s *sink) enter(it Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[it.WorkflowID]++; s.busy[it.WorkflowID] > 1 {
		s.bad = append(s.bad, "concurrent "+it.WorkflowID)
	}
}

func (s *sink) leave(it Item, taken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[it.WorkflowID]--
	if taken {
		s.got[it.WorkflowID] = append(s.got[it.WorkflowID], string(it.Sealed))
	}
}

func (s *sink) taken(workflowID string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got[workflowID])
}

func (s *sink) faults() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bad)
}

// background runs f until the returned stop is called, which waits for it.
func background(t *testing.T, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-ended:
				require.NoError(t, err)
			case <-time.After(patience):
				t.Error("it did not stop")
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// empty waits until nothing is left in a stream.
func empty(t *testing.T, client *redis.Client, stream string) {
	t.Helper()
	require.Eventually(t, func() bool {
		n, err := client.XLen(t.Context(), stream).Result()
		return err == nil && n == 0
	}, patience, 5*time.Millisecond)
}

// eachServer runs a test of the streams on the embedded Redis and on a real one.
func eachServer(t *testing.T, test func(t *testing.T, addr string)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, embedded(t))
	})
	t.Run("redis-server", func(t *testing.T) {
		t.Parallel()
		test(t, sharedServer(t))
	})
}

func TestSpoolRefuses(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		ctx := t.Context()
		client := connect(t, addr)
		a := open(t, client, func(o *Options) { o.MaxSpool = 2 })
		cmd := contract.Command{WorkflowID: "wf"}
		spool(t, a, "wf", "one")
		spool(t, a, "wf", "two")
		require.ErrorIs(t, a.Spool(ctx, cmd, []byte("three")), ErrSpoolFull)
		depth, err := a.Depth(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, 2, depth, "the full spool forgot nothing")

		require.Error(t, a.Spool(ctx, contract.Command{}, []byte("x")))
		require.Error(t, a.Spool(ctx, cmd, nil))

		volatile := open(t, client, func(o *Options) { o.Durable = false })
		require.ErrorIs(t, volatile.Spool(ctx, cmd, []byte("x")), ErrNotDurable)

		gone := open(t, connect(t, "127.0.0.1:1"))
		require.ErrorIs(t, gone.Spool(ctx, cmd, []byte("x")), ErrUnavailable)
		_, err = gone.Depth(ctx)
		require.ErrorIs(t, err, ErrUnavailable)
		require.ErrorIs(t, gone.Ping(ctx), ErrUnavailable)
		require.NoError(t, a.Ping(ctx))
	})
}

// Three drainers share a spool; handlers fail at random moments; each workflow's
// commands still arrive one at a time and in order.
func TestDrainKeepsOrder(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		client := connect(t, addr)
		a := open(t, client)
		const keys, each = 20, 30
		s := newSink()
		var failures atomic.Int64
		handle := func(_ context.Context, it Item) error {
			s.enter(it)
			fail := failures.Add(1)%17 == 0
			s.leave(it, !fail)
			if fail {
				return errors.New("not now")
			}
			return nil
		}
		for i := range each / 2 {
			for k := range keys {
				spool(t, a, fmt.Sprintf("wf-%d", k), fmt.Sprint(i))
			}
		}
		for i := range 3 {
			other := open(t, client, func(o *Options) { o.Prefix = a.opts.Prefix })
			background(t, func(ctx context.Context) error { return other.Drain(ctx, fmt.Sprint("drainer-", i), handle) })
		}
		for i := each / 2; i < each; i++ {
			for k := range keys {
				spool(t, a, fmt.Sprintf("wf-%d", k), fmt.Sprint(i))
			}
		}
		empty(t, client, a.names.spool())
		want := make([]string, each)
		for i := range want {
			want[i] = fmt.Sprint(i)
		}
		for k := range keys {
			assert.Equal(t, want, s.taken(fmt.Sprintf("wf-%d", k)))
		}
		assert.Empty(t, s.faults())
	})
}

// One workflow that cannot be started does not hold up the others.
func TestDrainGoesPastWhatIsStuck(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		client := connect(t, addr)
		a := open(t, client)
		other := "wf-0"
		for i := 1; laneOf(other) == laneOf("stuck"); i++ {
			other = fmt.Sprintf("wf-%d", i)
		}
		for range drainPage + 10 {
			spool(t, a, "stuck", "x")
		}
		spool(t, a, other, "y")
		var mended atomic.Bool
		s := newSink()
		background(t, func(ctx context.Context) error {
			return a.Drain(ctx, "d", func(_ context.Context, it Item) error {
				s.enter(it)
				ok := it.WorkflowID != "stuck" || mended.Load()
				s.leave(it, ok)
				if !ok {
					return errors.New("stuck")
				}
				return nil
			})
		})
		require.Eventually(t, func() bool { return len(s.taken(other)) == 1 }, patience, 5*time.Millisecond)
		assert.Empty(t, s.taken("stuck"))
		mended.Store(true)
		empty(t, client, a.names.spool())
		assert.Len(t, s.taken("stuck"), drainPage+10)
		assert.Empty(t, s.faults())
	})
}

func TestPoisonIsBuried(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		ctx := t.Context()
		client := connect(t, addr)
		logged := &records{}
		a := open(t, client, logTo(logged))
		spool(t, a, "wf", "good")
		spool(t, a, "wf", "bad")
		require.NoError(t, client.XAdd(ctx, &redis.XAddArgs{Stream: a.names.spool(), Values: []string{"foreign", "1"}}).Err())
		spool(t, a, "wf", "good too")
		s := newSink()
		background(t, func(ctx context.Context) error {
			return a.Drain(ctx, "d", func(_ context.Context, it Item) error {
				if string(it.Sealed) == "bad" {
					return fmt.Errorf("no key opens it %s: %w", strings.Repeat("x", 2*maxReason), ErrPoison)
				}
				s.enter(it)
				s.leave(it, true)
				return nil
			})
		})
		empty(t, client, a.names.spool())
		assert.Equal(t, []string{"good", "good too"}, s.taken("wf"))
		dead, err := client.XRange(ctx, a.names.deadLetters(a.names.spool()), "-", "+").Result()
		require.NoError(t, err)
		require.Len(t, dead, 2)
		bodies := []any{dead[0].Values["sealed"], dead[1].Values["sealed"]}
		assert.ElementsMatch(t, []any{"bad", nil}, bodies)
		for _, d := range dead {
			assert.NotEmpty(t, d.Values["id"])
			assert.NotEmpty(t, d.Values["reason"])
			assert.LessOrEqual(t, len([]rune(text(d, "reason"))), maxReason)
		}
		assert.Equal(t, 2, logged.count("admission: an entry can never be handled and was moved to the dead letters"))
	})
}
