package admission

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
)

const (
	saidAway = "admission: Redis does not answer, decisions are made in memory"
	saidBack = "admission: Redis answers again"
)

// Redis is killed in the middle and started again on its data. Decisions go on,
// windows that were open stay open, and what was decided meanwhile is in Redis
// before it decides again.
func TestRedisKilledAndBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	own := ownServer(t)
	client := connect(t, own.addr)
	logged := &records{}
	a := open(t, client, logTo(logged))

	before := claim(1)
	require.Equal(t, New, admit(t, a, before).Verdict)
	confirm(t, a, before)
	confirm(t, a, claim(2).For(admit(t, a, claim(2))))

	own.kill()
	d := admit(t, a, claim(3))
	require.True(t, d.Local)
	assert.Equal(t, Repeat, d.Verdict, "the window was seen by this process")
	assert.Equal(t, "wf-1", d.WorkflowID)
	assert.EqualValues(t, 3, d.Count)
	assert.Equal(t, Duplicate, admit(t, a, before).Verdict)

	meanwhile := claim(4)
	meanwhile.Window = "other"
	require.Equal(t, New, admit(t, a, meanwhile).Verdict)
	confirm(t, a, meanwhile)
	require.NoError(t, a.Log(ctx, contract.Delivery{ID: "logged while away"}))
	owner, _, found, err := a.Lookup(ctx, meanwhile.Source, "other")
	require.NoError(t, err)
	require.True(t, found)
	assert.Equal(t, "wf-4", owner)
	assert.True(t, a.Stats().Away)

	require.NoError(t, own.start())
	require.Eventually(t, func() bool { return !a.Stats().Away }, patience, 5*time.Millisecond)
	assert.Zero(t, a.Stats().Backlog)
	assert.Equal(t, 1, logged.count(saidAway))
	assert.Equal(t, 1, logged.count(saidBack))

	// Another process, which remembers nothing, reads it all from Redis.
	fresh := open(t, client, func(o *Options) { o.Prefix = a.opts.Prefix })
	d = admit(t, fresh, claim(5))
	assert.False(t, d.Local)
	assert.Equal(t, Repeat, d.Verdict)
	assert.Equal(t, "wf-1", d.WorkflowID)
	assert.EqualValues(t, 4, d.Count, "what was counted in memory counts")
	again := claim(6)
	again.Window = "other"
	d = admit(t, fresh, again)
	assert.Equal(t, Repeat, d.Verdict)
	assert.Equal(t, "wf-4", d.WorkflowID)
	assert.Equal(t, Duplicate, admit(t, fresh, claim(3)).Verdict)

	var rows table
	background(t, func(ctx context.Context) error {
		return fresh.Consume(ctx, "recorder", func(_ context.Context, batch []contract.Delivery) error {
			rows.insert(batch)
			return nil
		})
	})
	empty(t, client, a.opts.DeliveryStream)
	assert.Subset(t, rows.ids(), []string{"delivery-1", "delivery-2", "delivery-3", "delivery-4", "logged while away"})
}

// The drainer and the recorder outlive a Redis that is killed and comes back.
func TestStreamsOutliveRedis(t *testing.T) {
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
	spool(t, a, "wf", "1")
	empty(t, client, a.names.spool())
	own.kill()
	require.ErrorIs(t, a.Spool(t.Context(), contract.Command{WorkflowID: "wf"}, []byte("2")), ErrUnavailable)
	require.NoError(t, own.start())
	require.Eventually(t, func() bool {
		return a.Spool(t.Context(), contract.Command{WorkflowID: "wf"}, []byte("3")) == nil
	}, patience, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		got := s.taken("wf")
		return len(got) > 0 && got[len(got)-1] == "3"
	}, patience, 5*time.Millisecond)
}

