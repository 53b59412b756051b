package record_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// attempt is one HTTP attempt, some seconds after a moment.
func attempt(n int, source string, after time.Duration, change ...func(*contract.Delivery)) contract.Delivery {
	d := contract.Delivery{
		ID: fmt.Sprintf("%s-%03d", source, n), Source: source, ReceivedAt: at.Add(after), Outcome: contract.OutcomeAccepted,
		Assurance: "signed", Status: 200, Signals: 1,
	}
	for _, f := range change {
		f(&d)
	}
	return d
}

func refused(reason contract.Reason, notKept int64) func(*contract.Delivery) {
	return func(d *contract.Delivery) {
		d.Outcome, d.Reason, d.Assurance, d.Status = contract.OutcomeRejected, reason.String(), "", 401
		if notKept > 0 {
			d.Trace = &contract.Trace{NotKept: notKept}
		}
	}
}

func replayed(d *contract.Delivery) { d.Trace = &contract.Trace{ReplayOf: "another"} }

func skew(ms int64) func(*contract.Delivery) {
	return func(d *contract.Delivery) { d.Trace = &contract.Trace{SkewMS: ms} }
}

func TestSenderHealthCountsRecentAttempts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		broken := opened("i-broken", 1)
		broken.Phase = contract.PhaseFailed
		require.NoError(t, s.SaveIncident(t.Context(), broken))
		require.NoError(t, s.SaveIncident(t.Context(), opened("i-good", 1)))
		require.NoError(t, s.SaveDeliveries(t.Context(), []contract.Delivery{
			attempt(1, "a", 0, skew(-2000)),
			attempt(2, "a", time.Second, skew(70_000)),
			attempt(3, "a", time.Second, refused(contract.ReasonSignature, 9)),
			attempt(4, "a", time.Second, refused(contract.ReasonUnsigned, 0)),
			attempt(5, "a", time.Second, refused(contract.ReasonBackoff, 0)),
			attempt(6, "a", time.Second, refused(contract.ReasonStale, 0)),
			attempt(7, "a", time.Second, refused(contract.ReasonTooLarge, 0)),
			attempt(8, "a", time.Second, func(d *contract.Delivery) { d.Outcome, d.Status = contract.OutcomeFailed, 503 }),
			attempt(9, "a", time.Second, func(d *contract.Delivery) { d.IncidentID = "i-broken" }),
			attempt(10, "a", time.Second, func(d *contract.Delivery) { d.IncidentID = "i-good" }),
			attempt(11, "a", time.Second, func(d *contract.Delivery) { d.Part = 1 }), // counted with its attempt
			attempt(12, "a", -time.Second),                                           // before
			attempt(13, "a", 5*time.Minute),                                          // after
			attempt(14, "b", 0),
			attempt(15, "b", time.Second, replayed), // nothing that its sender did
		}))
		got, err := s.SenderHealth(t.Context(), at, at.Add(5*time.Minute))
		require.NoError(t, err)
		assert.Equal(t, []record.SenderCounts{
			{Source: "a", Attempts: 19, Unproved: 12, Mismatch: 10, Stale: 1, Failed: 2, Proved: 5, Timed: 2, MinSkewMS: -2000, MaxSkewMS: 70_000},
			{Source: "b", Attempts: 1, Proved: 1},
		}, got)
		got, err = s.SenderHealth(t.Context(), at.Add(time.Hour), at.Add(2*time.Hour))
		require.NoError(t, err)
		assert.Empty(t, got)
	})
}

func TestUnmatchedSinceTheLastProof(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		require.NoError(t, s.SaveDeliveries(t.Context(), []contract.Delivery{
			attempt(1, "a", 0, refused(contract.ReasonSignature, 0)),
			attempt(2, "a", time.Second),
			attempt(3, "a", 2*time.Second, refused(contract.ReasonSignature, 0)),
			attempt(4, "a", 3*time.Second, refused(contract.ReasonUnsigned, 0)),
			attempt(5, "a", 4*time.Second, refused(contract.ReasonSignature, 0)),
			attempt(6, "b", 4*time.Second, refused(contract.ReasonSignature, 0)),
			attempt(7, "a", 5*time.Second, replayed),
		}))
		u, err := s.Unmatched(t.Context(), "a", at.Add(-time.Hour))
		require.NoError(t, err)
		assert.Equal(t, record.Unmatched{LastProved: at.Add(time.Second), Count: 2, First: at.Add(2 * time.Second)}, u)
		for _, tt := range []struct {
			source string
			since  time.Time
		}{{"a", at.Add(time.Minute)}, {"b", at.Add(-time.Hour)}, {"nobody", at}} {
			u, err = s.Unmatched(t.Context(), tt.source, tt.since)
			require.NoError(t, err)
			assert.Zero(t, u, "nothing of it was ever proved in that time")
		}
	})
}

func TestSendersAndWhenTheyWereHeardOf(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		names, err := s.Senders(t.Context())
		require.NoError(t, err)
		assert.Empty(t, names)
		var batch []contract.Delivery
		for i := range 20 {
			batch = append(batch, attempt(i, []string{"b", "a", "Z"}[i%3], time.Duration(i)*time.Minute))
		}
		batch = append(batch, attempt(99, "a", time.Hour, refused(contract.ReasonSignature, 0)), attempt(98, "", time.Hour))
		require.NoError(t, s.SaveDeliveries(t.Context(), batch[:len(batch)-1]))
		names, err = s.Senders(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"Z", "a", "b"}, names)

		times, err := s.Received(t.Context(), "a", at, 3)
		require.NoError(t, err)
		assert.Equal(t, []time.Time{at.Add(19 * time.Minute), at.Add(16 * time.Minute), at.Add(13 * time.Minute)}, times, "what was refused is not the sender")
		times, err = s.Received(t.Context(), "a", at.Add(15*time.Minute), 0)
		require.NoError(t, err)
		assert.Len(t, times, 2)
	})
}
