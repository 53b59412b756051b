package devserver

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

const (
	// redisTick is how often keys are aged. miniredis ages all of them at once
	// and by the same amount, so a key can expire up to one tick early.
	redisTick = 100 * time.Millisecond
	// redisLoad bounds the part of the time that ageing may take, as one in so
	// many: it visits every key, and clients wait meanwhile.
	redisLoad = 20
)

// RedisOptions say what to start.
type RedisOptions struct {
	Port int // 0 takes a free one
}

// Redis is a Redis in this process. Streams, consumer groups, Lua scripts and
// expiry work; nothing is written to disk.
type Redis struct {
	server *miniredis.Miniredis
	cancel context.CancelFunc
	done   chan struct{}
	once   sync.Once
}

// StartRedis starts a Redis without a password on the loopback address. It stops
// when Close is called; ctx ends nothing but the start.
func StartRedis(ctx context.Context, opts RedisOptions) (*Redis, error) { //nolint:contextcheck // it outlives its start
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("devserver: start Redis: %w", err)
	}
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr(hostPort(opts.Port)); err != nil {
		return nil, portError(err, opts.Port, "Redis")
	}
	ageing, cancel := context.WithCancel(context.Background())
	r := &Redis{server: m, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		age(ageing, m)
	}()
	return r, nil
}

// URL is what go-redis parses: redis://127.0.0.1:port/0.
func (r *Redis) URL() string { return "redis://" + r.server.Addr() + "/0" }

// Durable reports whether what was written survives the process. It does not, so
// nobody may answer for a delivery that is only here.
func (r *Redis) Durable() bool { return false }

// Close stops the server and forgets everything. Further calls do nothing.
func (r *Redis) Close() {
	r.once.Do(func() {
		r.cancel()
		<-r.done
		r.server.Close()
	})
}

// age lets the time of m's keys pass with the wall clock, as in a real Redis:
// what expires while a laptop sleeps is gone when it wakes. miniredis could do
// so on every command, which costs each command a visit to every key.
func age(ctx context.Context, m *miniredis.Miniredis) {
	timer := time.NewTimer(redisTick)
	defer timer.Stop()
	last := time.Now().Round(0) // without the monotonic clock, which stops in sleep
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		if passed := now.Round(0).Sub(last); passed > 0 {
			m.FastForward(passed)
		}
		last = now.Round(0) // a clock set back ages nothing, rather than making keys younger
		timer.Reset(max(redisTick, redisLoad*time.Since(now)))
	}
}
