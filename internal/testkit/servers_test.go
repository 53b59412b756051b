package testkit

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// soon is how long a test waits for what happens in another process.
const soon = 30 * time.Second

func TestPostgresGivesEachTestItsOwnDatabase(t *testing.T) {
	t.Parallel()
	var used string
	t.Run("one", func(t *testing.T) {
		used = Postgres(t)
		require.NoError(t, execute(t.Context(), used, "CREATE TABLE x (y TEXT)"))
		require.NoError(t, execute(t.Context(), Postgres(t), "CREATE TABLE x (y TEXT)"), "another is empty")
		conn, err := pgx.Connect(t.Context(), used)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
		var encoding string
		require.NoError(t, conn.QueryRow(t.Context(), "SHOW server_encoding").Scan(&encoding))
		assert.Equal(t, "UTF8", encoding)
		// conn is still open: the database goes all the same.
	})
	if used != "" {
		require.ErrorContains(t, execute(t.Context(), used, "SELECT 1"), "does not exist")
	}
}

func TestRedisGivesEachCallItsOwn(t *testing.T) {
	t.Parallel()
	one, two := Redis(t), Redis(t)
	first, err := redisClient(one)
	require.NoError(t, err)
	defer func() { _ = first.Close() }()
	second, err := redisClient(two)
	require.NoError(t, err)
	defer func() { _ = second.Close() }()

	require.NoError(t, first.Set(t.Context(), "k", "v", 0).Err())
	n, err := second.DBSize(t.Context()).Result()
	require.NoError(t, err)
	assert.Zero(t, n)
	if given(redisEnv) == "" {
		config, err := first.ConfigGet(t.Context(), "appendonly").Result()
		require.NoError(t, err)
		assert.Equal(t, "yes", config["appendonly"])
	}
}

func TestGivenServersAreUsed(t *testing.T) {
	base := Redis(t)
	t.Setenv(redisEnv, base)
	var first string
	t.Run("one", func(t *testing.T) {
		first = Redis(t)
		client, err := redisClient(first)
		require.NoError(t, err)
		require.NoError(t, client.Set(t.Context(), "k", "v", 0).Err())
		require.NoError(t, client.Close())
		assert.NotEqual(t, first, Redis(t), "a database that is in use is not given again")
	})
	again := Redis(t)
	assert.Equal(t, first, again, "one that was given back is")
	client, err := redisClient(again)
	require.NoError(t, err)
	defer func() { _ = client.Close() }()
	n, err := client.DBSize(t.Context()).Result()
	require.NoError(t, err)
	assert.Zero(t, n, "and it is empty")

	other := Postgres(t)
	t.Setenv(postgresEnv, other)
	given, err := url.Parse(Postgres(t))
	require.NoError(t, err)
	was, err := url.Parse(other)
	require.NoError(t, err)
	assert.Equal(t, was.Host, given.Host)
	assert.NotEqual(t, was.Path, given.Path)
}

// refusal runs f with a test that only notes why it failed.
func refusal(t *testing.T, f func(testing.TB)) string {
	t.Helper()
	fake := &fakeTest{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(fake)
	}()
	<-done
	return fake.reason
}

type fakeTest struct {
	testing.TB
	reason string
}

func (f *fakeTest) Helper()        {}
func (f *fakeTest) Cleanup(func()) {}

func (f *fakeTest) Fatal(args ...any) {
	f.reason = args[0].(error).Error()
	runtime.Goexit()
}

func TestWithoutServersTheTestFailsAndSaysHowToGetThem(t *testing.T) {
	short(t, "Redis and PostgreSQL")
	t.Setenv(redisEnv, "")
	t.Setenv("PATH", t.TempDir())
	if _, err := os.Stat("/usr/local/bin/redis-server"); errors.Is(err, os.ErrNotExist) && !docker() {
		reason := refusal(t, func(t testing.TB) { Redis(t) })
		assert.Contains(t, reason, "make deps")
		assert.Contains(t, reason, redisEnv)
	}
	folders := postgresFolders
	postgresFolders = nil
	t.Cleanup(func() { postgresFolders = folders })
	_, err := startPostgres()
	require.ErrorContains(t, err, "make deps")
	assert.ErrorContains(t, err, postgresEnv)
}

