package silence_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/silence"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

// database is a database that can be away.
type database struct {
	mu   sync.Mutex
	list []record.Silence
	err  error
}

func (d *database) Silences(context.Context, record.SilenceFilter) ([]record.Silence, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.list, d.err
}

func (d *database) set(err error, list ...record.Silence) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list, d.err = list, err
}

func carrier(t *testing.T) silence.Carrier {
	t.Helper()
	o, err := redis.ParseURL(testkit.Redis(t))
	require.NoError(t, err)
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	k, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	sealer, err := privacy.NewSealer(k)
	require.NoError(t, err)
	return silence.Carrier{Client: client, Sealer: sealer}
}

// watch runs a watch until the test ends, and returns what it keeps.
func watch(t *testing.T, w *silence.Watch) *silence.Set {
	t.Helper()
	w.Set, w.Log = &silence.Set{}, testkit.Logger(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return w.Set
}

func holds(t *testing.T, set *silence.Set, id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		m := set.Match(signal(), noon)
		return m == nil && id == "" || m != nil && m.ID == id
	}, 20*time.Second, 5*time.Millisecond, "it does not come to hold %q", id)
}

func TestWatchHearsOfChanges(t *testing.T) {
	t.Parallel()
	c, db := carrier(t), &database{}
	// So slow by itself that only an announcement explains what it comes to know.
	set := watch(t, &silence.Watch{Open: func(context.Context) (silence.Reader, error) { return db, nil }, Carrier: c, Carried: time.Hour, Deaf: time.Hour})
	holds(t, set, "")
	one := holding("s1", "true", -time.Hour, time.Hour)
	require.Eventually(t, func() bool { // it may not listen yet
		db.set(nil, one)
		return c.Announce(t.Context()) == nil && set.Match(signal(), noon) != nil
	}, 20*time.Second, 10*time.Millisecond)
	db.set(nil)
	require.NoError(t, c.Announce(t.Context()))
	holds(t, set, "")
}

func TestWatchAsksWhenNothingIsAnnounced(t *testing.T) {
	t.Parallel()
	c, db := carrier(t), &database{}
	set := watch(t, &silence.Watch{Open: func(context.Context) (silence.Reader, error) { return db, nil }, Carrier: c, Carried: 20 * time.Millisecond, Deaf: 20 * time.Millisecond})
	db.set(nil, holding("s1", "true", -time.Hour, time.Hour))
	holds(t, set, "s1")
}

// An ingest without a database, and one whose database is away when it starts,
// live by the copy that another has left in Redis, sealed.
func TestWatchLivesByTheCopy(t *testing.T) {
	t.Parallel()
	c, db := carrier(t), &database{}
	require.NoError(t, c.Keep(t.Context(), []record.Silence{holding("s1", `"secret-word" != ""`, -time.Hour, time.Hour)}))
	for _, v := range c.Client.HGetAll(t.Context(), "nerve:{nerve}:silences").Val() {
		assert.NotContains(t, v, "secret-word")
	}
	without := watch(t, &silence.Watch{Carrier: c})
	holds(t, without, "s1")

	db.set(errors.New("away"))
	late := watch(t, &silence.Watch{Open: func(context.Context) (silence.Reader, error) { return db, nil }, Carrier: c, Deaf: 20 * time.Millisecond, Carried: 20 * time.Millisecond})
	holds(t, late, "s1")
	db.set(nil, holding("s2", "true", -time.Hour, time.Hour))
	holds(t, late, "s2")
	holds(t, without, "s2") // the other keeps the copy up to date, and says so
}

// While neither can be had, what is known goes on.
func TestWatchKeepsWhatItKnows(t *testing.T) {
	t.Parallel()
	c, db := carrier(t), &database{}
	asked := make(chan struct{}, 100)
	db.set(nil, holding("s1", "true", -time.Hour, time.Hour))
	set := watch(t, &silence.Watch{Open: func(context.Context) (silence.Reader, error) {
		return counting{db, asked}, nil
	}, Carrier: c, Deaf: 10 * time.Millisecond, Carried: 10 * time.Millisecond})
	holds(t, set, "s1")
	require.NoError(t, c.Client.Del(t.Context(), "nerve:{nerve}:silences").Err())
	db.set(errors.New("away"))
	require.NoError(t, c.Client.Del(t.Context(), "nerve:{nerve}:silences").Err())
	for range 110 { // some were asked before
		<-asked
	}
	holds(t, set, "s1")
}

// counting says each time that it is asked.
type counting struct {
	*database
	asked chan struct{}
}

func (c counting) Silences(ctx context.Context, f record.SilenceFilter) ([]record.Silence, error) {
	list, err := c.database.Silences(ctx, f)
	select {
	case c.asked <- struct{}{}:
	case <-ctx.Done():
	}
	return list, err
}
