package ingest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
)

// slowly answers every command with an error and counts them.
type slowly struct {
	err  error
	told atomic.Int32
}

func (s *slowly) Do(context.Context, contract.Command) (starter.Result, error) {
	s.told.Add(1)
	return starter.Result{Outcome: starter.Started}, s.err
}

// spoolOnly is a spool that may refuse.
type spoolOnly struct{ err error }

func (spoolOnly) Log(context.Context, contract.Delivery) error { return nil }

func (s spoolOnly) Spool(context.Context, contract.Command, []byte) error { return s.err }

func behindPipeline(backlog int64, temporal, spool error) (*pipeline, *slowly) {
	t := &slowly{err: temporal}
	p := &pipeline{startDeadline: time.Second, Deps: Deps{
		Starter: t, Streams: spoolOnly{spool}, Sealer: fakeSealer{},
		Backlog: func(context.Context) (int64, error) { return backlog, nil },
	}}
	return p, t
}

func TestNobodyWaitsForATemporalThatIsBehind(t *testing.T) {
	t.Parallel()
	p, temporal := behindPipeline(1, starter.ErrUnavailable, nil)
	_, err := p.do(t.Context(), contract.Command{})
	require.ErrorIs(t, err, starter.ErrUnavailable)
	_, err = p.do(t.Context(), contract.Command{})
	require.ErrorIs(t, err, errBehind)
	assert.Equal(t, int32(1), temporal.told.Load(), "the second was not tried")
	p.pressure.ask(t.Context(), p.Backlog)
	assert.True(t, p.pressure.raised.Load(), "what waits in the spool comes first")
	p.Backlog = func(context.Context) (int64, error) { return 0, nil }
	p.pressure.ask(t.Context(), p.Backlog)
	_, err = p.do(t.Context(), contract.Command{})
	require.NotErrorIs(t, err, errBehind, "the spool is empty: Temporal is tried again")
}

func TestWithoutASpoolEveryCommandWaitsForTemporal(t *testing.T) {
	t.Parallel()
	p, temporal := behindPipeline(0, starter.ErrUnavailable, nil)
	p.Backlog = nil
	for range 3 {
		_, err := p.do(t.Context(), contract.Command{})
		require.NotErrorIs(t, err, errBehind)
	}
	assert.Equal(t, int32(3), temporal.told.Load())
}

func TestWhatTheSpoolRefusesIsTriedAtTemporalAfterAll(t *testing.T) {
	t.Parallel()
	refused := errors.New("the spool is full")
	p, temporal := behindPipeline(1, nil, refused)
	require.NoError(t, p.spool(t.Context(), contract.Command{}, errBehind))
	assert.Equal(t, int32(1), temporal.told.Load())
	require.ErrorIs(t, p.spool(t.Context(), contract.Command{}, starter.ErrUnavailable), refused,
		"Temporal was tried already")
	assert.Equal(t, int32(1), temporal.told.Load())
}
