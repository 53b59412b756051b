package back

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/record"
)

type fakeCleaner struct {
	began   time.Time
	at      []time.Duration
	keep    record.Retention
	removed []record.Removed
	errs    []error
	last    func()
}

func (f *fakeCleaner) CleanUp(_ context.Context, keep record.Retention) (record.Removed, error) {
	f.keep = keep
	f.at = append(f.at, time.Since(f.began))
	n := len(f.at) - 1
	if n == len(f.errs)-1 {
		f.last()
	}
	return f.removed[n], f.errs[n]
}

func TestCleanUpEveryHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var out bytes.Buffer
		f := &fakeCleaner{
			began: time.Now(), last: stop,
			removed: []record.Removed{{Deliveries: 7}, {}, {Elsewhere: true}, {Bodies: 3}, {}},
			errs:    []error{nil, errAway, nil, nil, context.Canceled},
		}
		keep := record.Retention{Deliveries: 3, Bodies: 2, Incidents: 1}
		require.NoError(t, cleanUp(ctx, f, keep, slog.New(slog.NewTextHandler(&out, nil))))
		assert.Equal(t, keep, f.keep)
		first := 5 * time.Minute
		assert.Equal(t, []time.Duration{first, first + time.Hour, first + 2*time.Hour, first + 3*time.Hour, first + 4*time.Hour}, f.at)
		said := strings.Split(strings.TrimSpace(out.String()), "\n")
		require.Len(t, said, 3, out.String())
		assert.Contains(t, said[0], "deliveries=7")
		assert.Contains(t, said[1], "level=WARN")
		assert.Contains(t, said[2], "bodies=3")
	})
}

func TestCleanUpIsStoppedWhileItWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- cleanUp(ctx, &fakeCleaner{}, record.Retention{}, slog.New(slog.DiscardHandler)) }()
		synctest.Wait()
		before := time.Now()
		stop()
		require.NoError(t, <-ended)
		assert.Zero(t, time.Since(before))
	})
}
