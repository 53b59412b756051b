package record

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

// PostgreSQL's writers do not wait for a batch of the clean-up, and the clean-up
// does not wait for them: it leaves a row that somebody is writing.
func TestCleanUpAndWritersDoNotWait(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), testkit.Postgres(t), testkit.Logger(t))
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // who waits, waits for ever
	defer cancel()
	old := func(id string) contract.Delivery {
		return contract.Delivery{ID: id, Source: "s", ReceivedAt: time.Unix(1, 0), Outcome: contract.OutcomeAccepted}
	}
	require.NoError(t, s.SaveDeliveries(ctx, []contract.Delivery{old("a"), old("b"), old("busy")}))

	writer, err := s.write.BeginTx(ctx, nil)
	require.NoError(t, err)
	_, err = writer.ExecContext(ctx, "UPDATE deliveries SET reason = 'x' WHERE id = 'busy'")
	require.NoError(t, err)
	batch, err := s.write.BeginTx(ctx, nil)
	require.NoError(t, err)
	var times []time.Time
	remove := s.oldest("DELETE FROM deliveries", "deliveries", "received_at", "")
	require.NoError(t, batch.NewRaw(remove, time.Time{}, time.Unix(2, 0), cleanBatch).Scan(ctx, &times))
	assert.Len(t, times, 2, "without the one that is busy")

	now := old("now")
	now.ReceivedAt = time.Unix(3, 0)
	require.NoError(t, s.SaveDeliveries(ctx, []contract.Delivery{now}), "the log is written while a batch is open")
	list, err := s.Deliveries(ctx, DeliveryFilter{})
	require.NoError(t, err)
	assert.Len(t, list, 4, "and read")

	require.NoError(t, writer.Commit())
	require.NoError(t, batch.Commit())
	removed, err := s.CleanUp(ctx, Retention{Deliveries: time.Since(time.Unix(2, 0))})
	require.NoError(t, err)
	assert.Equal(t, Removed{Deliveries: 1}, removed, "the busy one goes the next time")
}
