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

// proved is a delivery that a secret proved.
func proved(id, secret string, received time.Time) contract.Delivery {
	d := delivered(id, contract.OutcomeAccepted)
	d.SecretID, d.ReceivedAt = secret, received
	return d
}

func TestSecretUse(t *testing.T) {
	t.Parallel()
	today := time.Date(2026, 3, 10, 0, 0, 5, 0, time.UTC)
	ago := func(days int) time.Time { return today.AddDate(0, 0, -days) }
	elsewhere := proved("elsewhere", "k9", today)
	elsewhere.Source = "slack-prod"
	part := proved("p-1", "k1", today.Add(time.Hour))
	part.Part = 1
	replay := proved("replay", "k-old", today)
	replay.Trace = &contract.Trace{ReplayOf: "a"}
	open := proved("d", "k1", ago(1))
	open.Outcome = ""
	batch := []contract.Delivery{
		proved("a", "k-old", ago(7).Add(23*time.Hour)), proved("b", "k1", ago(7)), proved("c", "k1", ago(6)),
		open, proved("d", "k1", ago(1)), proved("e", "k1", today.In(time.FixedZone("", -8*3600))), proved("d", "k1", ago(1)),
		delivered("f", contract.OutcomeRejected), elsewhere, part, replay,
	}
	want := []record.SecretUse{
		{SecretID: "k1", LastUsed: today, Week: 3},
		{SecretID: "k-old", LastUsed: ago(7).Add(23 * time.Hour)},
	}
	onBoth(t, func(t *testing.T, s *record.Store) {
		record.SetNow(s, func() time.Time { return today.Add(12 * time.Hour) })
		used, err := s.SecretUse(t.Context(), "datadog-prod")
		require.NoError(t, err)
		assert.Empty(t, used)
		for i := range 3 { // one batch, the same again, and one by one: it counts once
			if i < 2 {
				save(t, s, batch...)
			} else {
				for _, d := range batch {
					save(t, s, d)
				}
			}
			used, err := s.SecretUse(t.Context(), "datadog-prod")
			require.NoError(t, err)
			assert.Equal(t, want, used, "write %d", i+1)
		}
		_, err = s.CleanUp(t.Context(), record.Retention{Deliveries: time.Hour})
		require.NoError(t, err)
		used, err = s.SecretUse(t.Context(), "datadog-prod")
		require.NoError(t, err)
		assert.Equal(t, want, used, "it outlives the deliveries")
	})
}

// A delivery that the database refuses has not used a secret either.
func TestSecretUseIsOfWhatIsSaved(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		record.SetNow(s, func() time.Time { return at })
		var refused *record.RefusedError
		require.ErrorAs(t, s.SaveDeliveries(t.Context(), []contract.Delivery{proved("a", "k1", at), proved("", "k1", at)}), &refused)
		used, err := s.SecretUse(t.Context(), "datadog-prod")
		require.NoError(t, err)
		assert.Equal(t, []record.SecretUse{{SecretID: "k1", LastUsed: at, Week: 1}}, used)
	})
}

// What came before there was a table of it is counted when the table is made.
func TestSecretUseOfAnOlderRelease(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		record.SetNow(s, func() time.Time { return at })
		var batch []contract.Delivery
		for i := range 6 {
			batch = append(batch, proved(fmt.Sprint(i), fmt.Sprint("k", i%2), at.Add(-time.Duration(i)*13*time.Hour)))
		}
		save(t, s, append(batch, delivered("unproved", contract.OutcomeRejected))...)
		want, err := s.SecretUse(t.Context(), "datadog-prod")
		require.NoError(t, err)
		require.Len(t, want, 2)
		_, err = s.Rollback(t.Context(), 4)
		require.NoError(t, err)
		migrated(t, s)
		got, err := s.SecretUse(t.Context(), "datadog-prod")
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
}

// A pooler may hand out a connection on which the statement is not prepared.
func TestAStatementThatIsNotPreparedHere(t *testing.T) {
	t.Parallel()
	s := open(t, newURL(t, "postgres"))
	record.DB(s).SetMaxOpenConns(1)
	save(t, s, proved("a", "k1", at))
	require.False(t, record.Unprepared(s))
	_, err := record.DB(s).ExecContext(t.Context(), "DEALLOCATE ALL")
	require.NoError(t, err)
	save(t, s, proved("b", "k1", at))
	assert.True(t, record.Unprepared(s), "it is not tried each time")
	_, err = record.DB(s).ExecContext(t.Context(), "DEALLOCATE ALL")
	require.NoError(t, err)
	save(t, s, proved("c", "k1", at))
	for _, id := range []string{"a", "b", "c"} {
		_, err := s.Delivery(t.Context(), id)
		require.NoError(t, err, id)
	}
}
