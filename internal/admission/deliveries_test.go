package admission

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// table is a handler that stores deliveries as SQL would.
type table struct {
	mu    sync.Mutex
	rows  []contract.Delivery
	sizes []int
}

func (s *table) insert(batch []contract.Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, batch...)
	s.sizes = append(s.sizes, len(batch))
}

func (s *table) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, len(s.rows))
	for i, r := range s.rows {
		ids[i] = r.ID
	}
	return ids
}

func (s *table) row(id string) contract.Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		if r.ID == id {
			return r
		}
	}
	return contract.Delivery{}
}

// What each verdict leaves in the delivery log, from the entry's first fields to
// the row that the recorder gets, when Redis decides and when memory does.
func TestDeliveryLog(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		for _, local := range []bool{false, true} {
			t.Run(fmt.Sprintf("local=%v", local), func(t *testing.T) {
				ctx := t.Context()
				client := connect(t, addr)
				a := open(t, client)
				if local {
					a.outage.ctx, a.outage.stop = context.WithCancel(t.Context())
					a.outage.stop() // no probe ends this outage, Close does
					a.outage.begin(errors.New("away"))
				}
				at := time.Now().UTC()
				say := func(c Claim, id string) Decision {
					d, err := a.Admit(ctx, c, contract.Delivery{ID: id, Source: c.Source, ReceivedAt: at, Status: 200, Sealed: []byte{0, 1, 2}})
					require.NoError(t, err)
					require.Equal(t, local, d.Local)
					return d
				}
				first, second := claim(1), claim(2)
				d := say(first, "a")
				require.Equal(t, New, d.Verdict)
				require.NoError(t, a.Confirm(ctx, first, contract.Delivery{ID: "a", Outcome: contract.OutcomeAccepted, WorkflowID: "wf-1"}))
				require.Equal(t, Duplicate, say(first, "b").Verdict)
				d = say(second, "c")
				require.True(t, d.Tell)
				require.NoError(t, a.Confirm(ctx, second.For(d), contract.Delivery{ID: "c", Outcome: contract.OutcomeDebounced, WorkflowID: "wf-1", Count: 2}))
				folded := claim(3)
				folded.SkipRate = true
				require.Equal(t, Repeat, say(folded, "d").Verdict)
				require.Equal(t, Repeat, say(claim(4), "f").Verdict)
				require.NoError(t, a.Log(ctx, contract.Delivery{ID: "e", Outcome: contract.OutcomeRejected, Status: 401}))
				if local {
					require.NoError(t, a.Close(ctx))
					require.Zero(t, a.Stats().Backlog)
				}

				var rows table
				background(t, func(ctx context.Context) error {
					return a.Consume(ctx, "recorder", func(_ context.Context, batch []contract.Delivery) error {
						rows.insert(batch)
						return nil
					})
				})
				empty(t, client, a.opts.DeliveryStream)
				assert.Equal(t, []string{"a", "b", "c", "d", "f", "e"}, rows.ids())
				for id, want := range map[string]contract.Delivery{
					"a": {ID: "a", Outcome: contract.OutcomeAccepted, WorkflowID: "wf-1"},
					"b": {
						ID: "b", Source: first.Source, ReceivedAt: at, Status: 200, Sealed: []byte{0, 1, 2},
						Outcome: contract.OutcomeDuplicate, WorkflowID: "wf-1", IncidentID: "inc-1", Count: 1,
					},
					"c": {ID: "c", Outcome: contract.OutcomeDebounced, WorkflowID: "wf-1", Count: 2},
					"f": {
						ID: "f", Source: first.Source, ReceivedAt: at, Status: 200, Sealed: []byte{0, 1, 2},
						Outcome: contract.OutcomeDebounced, WorkflowID: "wf-1", IncidentID: "inc-1", Count: 4,
					},
					"d": {
						ID: "d", Source: first.Source, ReceivedAt: at, Status: 200, Sealed: []byte{0, 1, 2},
						Outcome: contract.OutcomeFolded, WorkflowID: "wf-1", IncidentID: "inc-1", Count: 3,
					},
					"e": {ID: "e", Outcome: contract.OutcomeRejected, Status: 401},
				} {
					got := rows.row(id)
					if want.Outcome == contract.OutcomeDuplicate || id == "d" || id == "f" { // admission decided
						require.NotNil(t, got.Trace)
						assert.Equal(t, local, got.Trace.Local)
						if id != "b" {
							assert.WithinDuration(t, got.Trace.WindowStart.Add(first.Limits.Folds()), got.Trace.WindowEnd, time.Second)
						}
						assert.Equal(t, id == "f", got.Trace.Rule == contract.RuleWindow)
						got.Trace = nil
					}
					assert.Equal(t, want, got)
				}
				// What was decided in memory is known to Redis now.
				d, err := a.Admit(ctx, claim(5), contract.Delivery{})
				require.NoError(t, err)
				assert.False(t, d.Local)
				assert.Equal(t, Repeat, d.Verdict)
				assert.EqualValues(t, 5, d.Count)
				assert.Equal(t, Duplicate, admit(t, a, second).Verdict)
			})
		}
	})
}

