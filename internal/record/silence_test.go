package record_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

var ops = audit.Actor{Person: "ops@example.com", Via: audit.ViaCLI}

func silence(id string, from, to time.Time) record.Silence {
	return record.Silence{ID: id, Expression: `signal.source == "datadog"`, StartsAt: from, EndsAt: to, Why: "database upgrade"}
}

func TestSilencesAreKeptAndEnded(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		added, err := s.AddSilence(t.Context(), silence("s1", now, now.Add(time.Hour)), ops)
		require.NoError(t, err)
		assert.Equal(t, "ops@example.com", added.CreatedBy)
		_, err = s.AddSilence(t.Context(), silence("s1", now, now.Add(time.Hour)), ops)
		require.Error(t, err, "an id is taken once")
		got, err := s.Silence(t.Context(), "s1")
		require.NoError(t, err)
		assert.Equal(t, added, got)
		assert.True(t, got.Active(now))

		ended, err := s.EndSilence(t.Context(), "s1", "done sooner", ops)
		require.NoError(t, err)
		assert.False(t, ended.EndedAt.IsZero())
		assert.False(t, ended.Active(now.Add(time.Minute)))
		got, err = s.Silence(t.Context(), "s1")
		require.NoError(t, err)
		assert.Equal(t, ended, got)
		_, err = s.EndSilence(t.Context(), "s1", "", ops)
		require.ErrorIs(t, err, record.ErrEnded)
		_, err = s.EndSilence(t.Context(), "nothing", "", ops)
		require.ErrorIs(t, err, record.ErrNotFound)
		_, err = s.Silence(t.Context(), "nothing")
		require.ErrorIs(t, err, record.ErrNotFound)

		log, err := s.AuditLog(t.Context(), record.AuditFilter{Target: "s1"})
		require.NoError(t, err)
		require.Len(t, log, 2, "a change that was refused is not in the log")
		assert.Equal(t, record.ActionSilenceEnd, log[0].Action)
		assert.Equal(t, "done sooner", log[0].Detail["reason"])
		assert.Equal(t, `signal.source == "datadog"`, log[1].Detail["expression"])
	})
}

func TestSilencesOfNobodyAndWithoutAnEndAreRefused(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		now := time.Now().UTC()
		_, err := s.AddSilence(t.Context(), silence("s1", now, now.Add(time.Hour)), audit.Actor{})
		require.ErrorIs(t, err, audit.ErrNobody)
		_, err = s.AddSilence(t.Context(), silence("s1", now, now), ops)
		require.ErrorContains(t, err, "an end after its start")
		list, err := s.Silences(t.Context(), record.SilenceFilter{})
		require.NoError(t, err)
		assert.Empty(t, list)
	})
}

func TestSilencesAreListed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		for id, at := range map[string]time.Duration{"past": -time.Hour, "now": time.Hour, "later": 3 * time.Hour, "taken back": 5 * time.Hour} {
			_, err := s.AddSilence(t.Context(), silence(id, now.Add(at-90*time.Minute), now.Add(at)), ops)
			require.NoError(t, err)
		}
		_, err := s.EndSilence(t.Context(), "taken back", "", ops)
		require.NoError(t, err)
		for _, tt := range []struct {
			filter record.SilenceFilter
			want   []string
		}{
			{record.SilenceFilter{}, []string{"taken back", "later", "now", "past"}},
			{record.SilenceFilter{AheadAt: now}, []string{"later", "now"}},
			{record.SilenceFilter{EndedSince: now}, []string{"taken back"}},
			{record.SilenceFilter{EndedSince: now.Add(time.Hour)}, []string{}},
			{record.SilenceFilter{Limit: 1}, []string{"taken back"}},
		} {
			list, err := s.Silences(t.Context(), tt.filter)
			require.NoError(t, err)
			got := []string{}
			for _, one := range list {
				got = append(got, one.ID)
			}
			assert.Equal(t, tt.want, got)
		}
	})
}

func TestSilencesArePaged(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		for _, id := range []string{"a", "b", "c", "d", "e"} { // all end at the same moment
			_, err := s.AddSilence(t.Context(), silence(id, now, now.Add(time.Hour)), ops)
			require.NoError(t, err)
		}
		f := record.SilenceFilter{Limit: 2, AheadAt: now}
		var seen []string
		for {
			p, err := s.SilencePage(t.Context(), f)
			require.NoError(t, err)
			for _, one := range p.Items {
				seen = append(seen, one.ID)
			}
			if f.After = p.Next; f.After == "" {
				break
			}
			_, err = s.EndSilence(t.Context(), seen[0], "", ops) // what goes meanwhile shifts nothing
			if len(seen) > 2 {
				require.ErrorIs(t, err, record.ErrEnded)
			}
		}
		assert.Equal(t, []string{"e", "d", "c", "b", "a"}, seen)
		_, err := s.SilencePage(t.Context(), record.SilenceFilter{After: "?"})
		require.ErrorIs(t, err, record.ErrCursor)
	})
}

func TestStatesOfASilence(t *testing.T) {
	t.Parallel()
	s := silence("s1", at, at.Add(time.Hour))
	assert.Equal(t, record.SilenceWaits, s.State(at.Add(-time.Second)))
	assert.Equal(t, record.SilenceHolds, s.State(at))
	assert.Equal(t, record.SilenceOver, s.State(at.Add(time.Hour)))
	s.EndedAt = at.Add(time.Minute)
	assert.Equal(t, record.SilenceEnded, s.State(at.Add(2*time.Minute)))
	assert.Equal(t, record.SilenceEnded, s.State(at.Add(2*time.Hour)))
}

// What people decide about an incident is in the audit log once, however often
// and late its states come; what nerve or the sender did is not.
func TestDecisionsAreAuditedOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		r := contract.IncidentRecord{ID: "i1", WorkflowID: "w", Revision: 1, Phase: contract.PhaseOpen, OpenedAt: at, LastSeen: at}
		r.Signal.Source = "datadog"
		r.Actions = []contract.IncidentAction{
			{Ref: "w/r/u1", Kind: contract.ActionAcknowledged, At: at, Actor: ops, Reason: "on it"},
			{Kind: contract.ActionReopened, At: at, Actor: audit.Actor{Person: "the sender", Via: audit.ViaSystem}},
		}
		require.NoError(t, s.Record(t.Context(), r))
		require.NoError(t, s.Record(t.Context(), r))
		r.Revision, r.SnoozedUntil = 2, at.Add(time.Hour)
		r.Actions = append(r.Actions, contract.IncidentAction{Ref: "w/r/u2", Kind: contract.ActionSnoozed, At: at, Actor: ops, Until: at.Add(time.Hour)})
		require.NoError(t, s.Record(t.Context(), r))
		r.Revision = 1
		require.NoError(t, s.Record(t.Context(), r), "an older state")

		log, err := s.AuditLog(t.Context(), record.AuditFilter{Target: "i1"})
		require.NoError(t, err)
		require.Len(t, log, 2)
		assert.Equal(t, "incident.snooze", log[0].Action)
		assert.Equal(t, at.Add(time.Hour).Format(time.RFC3339), log[0].Detail["until"])
		assert.Equal(t, map[string]string{"at": at.Format(time.RFC3339), "reason": "on it"}, log[1].Detail)
		assert.Equal(t, ops, log[1].Actor)

		in, err := s.Incident(t.Context(), "i1")
		require.NoError(t, err)
		assert.Len(t, in.Actions, 3)
		assert.Equal(t, at.Add(time.Hour), in.SnoozedUntil)
	})
}
