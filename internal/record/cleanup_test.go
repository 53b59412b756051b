package record_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

const day = 24 * time.Hour

var keep = record.Retention{Deliveries: 90 * day, Bodies: 30 * day, Incidents: 400 * day}

// aged is deliveries with a body, received before now.
func aged(prefix string, n int, before time.Duration) []contract.Delivery {
	list := make([]contract.Delivery, n)
	for i := range list {
		list[i] = delivered(fmt.Sprintf("%s-%04d", prefix, i), contract.OutcomeAccepted)
		list[i].ReceivedAt, list[i].Sealed = at.Add(-before-time.Duration(i/3)*time.Microsecond), []byte("sealed")
	}
	return list
}

func migrated(t *testing.T, s *record.Store) {
	t.Helper()
	require.NoError(t, s.Migrate(t.Context(), testkit.Logger(t)))
}

func count(t *testing.T, s *record.Store, condition string) (n int) {
	t.Helper()
	require.NoError(t, record.DB(s).NewRaw("SELECT count(*) FROM deliveries WHERE "+condition).Scan(t.Context(), &n))
	return n
}

// The log is written between the batches of a clean-up, nothing younger than
// its time is touched, and the audit log says what went.
func TestCleanUp(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		record.SetNow(s, func() time.Time { return at })
		record.SetBatch(s, 100)
		save(t, s, aged("old", 250, 90*day+time.Microsecond)...)
		save(t, s, aged("bare", 120, 31*day)...)
		save(t, s, aged("edge-90", 1, 90*day)...)
		save(t, s, aged("edge-30", 1, 30*day)...)
		for id, closed := range map[string]time.Time{
			"open": {}, "closed": at.Add(-401 * day), "edge": at.Add(-400 * day), "young": at.Add(-day),
		} {
			in := opened(id, 1)
			in.OpenedAt, in.ClosedAt = at.Add(-500*day), closed
			require.NoError(t, s.SaveIncident(t.Context(), in))
		}
		batches := 0
		record.Between(s, func() {
			batches++
			save(t, s, aged(fmt.Sprint("meanwhile-", batches), 10, 0)...)
		})
		removed, err := s.CleanUp(t.Context(), keep)
		require.NoError(t, err)
		assert.Equal(t, record.Removed{Deliveries: 250, Bodies: 121, Incidents: 1}, removed)
		assert.Equal(t, 3+2+1, batches)
		assert.Zero(t, count(t, s, "id LIKE 'old-%'"))
		assert.Equal(t, 120, count(t, s, "id LIKE 'bare-%' AND sealed IS NULL"))
		assert.Equal(t, 1, count(t, s, "id LIKE 'edge-90%' AND sealed IS NULL"))
		assert.Equal(t, 1, count(t, s, "id LIKE 'edge-30%' AND sealed IS NOT NULL"))
		assert.Equal(t, 10*batches, count(t, s, "id LIKE 'meanwhile-%' AND sealed IS NOT NULL"))
		left, err := s.Incidents(t.Context(), record.IncidentFilter{})
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{"open", "edge", "young"}, ids(left))

		again, err := s.CleanUp(t.Context(), keep)
		require.NoError(t, err)
		assert.Zero(t, again)
		log, err := s.AuditLog(t.Context(), record.AuditFilter{})
		require.NoError(t, err)
		require.Len(t, log, 2, "a clean-up that found nothing is not in it")
		assert.Equal(t, audit.Actor{Person: "nerve", Via: audit.ViaSystem}, log[0].Actor)
		assert.Equal(t, "record.clean", log[0].Action)
		assert.Equal(t, map[string]string{
			"deliveries": "250", "deliveries_before": at.Add(-90 * day).Format(time.RFC3339),
			"bodies": "121", "bodies_before": at.Add(-30 * day).Format(time.RFC3339),
			"incidents": "1", "incidents_before": at.Add(-400 * day).Format(time.RFC3339),
		}, log[0].Detail)
	})
}

// A duplicate that comes after the body was dropped must not bring it back for
// longer than until the next clean-up.
func TestCleanUpTakesABodyThatCameBack(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		record.SetNow(s, func() time.Time { return at })
		for range 2 {
			save(t, s, aged("a", 1, 40*day)...)
			removed, err := s.CleanUp(t.Context(), keep)
			require.NoError(t, err)
			assert.Equal(t, record.Removed{Bodies: 1}, removed)
		}
	})
}

func TestCleanUpKeepsForEver(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		save(t, s, aged("old", 1, 4000*day)...)
		removed, err := s.CleanUp(t.Context(), record.Retention{})
		require.NoError(t, err)
		assert.Zero(t, removed)
		assert.Equal(t, 1, count(t, s, "sealed IS NOT NULL"))
	})
}

// Stopped in the middle, it says what it did; the rest goes the next time.
func TestCleanUpIsStopped(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		record.SetNow(s, func() time.Time { return at })
		record.SetBatch(s, 100)
		save(t, s, aged("old", 150, 100*day)...)
		ctx, stop := context.WithCancel(t.Context())
		record.Between(s, stop)
		removed, err := s.CleanUp(ctx, keep)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, record.Removed{Deliveries: 100}, removed)
		log, err := s.AuditLog(t.Context(), record.AuditFilter{})
		require.NoError(t, err)
		require.Len(t, log, 2)
		assert.Equal(t, "100", log[0].Detail["deliveries"])
		removed, err = s.CleanUp(t.Context(), keep)
		require.NoError(t, err)
		assert.Equal(t, record.Removed{Deliveries: 50}, removed)
	})
}

// A process that is killed in the middle has said what it was about to do.
func TestCleanUpSaysWhatItIsAboutToDo(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		record.SetNow(s, func() time.Time { return at })
		save(t, s, aged("old", 1, 40*day)...)
		seen := 0
		record.Between(s, func() {
			seen++
			log, err := s.AuditLog(t.Context(), record.AuditFilter{})
			require.NoError(t, err)
			require.Len(t, log, 1)
			assert.Equal(t, record.ActionCleanBegin, log[0].Action)
			assert.Equal(t, map[string]string{"bodies_before": at.Add(-30 * day).Format(time.RFC3339)}, log[0].Detail, "only what there is to do")
		})
		_, err := s.CleanUp(t.Context(), keep)
		require.NoError(t, err)
		assert.Equal(t, 1, seen)
	})
}

func TestOneCleansUpAtATime(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := newURL(t, kind)
			s := open(t, url)
			others := []*record.Store{s}
			if kind == "postgres" { // SQLite is for one process
				others = append(others, open(t, url))
			}
			record.SetNow(s, func() time.Time { return at })
			save(t, s, aged("old", 10, 100*day)...)
			asked := 0
			record.Between(s, func() {
				for _, other := range others {
					removed, err := other.CleanUp(t.Context(), keep)
					require.NoError(t, err)
					assert.Equal(t, record.Removed{Elsewhere: true}, removed)
					asked++
				}
			})
			_, err := s.CleanUp(t.Context(), keep)
			require.NoError(t, err)
			assert.Len(t, others, asked)
			record.Between(s, nil)
			for _, other := range others {
				removed, err := other.CleanUp(t.Context(), record.Retention{})
				require.NoError(t, err)
				assert.False(t, removed.Elsewhere, "it was let go")
			}
		})
	}
}
