package record_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

func delivered(id string, outcome contract.Outcome) contract.Delivery {
	return contract.Delivery{
		ID: id, Source: "datadog-prod", Provider: "datadog", ReceivedAt: at, IncidentID: "i", Outcome: outcome, Status: 200,
	}
}

func save(t *testing.T, s *record.Store, batch ...contract.Delivery) {
	t.Helper()
	require.NoError(t, s.SaveDeliveries(t.Context(), batch))
}

func TestDeliveryComesBackWhole(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		full := filled[contract.Delivery]()
		full.Sealed = []byte("\x00\x01'\\\xff not text")
		bare := delivered("bare", "")
		save(t, s, full, bare)
		for _, want := range []contract.Delivery{full, bare} {
			got, err := s.Delivery(t.Context(), want.ID)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
	})
}

func TestDeliveryOutcomeIsWrittenOnce(t *testing.T) {
	t.Parallel()
	sealed, headers := []byte{1, 2, 3}, map[string]string{"Content-Type": "application/json"}
	open := delivered("d", "")
	open.Sealed, open.Headers = sealed, headers
	accepted := delivered("d", contract.OutcomeAccepted)
	failed := delivered("d", contract.OutcomeFailed)
	failed.Status = 503
	failedSealed := failed
	failedSealed.Sealed, failedSealed.Headers = sealed, headers

	cases := []struct {
		name    string
		entries []contract.Delivery
		outcome contract.Outcome
		sealed  bool
	}{
		{"after nothing", []contract.Delivery{accepted}, contract.OutcomeAccepted, false},
		{"after an open entry, whose bytes stay", []contract.Delivery{open, accepted}, contract.OutcomeAccepted, true},
		{"before an open entry, whose bytes are taken", []contract.Delivery{accepted, open}, contract.OutcomeAccepted, true},
		{"all of it twice", []contract.Delivery{open, accepted, open, accepted}, contract.OutcomeAccepted, true},
		{"the first outcome stays", []contract.Delivery{open, failed, accepted}, contract.OutcomeFailed, true},
		{
			"the first outcome stays, with the bytes of the second",
			[]contract.Delivery{accepted, failedSealed},
			contract.OutcomeAccepted, true,
		},
		{"only open", []contract.Delivery{open, open}, "", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, s *record.Store) {
				// One by one, and as one batch: the same comes out.
				batch := slices.Clone(c.entries)
				for i := range batch {
					batch[i].ID = "one by one"
					save(t, s, batch[i])
					batch[i].ID = "batch"
				}
				save(t, s, batch...)
				for _, id := range []string{"one by one", "batch"} {
					got, err := s.Delivery(t.Context(), id)
					require.NoError(t, err)
					assert.Equal(t, c.outcome, got.Outcome)
					assert.Equal(t, c.outcome == contract.OutcomeFailed, got.Status == 503, "the row is of one entry")
					if c.sealed {
						assert.Equal(t, sealed, got.Sealed)
						assert.Equal(t, headers, got.Headers)
					}
				}
			})
		})
	}
}

func TestLargeBatch(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		body := bytes.Repeat([]byte{0xA5}, 1<<20)
		batch := make([]contract.Delivery, 450)
		for i := range batch {
			batch[i] = delivered(fmt.Sprintf("d%03d", i), contract.OutcomeDebounced)
			if i < 5 {
				batch[i].Sealed = body
			}
		}
		save(t, s, batch...)
		n, err := s.Occurrences(t.Context(), "i")
		require.NoError(t, err)
		assert.Equal(t, int64(450), n)
		got, err := s.Delivery(t.Context(), "d004")
		require.NoError(t, err)
		assert.Equal(t, body, got.Sealed)
		save(t, s) // an empty batch is no fault
	})
}

func TestOneBadEntryDoesNotHoldUpTheLog(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		nul := delivered("nul", contract.OutcomeAccepted)
		nul.Reason, nul.Headers = "a\x00b\xff", map[string]string{"X-Nul": "\x00"}
		err := s.SaveDeliveries(t.Context(), []contract.Delivery{
			delivered("a", contract.OutcomeAccepted), delivered("", contract.OutcomeAccepted), nul,
			delivered("b", contract.OutcomeAccepted),
		})
		var refused *record.RefusedError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, []string{""}, refused.IDs)
		assert.False(t, record.Retryable(err))
		for _, id := range []string{"a", "nul", "b"} {
			_, err := s.Delivery(t.Context(), id)
			require.NoError(t, err, id)
		}
	})
}

func TestOccurrences(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		for _, o := range []contract.Outcome{
			"", contract.OutcomeAccepted, contract.OutcomeDuplicate, contract.OutcomeDebounced, contract.OutcomeFolded,
			contract.OutcomeLimited, contract.OutcomeResolved, contract.OutcomeIgnored, contract.OutcomeStored,
			contract.OutcomeHandshake, contract.OutcomeRejected, contract.OutcomeFailed,
		} {
			other := delivered("other-"+string(o), o)
			other.IncidentID = "other"
			save(t, s, delivered("d-"+string(o), o), other)
		}
		n, err := s.Occurrences(t.Context(), "i")
		require.NoError(t, err)
		assert.Equal(t, int64(3), n)
		n, err = s.Occurrences(t.Context(), "nobody")
		require.NoError(t, err)
		assert.Zero(t, n)
	})
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		for i, id := range []string{"b", "d", "a", "c"} {
			d := delivered(id, contract.OutcomeAccepted)
			d.ReceivedAt, d.Sealed = at.Add(time.Duration(i)*time.Microsecond), []byte("sealed")
			if i > 1 {
				d.Source, d.IncidentID, d.Outcome = "slack-prod", "j", contract.OutcomeDuplicate
			}
			save(t, s, d)
		}
		for _, c := range []struct {
			filter record.DeliveryFilter
			want   []string
		}{
			{record.DeliveryFilter{}, []string{"c", "a", "d", "b"}},
			{record.DeliveryFilter{Limit: 1}, []string{"c"}},
			{record.DeliveryFilter{IncidentID: "i"}, []string{"d", "b"}},
			{record.DeliveryFilter{Source: "slack-prod"}, []string{"c", "a"}},
			{record.DeliveryFilter{Outcomes: record.Occurring()}, []string{"d", "b"}},
			{record.DeliveryFilter{IncidentID: "j", Outcomes: record.Occurring()}, []string{}},
		} {
			got, err := s.Deliveries(t.Context(), c.filter)
			require.NoError(t, err)
			assert.Equal(t, c.want, deliveryIDs(got), "%+v", c.filter)
			for _, d := range got {
				assert.Nil(t, d.Sealed, "a list carries no bodies")
			}
		}
	})
}

func TestUnknownDelivery(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		_, err := s.Delivery(t.Context(), "nobody")
		require.ErrorIs(t, err, record.ErrNotFound)
	})
}