// A Redis that takes connections and never answers costs its budget once, and
// each request after that nothing.
func TestSlowRedisCostsOneBudget(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	for name, contexts := range map[string]bool{"contexts on": true, "contexts off": false} {
		t.Run(name, func(t *testing.T) {
			client := redis.NewClient(&redis.Options{
				Addr: listener.Addr().String(), ContextTimeoutEnabled: contexts, MaxRetries: -1,
				Protocol: 2, DisableIdentity: true, // the first thing written is the script
				ReadTimeout: time.Hour,
			})
			t.Cleanup(func() { _ = client.Close() })
			hook := &commands{}
			client.AddHook(hook)
			logged := &records{}
			a := open(t, client, logTo(logged), func(o *Options) {
				o.Budget, o.ProbeEvery = 20*time.Millisecond, time.Hour
			})
			decided := make(chan Decision, 1)
			go func() {
				d, err := a.Admit(t.Context(), claim(1), contract.Delivery{})
				assert.NoError(t, err)
				decided <- d
			}()
			select {
			case d := <-decided:
				require.Equal(t, New, d.Verdict)
			case <-time.After(patience):
				require.FailNow(t, "the request waits for Redis beyond its budget")
			}
			sent := hook.total()
			for n := 2; n < 100; n++ {
				assert.True(t, admit(t, a, claim(n)).Local)
			}
			later := hook.total()
			assert.Equal(t, sent, later)
			assert.Equal(t, 1, logged.count(saidAway))
			_, _, _, err := a.Lookup(t.Context(), "unknown", "unknown")
			assert.ErrorIs(t, err, ErrUnavailable)
		})
	}
}

// A Redis cluster refuses keys of several slots and keys that a script did not
// declare, so all of it is tried on one.
func TestCluster(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := &server{addr: freePort(t), dir: t.TempDir(), fsync: "no", more: []string{"--cluster-enabled", "yes"}}
	require.NoError(t, s.start())
	t.Cleanup(s.kill)
	require.NoError(t, connect(t, s.addr).ClusterAddSlotsRange(ctx, 0, 16383).Err())
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{s.addr}, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	require.Eventually(t, func() bool { return client.Set(ctx, "ready", 1, 0).Err() == nil }, patience, 10*time.Millisecond)

	a := open(t, client)
	c := claim(1)
	require.Equal(t, New, admit(t, a, c).Verdict)
	require.NoError(t, a.Abandon(ctx, c))
	require.Equal(t, New, admit(t, a, c).Verdict)
	confirm(t, a, c)
	confirm(t, a, claim(2).For(admit(t, a, claim(2))))
	owner, _, _, err := a.Lookup(ctx, c.Source, c.Window)
	require.NoError(t, err)
	assert.Equal(t, "wf-1", owner)
	_, err = a.outage.bringOut(ctx, []task{a.replayTask(c, a.names.of(c), 0, []byte(`{"id":"replayed"}`))})
	require.NoError(t, err)
	require.NoError(t, a.Release(ctx, c.Source, c.Window, "wf-1"))
	require.NoError(t, a.Log(ctx, contract.Delivery{ID: "logged"}))
	assert.False(t, a.Stats().Away)

	spool(t, a, "wf", "good")
	spool(t, a, "wf", "bad")
	items := newSink()
	background(t, func(ctx context.Context) error {
		return a.Drain(ctx, "d", func(_ context.Context, it Item) error {
			if string(it.Sealed) == "bad" {
				return ErrPoison
			}
			items.enter(it)
			items.leave(it, true)
			return nil
		})
	})
	var rows table
	background(t, func(ctx context.Context) error {
		return a.Consume(ctx, "r", func(_ context.Context, batch []contract.Delivery) error {
			rows.insert(batch)
			return nil
		})
	})
	require.Eventually(t, func() bool {
		n, err := a.Depth(ctx)
		return err == nil && n == 0 && len(rows.ids()) == 4
	}, patience, 5*time.Millisecond)
	assert.Equal(t, []string{"good"}, items.taken("wf"))
	assert.Equal(t, []string{"delivery-1", "delivery-2", "replayed", "logged"}, rows.ids())
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	client := connect(t, "127.0.0.1:1")
	for name, o := range map[string]Options{
		"no client":         {},
		"two hash tags":     {Client: client, Prefix: "{a}"},
		"stream of no slot": {Client: client, DeliveryStream: "deliveries"},
		"cluster without contexts": {
			Client: redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}}),
		},
	} {
		_, err := Open(o)
		require.Error(t, err, name)
	}
	a, err := Open(Options{Client: client})
	require.NoError(t, err)
	assert.Equal(t, "nerve:{nerve}:deliveries", a.opts.DeliveryStream)
	assert.Equal(t, "nerve:{nerve}:spool", a.names.spool())
	assert.Equal(t, "nerve:{nerve}:spool:dead", a.names.deadLetters(a.names.spool()))
	assert.Equal(t, 50*time.Millisecond, a.opts.Budget)
	assert.Equal(t, 3*time.Minute, a.timing.block)
	assert.Greater(t, a.opts.MaxBacklog, 60*200, "a minute without Redis in a storm of 200 repeats a second loses no entry")
}

