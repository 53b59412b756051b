package testkit

import (
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClock(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := NewClock(start)
	assert.Equal(t, start, c.Now())
	assert.Equal(t, start, c.Now(), "it stands still")
	assert.Equal(t, start.Add(time.Minute), c.Advance(time.Minute))
	assert.Equal(t, start.Add(time.Minute), c.Now())
	c.Set(start.Add(-time.Hour))
	assert.Equal(t, start.Add(-time.Hour), c.Now())
}

func TestFreePort(t *testing.T) {
	t.Parallel()
	address := "127.0.0.1:" + strconv.Itoa(FreePort(t))
	require.Eventually(t, func() bool { // a process that another test forks may hold it for a moment
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
		return err == nil && l.Close() == nil
	}, time.Minute, time.Millisecond)
}

func TestListen(t *testing.T) {
	t.Parallel()
	l := Listen(t)
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	assert.NoError(t, c.Close())
}

// recorder is a test that keeps what is written to it.
type recorder struct {
	testing.TB
	out      strings.Builder
	cleanups []func()
}

func (r *recorder) Helper()            {}
func (r *recorder) Output() io.Writer  { return &r.out }
func (r *recorder) Cleanup(end func()) { r.cleanups = append(r.cleanups, end) }

func TestLogger(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	log := Logger(r)
	log.Debug("first", "key", "value")
	for _, end := range r.cleanups {
		end()
	}
	log.Error("after the test has ended")
	assert.Contains(t, r.out.String(), "level=DEBUG msg=first key=value\n")
	assert.Equal(t, 1, strings.Count(r.out.String(), "\n"))
}
