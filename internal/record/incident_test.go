package record_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

func TestIncidentComesBackWhole(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		full := filled[record.Incident]()
		require.NoError(t, s.SaveIncident(t.Context(), full))
		got, err := s.Incident(t.Context(), full.ID)
		require.NoError(t, err)

		full.Signal.RawPayload.Sealed = nil // the delivery has them
		assert.Equal(t, full, got)

		bare := opened("bare", 1)
		require.NoError(t, s.SaveIncident(t.Context(), bare))
		got, err = s.Incident(t.Context(), "bare")
		require.NoError(t, err)
		assert.Equal(t, bare, got)
	})
}

func TestSaveIncidentLeavesTheSignalAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		in := filled[record.Incident]()
		require.NoError(t, s.SaveIncident(t.Context(), in))
		assert.Equal(t, filled[record.Incident](), in, "the caller goes on using what it passed")
	})
}

func TestIncidentNeverMovesBackwards(t *testing.T) {
	t.Parallel()
	states := []record.Incident{opened("i", 10), opened("i", 20), opened("i", 30)}
	states[1].Phase, states[1].Occurrences = contract.PhaseOpen, 5
	states[2].Phase, states[2].Occurrences = contract.PhaseClosed, 7
	states[2].Status, states[2].ResolvedAt, states[2].ResolvedBy = incident.StatusResolved, at.Add(time.Hour), "sender"

	orders := map[string][]int{
		"in order": {0, 1, 2}, "each twice": {0, 0, 1, 1, 2, 2}, "the first late": {1, 2, 0},
		"the middle late": {0, 2, 1}, "backwards": {2, 1, 0}, "only the last": {2},
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, s *record.Store) {
				for _, i := range order {
					require.NoError(t, s.SaveIncident(t.Context(), states[i]), "late is not an error")
				}
				got, err := s.Incident(t.Context(), "i")
				require.NoError(t, err)
				assert.Equal(t, states[2], got)
			})
		})
	}
}

func TestIncidentSameVersionChangesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		first, second := opened("i", 10), opened("i", 10)
		second.Title = "Another title"
		require.NoError(t, s.SaveIncident(t.Context(), first))
		require.NoError(t, s.SaveIncident(t.Context(), second))
		got, err := s.Incident(t.Context(), "i")
		require.NoError(t, err)
		assert.Equal(t, first, got)
	})
}

func TestNewerStateClearsWhatNoLongerHolds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		failed := opened("i", 10)
		failed.Phase, failed.Failure, failed.ClosedAt = contract.PhaseFailed, "Slack refused", at
		failed.Verdict = &incident.Verdict{Summary: "x"}
		again := opened("i", 20) // it was run again
		require.NoError(t, s.SaveIncident(t.Context(), failed))
		require.NoError(t, s.SaveIncident(t.Context(), again))
		got, err := s.Incident(t.Context(), "i")
		require.NoError(t, err)
		assert.Equal(t, again, got)
	})
}

func TestIncidentWritersThatRace(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		const writers, last = 8, 40
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for _, version := range rand.Perm(last) {
					assert.NoError(t, s.SaveIncident(t.Context(), opened("i", int64(version+1))))
				}
			})
		}
		wg.Wait()
		got, err := s.Incident(t.Context(), "i")
		require.NoError(t, err)
		assert.Equal(t, int64(last), got.Version)
	})
}

func TestSaveIncidentRefusesWhatItCannotOrder(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		for name, spoil := range map[string]func(*record.Incident){
			"id":      func(in *record.Incident) { in.ID = "" },
			"source":  func(in *record.Incident) { in.Source = "" },
			"version": func(in *record.Incident) { in.Version = 0 },
			"opened":  func(in *record.Incident) { in.OpenedAt = time.Time{} },
		} {
			in := opened("i", 1)
			spoil(&in)
			err := s.SaveIncident(t.Context(), in)
			require.ErrorContains(t, err, "record: an incident needs", name)
			assert.False(t, record.Retryable(err), name)
		}
	})
}

func TestUnknownIncident(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		_, err := s.Incident(t.Context(), "nobody' OR '1'='1")
		require.ErrorIs(t, err, record.ErrNotFound)
		assert.False(t, record.Retryable(err))
	})
}

func TestTextThatPostgreSQLRefuses(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		in := opened("i\x00", 1)
		in.Title, in.Failure = "a\x00b", "caf\xe9"
		in.Evidence = []incident.Evidence{{ID: "E1", Text: "NUL \x00, the text \\u0000, a quote ' and \\"}}
		require.NoError(t, s.SaveIncident(t.Context(), in))

		got, err := s.Incident(t.Context(), "i\x00")
		require.NoError(t, err, "an id is looked up as it was stored")
		assert.Equal(t, "a\uFFFDb", got.Title)
		assert.Equal(t, "caf\uFFFD", got.Failure)
		assert.Equal(t, "NUL \uFFFD, the text \\u0000, a quote ' and \\", got.Evidence[0].Text)
	})
}

func TestIncidents(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		// A microsecond apart, and not in order of id.
		for i, id := range []string{"b", "d", "a", "c"} {
			in := opened(id, 1)
			in.OpenedAt = at.Add(time.Duration(i) * time.Microsecond)
			if i%2 == 1 {
				in.Status, in.Source = incident.StatusResolved, "slack-prod"
			}
			require.NoError(t, s.SaveIncident(t.Context(), in))
		}
		for _, c := range []struct {
			filter record.IncidentFilter
			want   []string
		}{
			{record.IncidentFilter{}, []string{"c", "a", "d", "b"}},
			{record.IncidentFilter{Limit: 2}, []string{"c", "a"}},
			{record.IncidentFilter{Status: incident.StatusResolved}, []string{"c", "d"}},
			{record.IncidentFilter{Source: "datadog-prod"}, []string{"a", "b"}},
			{record.IncidentFilter{Source: "datadog-prod", Status: incident.StatusResolved}, []string{}},
		} {
			got, err := s.Incidents(t.Context(), c.filter)
			require.NoError(t, err)
			assert.Equal(t, c.want, ids(got), "%+v", c.filter)
		}
	})
}

func TestTimesSortWhateverTheirFraction(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		second := time.Date(2026, 1, 1, 0, 0, 9, 0, time.UTC)
		steps := []time.Duration{
			0, time.Microsecond, 10 * time.Microsecond, 100 * time.Millisecond, 100*time.Millisecond + time.Microsecond,
			110 * time.Millisecond, 999999 * time.Microsecond, time.Second,
		}
		want := make([]string, len(steps))
		for i, step := range steps {
			in := opened(fmt.Sprint("i", i), 1)
			// Each in another zone: what counts is the instant.
			in.OpenedAt = second.Add(step).In(time.FixedZone("", (i-4)*3600))
			want[len(steps)-1-i] = in.ID
			require.NoError(t, s.SaveIncident(t.Context(), in))
		}
		got, err := s.Incidents(t.Context(), record.IncidentFilter{})
		require.NoError(t, err)
		assert.Equal(t, want, ids(got))
		assert.Equal(t, second.Add(time.Second), got[0].OpenedAt)
	})
}
