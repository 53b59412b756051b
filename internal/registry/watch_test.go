package registry_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

// soon is what a change may take to reach every ingest.
const soon = 2 * time.Second

func redisClient(t *testing.T) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(testkit.Redis(t))
	require.NoError(t, err)
	o.ContextTimeoutEnabled, o.MaxRetries = true, -1
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// door is a way to the database that can be shut.
type door struct {
	store *record.Store
	shut  atomic.Bool
	reads atomic.Int64
}

var errShut = errors.New("the database is away")

func (d *door) SourcesRevision(ctx context.Context) (int64, error) {
	if d.reads.Add(1); d.shut.Load() {
		return 0, errShut
	}
	return d.store.SourcesRevision(ctx)
}

func (d *door) SealedSources(ctx context.Context) (record.SourceSet, error) {
	if d.shut.Load() {
		return record.SourceSet{}, errShut
	}
	return d.store.SealedSources(ctx)
}

// front is what an ingest has of the registry.
type front struct {
	mu      sync.Mutex
	loaded  registry.Loaded
	current bool
	loads   int
}

func (f *front) use(l registry.Loaded, current bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loaded, f.current = l, current
	f.loads++
}

func (f *front) state() (revision int64, sources int, current bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loaded.Revision, len(f.loaded.Sources), f.current
}

func (f *front) reaches(t *testing.T, revision int64) {
	t.Helper()
	require.Eventually(t, func() bool { r, _, _ := f.state(); return r == revision }, soon, 5*time.Millisecond)
}

// watch starts an ingest's watch.
func watch(t *testing.T, b *bench, client *redis.Client, d *door, change ...func(*registry.Watch)) *front {
	t.Helper()
	f := &front{}
	w := &registry.Watch{
		Open: func(context.Context) (registry.Reader, error) {
			if d.shut.Load() {
				return nil, errShut
			}
			return d, nil
		},
		Carrier: registry.Carrier{Client: client, Sealer: b.sealer}, Base: config.DefaultSource("", ""), Use: f.use,
		Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(w)
	}
	w.Start()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return f
}

func onRedis(t *testing.T, client *redis.Client, sealer *bench) func(o *registry.Options) {
	t.Helper()
	return func(o *registry.Options) {
		o.Announce = func(ctx context.Context, revision int64) error {
			return registry.Carrier{Client: client, Sealer: sealer.sealer}.Announce(ctx, revision)
		}
	}
}

// listening waits until that many ingests hear announcements.
func listening(t *testing.T, client *redis.Client, n int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		subs, err := client.PubSubNumSub(t.Context(), "nerve:{nerve}:sources:changed").Result()
		return err == nil && subs["nerve:{nerve}:sources:changed"] == n
	}, 10*time.Second, 5*time.Millisecond)
}

func TestAChangeReachesEveryIngest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bench) {
		client := redisClient(t)
		r := reopened(t, b, onRedis(t, client, b))
		never := func(w *registry.Watch) { w.Carried = time.Hour } // announcements alone
		d := &door{store: b.store}
		one, two := watch(t, b, client, d, never), watch(t, b, client, d, never)
		listening(t, client, 2)
		for i, c := range []contract.Change{
			add("dd", map[string]any{"provider": "datadog"}),
			set("dd", map[string]any{"window": "1h"}),
			{Action: contract.ActionSecretAdd, Target: "dd", Secret: secret("b")},
		} {
			a, err := r.Apply(t.Context(), registry.Order{Change: c, By: asker, ApprovedBy: &second})
			require.NoError(t, err)
			require.Equal(t, int64(i+1), a.Revision)
			one.reaches(t, a.Revision)
			two.reaches(t, a.Revision)
		}
		_, n, current := one.state()
		assert.Equal(t, 1, n)
		assert.True(t, current)
		assertNoSecretIn(t, client, b)
	})
}

// assertNoSecretIn looks through all that Redis and the log hold.
func assertNoSecretIn(t *testing.T, client *redis.Client, b *bench) {
	t.Helper()
	keys, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.Contains(t, keys, "nerve:{nerve}:sources")
	for _, k := range keys {
		dump, err := client.Do(t.Context(), "HGETALL", k).Result()
		if err != nil {
			continue // not a hash: none of the registry's
		}
		text := ""
		for key, value := range dump.(map[any]any) {
			text += key.(string) + " " + value.(string)
		}
		assert.NotContains(t, text, secret("a")[:20])
		assert.NotContains(t, text, secret("b")[:20])
		assert.NotContains(t, text, "datadog", "the copy is sealed as a whole")
	}
	assert.NotContains(t, b.log.String(), secret("a")[:20])
}

