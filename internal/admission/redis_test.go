package admission

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/testkit"
)

// patience bounds what tests wait for; nothing is measured with it.
const patience = time.Minute

// server is a redis-server process of the tests' own.
type server struct {
	addr, dir, fsync string
	more             []string // arguments
	cmd              *exec.Cmd
}

// freePort is an address that nobody listens on.
func freePort(t testing.TB) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(testkit.FreePort(t)))
}

// startServer starts one that writes its file at every command, or every second
// as in production.
func startServer(t testing.TB, dir, fsync string) (*server, error) {
	t.Helper()
	s := &server{addr: freePort(t), dir: dir, fsync: fsync}
	return s, s.start()
}

func (s *server) start() error {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return fmt.Errorf("these tests need redis-server: apt-get install redis-server: %w", err)
	}
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return err
	}
	args := append([]string{
		"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", s.fsync, "--logfile", filepath.Join(s.dir, "log"),
	}, s.more...)
	s.cmd = exec.Command(binary, args...)
	if err := s.cmd.Start(); err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1})
	defer client.Close()
	for deadline := time.Now().Add(patience); ; {
		err := client.Ping(context.Background()).Err()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			s.kill()
			return fmt.Errorf("redis-server on %s: %w", s.addr, err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// kill ends the process as a crash does.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

var shared struct {
	once   sync.Once
	server *server
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.kill()
		_ = os.RemoveAll(shared.server.dir)
	}
	os.Exit(code)
}

// sharedServer is one process for the tests that do not end it; each has its
// own prefix.
func sharedServer(t testing.TB) string {
	t.Helper()
	shared.once.Do(func() {
		var dir string
		if dir, shared.err = os.MkdirTemp("", "admission-redis-"); shared.err == nil {
			shared.server, shared.err = startServer(t, dir, "everysec")
		}
	})
	require.NoError(t, shared.err)
	return shared.server.addr
}

func ownServer(t *testing.T) *server {
	t.Helper()
	s, err := startServer(t, t.TempDir(), "always")
	require.NoError(t, err)
	t.Cleanup(s.kill)
	return s
}

func connect(t testing.TB, addr string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: addr, ContextTimeoutEnabled: true, MaxRetries: -1,
		ReadTimeout: patience, PoolTimeout: patience, // a busy machine is not a lost Redis
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// open builds an Admission with a budget that a busy test machine keeps too.
func open(t testing.TB, client redis.UniversalClient, change ...func(*Options)) *Admission {
	t.Helper()
	o := Options{
		Client: client, Prefix: "t" + rand.Text(), Budget: patience, Durable: true,
		Logger: slog.New(slog.DiscardHandler), ProbeEvery: 10 * time.Millisecond, LeaseTTL: time.Second,
	}
	for _, c := range change {
		c(&o)
	}
	a, err := Open(o)
	require.NoError(t, err)
	a.timing.retryMin, a.timing.retryMax = time.Millisecond, 20*time.Millisecond
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = a.Close(ctx)
	})
	return a
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// backend is one way in which decisions are made; all must decide the same.
type backend struct {
	name string
	open func(t testing.TB) (a *Admission, advance func(time.Duration))
}

// backends are the embedded Redis and memory, whose time can be moved.
func backends() []backend {
	return []backend{
		{"miniredis", func(t testing.TB) (*Admission, func(time.Duration)) {
			mini := miniredis.RunT(t)
			c := newClock()
			mini.SetTime(c.Now())
			mini.ClockTTL(true)
			a := open(t, connect(t, mini.Addr()), func(o *Options) { o.Now = c.Now })
			return a, func(d time.Duration) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.now = c.now.Add(d)
				mini.SetTime(c.now)
			}
		}},
		{"memory", func(t testing.TB) (*Admission, func(time.Duration)) {
			c := newClock()
			a := open(t, connect(t, "127.0.0.1:1"), func(o *Options) { o.Now = c.Now })
			a.outage.away.Store(true)
			return a, func(d time.Duration) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.now = c.now.Add(d)
			}
		}},
	}
}

// eachBackend runs a test of decisions on all of them, and on a real server
// when it does not move time.
func eachBackend(t *testing.T, movesTime bool, test func(t *testing.T, a *Admission, advance func(time.Duration))) {
	t.Helper()
	all := backends()
	if !movesTime {
		all = append(all, backend{"redis-server", func(t testing.TB) (*Admission, func(time.Duration)) {
			return open(t, connect(t, sharedServer(t))), nil
		}})
	}
	for _, b := range all {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			a, advance := b.open(t)
			test(t, a, advance)
		})
	}
}

// embedded is the in-process Redis, with its own clock running.
func embedded(t testing.TB) string {
	t.Helper()
	mini := miniredis.RunT(t)
	mini.ClockTTL(true)
	return mini.Addr()
}

func logTo(r *records) func(*Options) {
	return func(o *Options) { o.Logger = slog.New(r) }
}

// commands counts the commands that a client sends, by name.
type commands struct {
	mu     sync.Mutex
	counts map[string]int
	args   [][]any

	pipelines int
}

func (c *commands) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *commands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.note(cmd)
		return next(ctx, cmd)
	}
}

// note counts a command, but not what sets up a connection.
func (c *commands) note(cmd redis.Cmder) {
	if cmd.Name() == "hello" || cmd.Name() == "client" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[cmd.Name()]++
	c.args = append(c.args, cmd.Args())
}

func (c *commands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.mu.Lock()
		c.pipelines++
		c.mu.Unlock()
		return next(ctx, cmds)
	}
}

func (c *commands) total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.args)
}

// records keeps the messages that were logged.
type records struct {
	mu       sync.Mutex
	messages []string
}

func (r *records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *records) WithGroup(string) slog.Handler            { return r }
func (r *records) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, rec.Message)
	return nil
}

func (r *records) count(message string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, m := range r.messages {
		if m == message {
			n++
		}
	}
	return n
}