func TestAServerThatDoesNotStartShowsItsLog(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "server")
	require.NoError(t, os.Mkdir(dir, 0o700))
	s, err := supervise(dir, command{args: []string{"sh", "-c", "echo cannot bind; exit 3"}, signal: "TERM"})
	require.NoError(t, err)
	err = s.ready(soon, func(context.Context) error { return errors.New("not yet") })
	require.ErrorContains(t, err, "it ended")
	require.ErrorContains(t, err, "cannot bind")
	assert.NoDirExists(t, dir)
}

// A container's options, with a docker that is a script: it notes how it was
// called and serves until it is told to stop.
func TestContainer(t *testing.T) {
	bin, called := t.TempDir(), filepath.Join(t.TempDir(), "called")
	script := "#!/bin/sh\necho \"$*\" >>" + called + "\ncase $1 in run) exec sleep 600;; esac\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "docker"), []byte(script), 0o700))
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))

	dir := filepath.Join(t.TempDir(), "server")
	require.NoError(t, os.Mkdir(dir, 0o700))
	c := container("redis:7", 4567, 6379, []string{"A=b"}, []string{"redis-server", "--appendonly", "yes"})
	s, err := supervise(dir, c)
	require.NoError(t, err)
	calls := func() string {
		b, _ := os.ReadFile(called)
		return string(b)
	}
	require.NoError(t, s.ready(soon, func(context.Context) error {
		if calls() == "" {
			return errors.New("not called yet")
		}
		return nil
	}))
	s.stop()
	assert.Equal(t, "run --rm --name "+c.container+" -p 127.0.0.1:4567:6379 -e A=b redis:7 redis-server --appendonly yes\n"+
		"rm -f "+c.container+"\n", calls())
}

// abandonEnv makes the next test the process that dies.
const abandonEnv = "NERVE_TESTKIT_ABANDON"

// The process that asked for servers is killed: they end and their files go.
func TestServersEndWithTheProcess(t *testing.T) {
	if note := os.Getenv(abandonEnv); note != "" {
		address, s, err := startRedis()
		require.NoError(t, err)
		postgres, err := localPostgres()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(note+".new", []byte(s.dir+"\n"+address+"\n"+postgres), 0o600))
		require.NoError(t, os.Rename(note+".new", note))
		select {} // until it is killed
	}
	short(t, "Redis and PostgreSQL")
	t.Parallel()
	temp := t.TempDir()
	// As /tmp is: PostgreSQL runs as another user where this is root.
	require.NoError(t, os.Chmod(temp, 0o777|os.ModeSticky))
	require.NoError(t, os.Chmod(filepath.Dir(temp), 0o711))
	note := filepath.Join(t.TempDir(), "note")
	child := exec.Command(os.Args[0], "-test.run=^TestServersEndWithTheProcess$")
	child.Env = append(os.Environ(), abandonEnv+"="+note, "TMPDIR="+temp, redisEnv+"=", postgresEnv+"=")
	require.NoError(t, child.Start())
	require.Eventually(t, func() bool { return exists(note) }, 2*soon, readyPoll)
	text, err := os.ReadFile(note)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	assert.DirExists(t, lines[0])
	require.NoError(t, pingRedis(t.Context(), lines[1]))
	require.NoError(t, execute(t.Context(), lines[2], "SELECT 1"))

	require.NoError(t, child.Process.Kill())
	_ = child.Wait() // it was killed
	require.Eventually(t, func() bool {
		left, err := os.ReadDir(temp)
		return err == nil && len(left) == 0
	}, soon, readyPoll, "their files are still there")
	require.Error(t, pingRedis(t.Context(), lines[1]))
	require.Error(t, execute(t.Context(), lines[2], "SELECT 1"))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