// A sender that hangs up is not a Redis that is away, and its commit is still
// written down.
func TestCancelledRequest(t *testing.T) {
	t.Parallel()
	a := open(t, connect(t, sharedServer(t)))
	c := claim(1)
	require.Equal(t, New, admit(t, a, c).Verdict)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.Admit(gone, claim(2), contract.Delivery{})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, a.Confirm(gone, c, contract.Delivery{}))
	assert.False(t, a.Stats().Away)
	assert.Equal(t, Duplicate, admit(t, a, c).Verdict)
}

func TestBacklogIsBounded(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	own := ownServer(t)
	logged := &records{}
	client := connect(t, own.addr)
	a := open(t, client, logTo(logged), func(o *Options) { o.MaxBacklog = 10 })
	own.kill()
	for i := range 25 {
		require.NoError(t, a.Log(ctx, contract.Delivery{ID: fmt.Sprint(i)}))
	}
	assert.Equal(t, Stats{Away: true, Backlog: 10, Dropped: 15}, a.Stats())
	assert.Equal(t, 1, logged.count("admission: too much is kept for Redis, the oldest entries are dropped"))
	require.NoError(t, own.start())
	require.Eventually(t, func() bool { return !a.Stats().Away }, patience, 5*time.Millisecond)
	kept, err := client.XRange(ctx, a.opts.DeliveryStream, "-", "+").Result()
	require.NoError(t, err)
	require.Len(t, kept, 10)
	for i, e := range kept {
		d, err := decode(e)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(15+i), d.ID, "the newest are kept, in order")
	}
}

func TestCloseSaysWhatIsLost(t *testing.T) {
	t.Parallel()
	a := open(t, connect(t, "127.0.0.1:1"), func(o *Options) { o.Budget = time.Millisecond })
	require.NoError(t, a.Log(t.Context(), contract.Delivery{ID: "x"}))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, a.Close(ctx), ErrUnavailable)
}

// A call that Redis refuses again and again, though it takes others, does not
// keep all others away from it.
func TestRefusedCallIsDropped(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	own := ownServer(t)
	client := connect(t, own.addr)
	a := open(t, client)
	odd := claim(1)
	require.NoError(t, client.Set(ctx, a.names.of(odd).window, "not a hash", 0).Err())
	confirm(t, a, odd)
	require.NoError(t, a.Log(ctx, contract.Delivery{ID: "behind"}))
	require.Eventually(t, func() bool { return !a.Stats().Away }, patience, 5*time.Millisecond)
	assert.EqualValues(t, 1, a.Stats().Dropped)
	n, err := client.XLen(ctx, a.opts.DeliveryStream).Result()
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
}

// What was kept goes out many calls at a time, in the order in which it came.
// One by one it could grow faster than it gets out.
func TestBacklogGoesOutInBatches(t *testing.T) {
	t.Parallel()
	const repeats = 2*flushBatch + 1
	own := ownServer(t)
	client := connect(t, own.addr)
	hook := &commands{}
	a := open(t, client)
	confirm(t, a, claim(0))
	own.kill()
	for n := range repeats {
		require.Equal(t, Repeat, admit(t, a, claim(n+1)).Verdict)
	}
	client.AddHook(hook)
	require.NoError(t, own.start())
	require.Eventually(t, func() bool { return !a.Stats().Away }, patience, 5*time.Millisecond)

	hook.mu.Lock()
	pipelines := hook.pipelines
	hook.mu.Unlock()
	assert.Less(t, pipelines, 20, "connecting takes a few itself")
	counted, err := client.HGet(t.Context(), a.names.of(claim(0)).window, "n").Int64()
	require.NoError(t, err)
	assert.EqualValues(t, 1+repeats, counted)
	entries, err := client.XRange(t.Context(), a.opts.DeliveryStream, "-", "+").Result()
	require.NoError(t, err)
	last := 0
	for _, e := range entries[1:] { // the first was confirmed before
		d, err := decode(e)
		require.NoError(t, err)
		var n int
		_, err = fmt.Sscanf(d.ID, "delivery-%d", &n)
		require.NoError(t, err)
		require.Greater(t, n, last)
		last = n
	}
}