func TestWithoutAnnouncementsTheDatabaseIsAsked(t *testing.T) {
	t.Parallel()
	b, client := newBench(t, sqlite(t)), redisClient(t)
	// This Redis lets nobody listen.
	require.NoError(t, client.Do(t.Context(), "ACL", "SETUSER", "default", "resetchannels", "-subscribe").Err())
	f := watch(t, b, client, &door{store: b.store}, func(w *registry.Watch) { w.Deaf, w.Carried = 20*time.Millisecond, time.Hour })
	b.approved(t, add("dd", map[string]any{"provider": "datadog"}))
	f.reaches(t, 1)
	b.approved(t, set("dd", map[string]any{"window": "1h"}))
	f.reaches(t, 2)
}

func TestAConnectionThatIsLostIsMadeAgain(t *testing.T) {
	t.Parallel()
	b, client := newBench(t, sqlite(t)), redisClient(t)
	r := reopened(t, b, onRedis(t, client, b))
	f := watch(t, b, client, &door{store: b.store}, func(w *registry.Watch) { w.Deaf, w.Carried = 20*time.Millisecond, time.Hour })
	listening(t, client, 1)
	require.NoError(t, client.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err())
	listening(t, client, 1)
	a, err := r.Apply(t.Context(), registry.Order{Change: add("dd", map[string]any{"provider": "datadog"}), By: asker, ApprovedBy: &second})
	require.NoError(t, err)
	f.reaches(t, a.Revision)
}

func TestAStartWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	b, client := newBench(t, sqlite(t)), redisClient(t)
	b.approved(t, add("dd", map[string]any{"provider": "datadog"}))
	open := &door{store: b.store}
	quick := func(w *registry.Watch) { w.Deaf, w.Carried = 20*time.Millisecond, 20*time.Millisecond }
	first := watch(t, b, client, open, quick)
	first.reaches(t, 1)
	require.Eventually(t, func() bool {
		n, err := client.HGet(t.Context(), "nerve:{nerve}:sources", "revision").Int()
		return err == nil && n == 1
	}, soon, 5*time.Millisecond, "the copy")

	shut := &door{store: b.store}
	shut.shut.Store(true)
	second := watch(t, b, client, shut, quick)
	second.reaches(t, 1)
	_, n, current := second.state()
	assert.Equal(t, 1, n)
	assert.False(t, current, "there may be sources that the copy does not have")

	b.approved(t, set("dd", map[string]any{"window": "1h"}))
	first.reaches(t, 2)
	second.reaches(t, 2) // by the copy that the first has left
	shut.shut.Store(false)
	require.Eventually(t, func() bool { _, _, current := second.state(); return current }, soon, 5*time.Millisecond)

	shut.shut.Store(true)
	b.approved(t, add("more", map[string]any{"provider": "datadog"}))
	second.reaches(t, 3)
	assert.Contains(t, b.log.String(), "the sources that are known go on")
}

// What another keyset sealed is no copy, and does not stop a start.
func TestACopyThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	b, client := newBench(t, sqlite(t)), redisClient(t)
	b.approved(t, add("dd", map[string]any{"provider": "datadog"}))
	require.NoError(t, client.HSet(t.Context(), "nerve:{nerve}:sources", "revision", 9, "sealed", "nonsense").Err())
	d := &door{store: b.store}
	d.shut.Store(true)
	f := watch(t, b, client, d, func(w *registry.Watch) { w.Deaf = 20 * time.Millisecond })
	require.Eventually(t, func() bool { return d.reads.Load() > 0 || b.log.String() != "" }, soon, 5*time.Millisecond)
	d.shut.Store(false)
	f.reaches(t, 1)
	require.Eventually(t, func() bool {
		n, err := client.HGet(t.Context(), "nerve:{nerve}:sources", "revision").Int()
		return err == nil && n == 1
	}, soon, 5*time.Millisecond, "the copy is mended")
}

func TestNothingChangedIsNotLoadedAgain(t *testing.T) {
	t.Parallel()
	b, client := newBench(t, sqlite(t)), redisClient(t)
	d := &door{store: b.store}
	f := watch(t, b, client, d, func(w *registry.Watch) { w.Deaf, w.Carried = 5*time.Millisecond, 5*time.Millisecond })
	require.Eventually(t, func() bool { return d.reads.Load() > 10 }, soon, 5*time.Millisecond)
	f.mu.Lock()
	defer f.mu.Unlock()
	assert.Equal(t, 1, f.loads)
}
