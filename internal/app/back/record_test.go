package back

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

var (
	errAway  = fmt.Errorf("record: cannot use PostgreSQL: %w", io.EOF)
	errWrong = errors.New("record: the password is wrong")
)

// opener fails with its errors in turn, and then opens.
type opener struct {
	errs  []error
	at    []time.Duration // of each attempt, since the first
	began time.Time
	store record.Store
}

func (o *opener) open(context.Context) (*record.Store, error) {
	if o.at == nil {
		o.began = time.Now()
	}
	o.at = append(o.at, time.Since(o.began))
	if n := len(o.at); n <= len(o.errs) {
		return nil, o.errs[n-1]
	}
	return &o.store, nil
}

func TestOpenRecordWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		o := &opener{errs: []error{errAway, errAway, errAway, errAway, errAway, errAway}}
		store, err := openRecord(t.Context(), o.open, slog.New(slog.NewTextHandler(&out, nil)))
		require.NoError(t, err)
		assert.Same(t, &o.store, store)
		var at []time.Duration
		for _, seconds := range []time.Duration{0, 1, 3, 7, 15, 30, 45} {
			at = append(at, seconds*time.Second)
		}
		assert.Equal(t, at, o.at)
		assert.Equal(t, 6, strings.Count(out.String(), "this worker starts when its database answers"), "each is said")
		assert.Contains(t, out.String(), "cannot use PostgreSQL")
	})
}

func TestOpenRecordGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &opener{errs: []error{errAway, errWrong}}
		_, err := openRecord(t.Context(), o.open, slog.New(slog.DiscardHandler))
		require.ErrorIs(t, err, errWrong)
		assert.Len(t, o.at, 2)
	})
}

func TestOpenRecordIsStopped(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]bool{"in a pause": false, "in an attempt": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() {
					_, err := openRecord(ctx, func(ctx context.Context) (*record.Store, error) {
						if wait {
							<-ctx.Done()
						}
						return nil, errAway
					}, slog.New(slog.DiscardHandler))
					ended <- err
				}()
				synctest.Wait()
				before := time.Now()
				cancel()
				require.ErrorIs(t, <-ended, context.Canceled)
				assert.Zero(t, time.Since(before), "no pause is waited out")
			})
		})
	}
}

type fakeLog struct {
	err   error
	batch []contract.Delivery
}

func (f *fakeLog) SaveDeliveries(_ context.Context, batch []contract.Delivery) error {
	f.batch = batch
	return f.err
}

func TestSave(t *testing.T) {
	t.Parallel()
	batch := []contract.Delivery{{ID: "d-1"}, {ID: "d-2"}, {ID: "d-3"}}
	for name, tc := range map[string]struct {
		err, want error
		said      []string
	}{
		"saved": {},
		"away":  {err: errAway, want: errAway},
		"refused": {
			err:  fmt.Errorf("x: %w", &record.RefusedError{IDs: []string{"d-1", "d-3"}, Err: errWrong}),
			said: []string{"level=ERROR", "d-1", "d-3", errWrong.Error()},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			to := &fakeLog{err: tc.err}
			told := 0
			err := save(to, func(_ context.Context, b []contract.Delivery) { told += len(b) }, slog.New(slog.NewTextHandler(&out, nil)))(t.Context(), batch)
			require.ErrorIs(t, err, tc.want)
			assert.Equal(t, batch, to.batch)
			assert.Equal(t, tc.want == nil, told == len(batch), "only what is on record is told")
			assert.Equal(t, len(tc.said) == 0, out.Len() == 0)
			for _, text := range tc.said {
				assert.Contains(t, out.String(), text)
			}
			assert.NotContains(t, out.String(), "d-2", "it is saved")
		})
	}
}