// SQL is away for long: nothing is forgotten, new entries are refused only
// beyond the limit, counted, and said once.
func TestConsumeOutlivesItsStore(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		ctx := t.Context()
		client := connect(t, addr)
		logged := &records{}
		const room = 450
		a := open(t, client, logTo(logged), func(o *Options) { o.MaxDeliveries = room })
		var away atomic.Bool
		var tries atomic.Int64
		away.Store(true)
		var rows table
		background(t, func(ctx context.Context) error {
			return a.Consume(ctx, "recorder", func(_ context.Context, batch []contract.Delivery) error {
				tries.Add(1)
				if away.Load() {
					return errors.New("connection refused")
				}
				rows.insert(batch)
				return nil
			})
		})
		var want []string
		for i := range room + 5 {
			id := fmt.Sprint(i)
			if i < room {
				want = append(want, id)
			}
			require.NoError(t, a.Log(ctx, contract.Delivery{ID: id}))
		}
		assert.EqualValues(t, 5, a.Stats().Dropped)
		assert.False(t, a.Stats().Away, "a full stream is not a Redis that is away")
		require.Eventually(t, func() bool { return tries.Load() > 3 }, patience, time.Millisecond)
		assert.Empty(t, rows.ids())

		away.Store(false)
		empty(t, client, a.opts.DeliveryStream)
		assert.Equal(t, want, rows.ids())
		for _, n := range rows.sizes {
			assert.LessOrEqual(t, n, consumeBatch)
		}
		require.NoError(t, a.Log(ctx, contract.Delivery{ID: "after"}))
		require.Eventually(t, func() bool { return rows.row("after").ID != "" }, patience, time.Millisecond)
		assert.Equal(t, 1, logged.count("admission: the delivery stream is full, entries are dropped until the recorder catches up"))
		assert.Equal(t, 1, logged.count("admission: the delivery stream takes entries again"))
		assert.Equal(t, 1, logged.count("admission: deliveries are not recorded, trying on"))
	})
}

func TestConsumeBuriesOnlyThePoison(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		ctx := t.Context()
		client := connect(t, addr)
		a := open(t, client)
		for i := range 5 {
			require.NoError(t, a.Log(ctx, contract.Delivery{ID: fmt.Sprint(i)}))
		}
		for _, values := range [][]string{{"d", "{not json"}, {"d", "{}", "outcome", "debounced", "count", "many"}} {
			require.NoError(t, client.XAdd(ctx, &redis.XAddArgs{Stream: a.opts.DeliveryStream, Values: values}).Err())
		}
		var rows table
		var hiccup atomic.Bool
		background(t, func(ctx context.Context) error {
			return a.Consume(ctx, "recorder", func(_ context.Context, batch []contract.Delivery) error {
				for _, d := range batch {
					if d.ID == "2" {
						return fmt.Errorf("insert: %w", ErrPoison)
					}
				}
				if !hiccup.Swap(true) {
					return errors.New("not now")
				}
				rows.insert(batch)
				return nil
			})
		})
		empty(t, client, a.opts.DeliveryStream)
		assert.Equal(t, []string{"0", "1", "3", "4"}, rows.ids())
		dead, err := client.XLen(ctx, a.names.deadLetters(a.opts.DeliveryStream)).Result()
		require.NoError(t, err)
		assert.EqualValues(t, 3, dead)
	})
}

// Two recorders and many writers: every entry is recorded, none twice while
// nothing fails.
func TestConsumeShared(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, addr string) {
		client := connect(t, addr)
		a := open(t, client)
		var rows table
		for i := range 2 {
			other := open(t, client, func(o *Options) { o.Prefix = a.opts.Prefix })
			background(t, func(ctx context.Context) error {
				return other.Consume(ctx, fmt.Sprint("recorder-", i), func(_ context.Context, batch []contract.Delivery) error {
					rows.insert(batch)
					return nil
				})
			})
		}
		const writers, each = 8, 100
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					assert.NoError(t, a.Log(t.Context(), contract.Delivery{ID: fmt.Sprintf("%d-%d", w, i)}))
				}
			})
		}
		wg.Wait()
		empty(t, client, a.opts.DeliveryStream)
		require.Eventually(t, func() bool { return len(rows.ids()) == writers*each }, patience, time.Millisecond)
		seen := map[string]bool{}
		for _, id := range rows.ids() {
			assert.False(t, seen[id], id)
			seen[id] = true
		}
	})
}