// A repeat that Redis counted, but said so too late, is decided in memory and
// brought to Redis once more: it counts once.
func TestLateAnswerCountsOnce(t *testing.T) {
	t.Parallel()
	a := open(t, connect(t, sharedServer(t)))
	confirm(t, a, claim(1))
	late := claim(2)
	require.Equal(t, Repeat, admit(t, a, late).Verdict)
	require.EqualValues(t, 3, admit(t, a, claim(3)).Count)

	_, err := a.outage.bringOut(t.Context(), []task{a.replayTask(late.For(Decision{WorkflowID: "wf-1", IncidentID: "inc-1"}), a.names.of(late), 0, []byte("{}"))})
	require.NoError(t, err)
	assert.EqualValues(t, 4, admit(t, a, claim(4)).Count)
}

// Repeats that met a window before it was open, while Redis was away, count in it
// when Redis is back.
func TestRepeatsBeforeTheWindowCountAfterAnOutage(t *testing.T) {
	t.Parallel()
	own := ownServer(t)
	client := connect(t, own.addr)
	a := open(t, client)
	own.kill()
	require.Equal(t, New, admit(t, a, claim(1)).Verdict)
	var early []Claim
	for n := 2; n < 5; n++ {
		d := admit(t, a, claim(n))
		require.Equal(t, Pending, d.Verdict)
		early = append(early, claim(n).For(d))
	}
	confirm(t, a, claim(1))
	for _, c := range early {
		confirm(t, a, c)
	}
	require.Equal(t, Repeat, admit(t, a, claim(5)).Verdict) // a milestone, to be told
	require.Equal(t, Repeat, admit(t, a, claim(6)).Verdict)
	require.NoError(t, own.start())
	require.Eventually(t, func() bool { return !a.Stats().Away }, patience, 5*time.Millisecond)

	assert.EqualValues(t, 7, admit(t, a, claim(7)).Count)
}

// A Redis that stalls carries out what nobody waits for any more, in any order:
// the window bears the name of the incident that was started all the same.
func TestLateClaimDoesNotNameTheWindow(t *testing.T) {
	t.Parallel()
	client := connect(t, sharedServer(t))
	a := open(t, client)
	late, started := claim(2), claim(1)
	late.WorkflowID = started.WorkflowID // one alert, two lives' names
	other := open(t, client, func(o *Options) { o.Prefix = a.opts.Prefix })
	require.Equal(t, New, admit(t, other, late).Verdict)
	require.EqualValues(t, 2, admit(t, other, started).Count)

	_, err := a.outage.bringOut(t.Context(), []task{a.confirmTask(withDefaults(started), a.names.of(started), 2, []byte("{}"))})
	require.NoError(t, err)
	d := admit(t, a, claim(3))
	assert.Equal(t, "inc-1", d.IncidentID)
	assert.EqualValues(t, 3, d.Count)
}

// What a window has left when Redis is back is what it had left, and one that
// ended meanwhile is not opened.
func TestOutageDoesNotLengthenWindows(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	client := connect(t, sharedServer(t))
	c := newClock()
	a := open(t, client, func(o *Options) { o.Now = c.Now })
	short, long := claim(1), claim(2)
	short.Window, long.Window = "short", "long"
	long.Limits.WindowTTL = time.Hour
	tasks := []task{
		a.confirmTask(withDefaults(short), a.names.of(short), 0, []byte("{}")),
		a.confirmTask(withDefaults(long), a.names.of(long), 0, []byte("{}")),
	}
	c.mu.Lock()
	c.now = c.now.Add(10 * time.Minute)
	c.mu.Unlock()
	_, err := a.outage.bringOut(ctx, tasks)
	require.NoError(t, err)
	n, err := client.Exists(ctx, a.names.of(short).window).Result()
	require.NoError(t, err)
	assert.Zero(t, n)
	left, err := client.PTTL(ctx, a.names.of(long).window).Result()
	require.NoError(t, err)
	assert.LessOrEqual(t, left, 50*time.Minute)
	assert.Greater(t, left, 40*time.Minute)
}

func withDefaults(c Claim) Claim {
	c.Limits = c.Limits.withDefaults()
	return c
}
