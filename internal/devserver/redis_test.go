package devserver

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func startRedis(t *testing.T) (*Redis, *redis.Client) {
	t.Helper()
	r, err := StartRedis(t.Context(), RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(r.Close)
	opts, err := redis.ParseURL(r.URL())
	require.NoError(t, err)
	c := redis.NewClient(opts)
	t.Cleanup(func() { _ = c.Close() })
	return r, c
}

func TestRedisIsLoopbackAndNotDurable(t *testing.T) {
	t.Parallel()
	r, c := startRedis(t)
	assert.True(t, strings.HasPrefix(r.URL(), "redis://127.0.0.1:"), r.URL())
	assert.False(t, r.Durable())
	require.NoError(t, c.Ping(t.Context()).Err())

	addr := c.Options().Addr
	r.Close()
	r.Close()
	_, err := net.Dial("tcp", addr)
	require.Error(t, err)
}

func TestRedisPortInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })

	_, err = StartRedis(t.Context(), RedisOptions{Port: portOf(taken)})
	require.ErrorContains(t, err, "Redis port "+strconv.Itoa(portOf(taken))+" is in use")
	require.ErrorContains(t, err, "choose another port")
	_, err = StartRedis(t.Context(), RedisOptions{Port: 70000})
	require.ErrorContains(t, err, "70000 is not a port")
}

// What admission does in its one round trip.
func TestRedisScript(t *testing.T) {
	t.Parallel()
	_, c := startRedis(t)
	script := redis.NewScript(`
		local now = redis.call('TIME')
		redis.call('HSET', KEYS[1], 'tokens', ARGV[1], 'at', now[1])
		redis.call('PEXPIRE', KEYS[1], ARGV[2])
		local claimed = redis.call('SET', KEYS[2], ARGV[3], 'NX', 'PX', ARGV[2])
		local count = redis.call('INCR', KEYS[3])
		local id = redis.call('XADD', KEYS[4], '*', 'd', ARGV[3])
		return {claimed and 1 or 0, count, redis.call('XLEN', KEYS[4]), redis.call('PTTL', KEYS[2]), now[1], id}`)
	keys := []string{"{s}:bucket", "{s}:window", "{s}:count", "{s}:stream"}
	before := time.Now().Unix()
	for i, wantClaimed := range []int64{1, 0} {
		got, err := script.Run(t.Context(), c, keys, "7", 60_000, "wf-1").Slice()
		require.NoError(t, err)
		require.Len(t, got, 6)
		assert.Equal(t, wantClaimed, got[0], "only the first claims the window")
		assert.Equal(t, int64(i+1), got[1])
		assert.Equal(t, int64(i+1), got[2])
		assert.Positive(t, got[3])
		now, err := strconv.ParseInt(got[4].(string), 10, 64)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, now, before, "TIME is the wall clock")
		ms, _, _ := strings.Cut(got[5].(string), "-")
		stamp, err := strconv.ParseInt(ms, 10, 64)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, stamp/1000, before, "entry ids are the wall clock")
	}
	held, err := c.HGet(t.Context(), "{s}:bucket", "tokens").Result()
	require.NoError(t, err)
	assert.Equal(t, "7", held)
}

// What the recorder and the drainer do with the two streams.
func TestRedisStreamGroup(t *testing.T) {
	t.Parallel()
	_, c := startRedis(t)
	ctx := t.Context()
	require.NoError(t, c.XGroupCreateMkStream(ctx, "s", "g", "0").Err())
	require.ErrorContains(t, c.XGroupCreateMkStream(ctx, "s", "g", "0").Err(), "BUSYGROUP")

	read := func(consumer, from string) ([]redis.XMessage, error) {
		got, err := c.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: "g", Consumer: consumer, Streams: []string{"s", from}, Count: 10, Block: 30 * time.Second,
		}).Result()
		if err != nil {
			return nil, err
		}
		return got[0].Messages, nil
	}
	type answer struct {
		messages []redis.XMessage
		err      error
	}
	woken := make(chan answer, 1)
	go func() {
		m, err := read("a", ">")
		woken <- answer{m, err}
	}()
	id, err := c.XAdd(ctx, &redis.XAddArgs{Stream: "s", Values: []string{"k", "v"}}).Result()
	require.NoError(t, err)
	got := <-woken // the reader that may be blocking already gets it
	require.NoError(t, got.err)
	require.Len(t, got.messages, 1)
	assert.Equal(t, id, got.messages[0].ID)

	claimed, next, err := c.XAutoClaim(ctx, &redis.XAutoClaimArgs{Stream: "s", Group: "g", Consumer: "b", Start: "0-0", Count: 10}).Result()
	require.NoError(t, err)
	assert.Equal(t, "0-0", next)
	require.Len(t, claimed, 1, "what a dead consumer left is taken over")
	assert.Equal(t, "v", claimed[0].Values["k"])
	pending, err := c.XPending(ctx, "s", "g").Result()
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{"b": 1}, pending.Consumers)

	require.NoError(t, c.XAck(ctx, "s", "g", id).Err())
	groups, err := c.XInfoGroups(ctx, "s").Result()
	require.NoError(t, err)
	require.Len(t, groups, 1)
	assert.Equal(t, id, groups[0].LastDeliveredID)
	assert.Zero(t, groups[0].Pending)

	later, err := c.XAdd(ctx, &redis.XAddArgs{Stream: "s", Values: []string{"k", "v2"}}).Result()
	require.NoError(t, err)
	trimmed, err := c.XTrimMinID(ctx, "s", later).Result()
	require.NoError(t, err)
	assert.Equal(t, int64(1), trimmed, "trimmed by what is acknowledged")
	left, err := c.XLen(ctx, "s").Result()
	require.NoError(t, err)
	assert.Equal(t, int64(1), left)
}

func TestRedisKeysExpire(t *testing.T) {
	t.Parallel()
	_, c := startRedis(t)
	require.NoError(t, c.Set(t.Context(), "short", "x", 10*time.Millisecond).Err())
	require.NoError(t, c.Set(t.Context(), "long", "x", time.Hour).Err())
	require.Eventually(t, func() bool {
		return c.Exists(t.Context(), "short").Val() == 0
	}, 10*time.Second, 10*time.Millisecond)
	assert.Equal(t, int64(1), c.Exists(t.Context(), "long").Val())
}

func TestAgeFollowsTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := miniredis.NewMiniRedis()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			age(ctx, m)
		}()
		require.NoError(t, m.Set("window", "wf"))
		m.SetTTL("window", 5*time.Minute)

		time.Sleep(5*time.Minute - redisTick)
		synctest.Wait()
		assert.True(t, m.Exists("window"), "no more than a tick early")
		time.Sleep(2 * redisTick)
		synctest.Wait()
		assert.False(t, m.Exists("window"), "no more than a tick late")
		cancel()
		<-done
		m.Close()
	})
}
