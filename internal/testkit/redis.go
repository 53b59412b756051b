package testkit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	redisEnv   = "NERVE_TEST_REDIS_URL"
	redisImage = "redis:7"
)

// Redis returns the URL of a real Redis that nobody else uses, with nothing in
// it and appendonly on. A server is started for each call, because one takes
// some 20 ms and tests may then flush it, fill it or shut it down; it ends with
// the test. Where NERVE_TEST_REDIS_URL names a server, a call gets one of its
// logical databases instead: such a server must not be shut down, and keys that
// span databases (scripts, pub/sub) are shared. With -short the test is skipped.
func Redis(t testing.TB) string {
	t.Helper()
	short(t, "Redis")
	if base := given(redisEnv); base != "" {
		return borrowDatabase(t, base)
	}
	for attempt := 1; ; attempt++ {
		address, s, err := startRedis()
		if err == nil {
			t.Cleanup(s.stop)
			return address
		}
		if attempt == startAttempts {
			t.Fatal(err)
		}
	}
}

func startRedis() (string, *server, error) {
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	// The password tells this server from another that took the port.
	password := rand.Text()
	settings := []string{"--appendonly", "yes", "--save", "", "--requirepass", password}
	var c command
	if path := program([]string{"redis-server", "valkey-server"}, "/usr/local/bin", "/usr/sbin"); path != "" {
		args := append([]string{path, "--bind", "127.0.0.1", "--port", strconv.Itoa(port)}, settings...)
		c = command{args: args, signal: "TERM", patience: programPatience}
	} else if docker() {
		c = container(redisImage, port, 6379, nil, append([]string{"redis-server"}, settings...))
	} else {
		return "", nil, errors.New("testkit: this test needs redis-server: run `make deps`, start a Docker engine, or put " +
			"the URL of a Redis that tests may empty in " + redisEnv + " (`go test -short` leaves these tests out)")
	}
	dir, err := newDir("nerve-redis-", nil)
	if err != nil {
		return "", nil, err
	}
	s, err := supervise(dir, c)
	if err != nil {
		return "", nil, fmt.Errorf("testkit: start Redis: %w", err)
	}
	address := url.URL{
		Scheme: "redis", User: url.UserPassword("default", password), Host: "127.0.0.1:" + strconv.Itoa(port), Path: "/0",
	}
	return address.String(), s, s.ready(c.patience, func(ctx context.Context) error {
		return pingRedis(ctx, address.String())
	})
}

func pingRedis(ctx context.Context, address string) error {
	client, err := redisClient(address)
	if err != nil {
		return err
	}
	return errors.Join(client.Ping(ctx).Err(), client.Close())
}

func redisClient(address string) (*redis.Client, error) {
	options, err := redis.ParseURL(address)
	if err != nil {
		return nil, errors.New("testkit: " + redisEnv + " must be redis://user:password@host:port")
	}
	options.MaxRetries = -1 // whoever asks, asks again
	return redis.NewClient(options), nil
}

// A shared server has 16 logical databases. Database 0 keeps who has which, so
// that tests of several processes share it; a claim that nobody gave back (its
// process was killed) ends by itself.
const (
	sharedDatabases = 15
	claimLife       = 15 * time.Minute
	claimPatience   = 5 * time.Minute
	claimPoll       = 100 * time.Millisecond
)

// borrowDatabase claims a logical database of a shared server, empties it, and
// gives it back when the test ends.
func borrowDatabase(t testing.TB, base string) string {
	t.Helper()
	address, err := url.Parse(base)
	if err != nil {
		t.Fatalf("testkit: %s must be redis://user:password@host:port", redisEnv)
	}
	address.Path = "/0"
	registry, err := redisClient(address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = registry.Close() })
	n, err := claimDatabase(t.Context(), registry)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := registry.Del(context.Background(), claimKey(n)).Err(); err != nil {
			t.Errorf("testkit: give back Redis database %d: %v", n, err)
		}
	})
	address.Path = "/" + strconv.Itoa(n)
	if err := flush(t.Context(), address.String()); err != nil {
		t.Fatalf("testkit: empty Redis database %d: %v", n, err)
	}
	return address.String()
}

func claimKey(n int) string { return "nerve-testkit:database:" + strconv.Itoa(n) }

func claimDatabase(ctx context.Context, registry *redis.Client) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, claimPatience)
	defer cancel()
	tick := time.NewTicker(claimPoll)
	defer tick.Stop()
	for {
		for n := 1; n <= sharedDatabases; n++ {
			mine, err := registry.SetNX(ctx, claimKey(n), 1, claimLife).Result()
			if err != nil {
				return 0, fmt.Errorf("testkit: claim a Redis database of %s: %w", redisEnv, err)
			}
			if mine {
				return n, nil
			}
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("testkit: every database of %s is in use: %w", redisEnv, ctx.Err())
		case <-tick.C:
		}
	}
}

func flush(ctx context.Context, address string) error {
	client, err := redisClient(address)
	if err != nil {
		return err
	}
	return errors.Join(client.FlushDB(ctx).Err(), client.Close())
}
