package lookout_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/lookout"
	"github.com/nerve-alerts/nerve/internal/record"
)

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// log is a delivery log.
type log struct {
	counts    []record.SenderCounts
	unmatched map[string]record.Unmatched
	times     map[string][]time.Time
	since     time.Time
	err       error
}

func (l *log) SenderHealth(_ context.Context, since, _ time.Time) ([]record.SenderCounts, error) {
	l.since = since
	return l.counts, l.err
}

func (l *log) Unmatched(_ context.Context, source string, _ time.Time) (record.Unmatched, error) {
	return l.unmatched[source], nil
}

func (l *log) Received(_ context.Context, source string, _ time.Time, _ int) ([]time.Time, error) {
	return l.times[source], nil
}

func (l *log) Senders(context.Context) ([]string, error) {
	names := make([]string, 0, len(l.times))
	for name := range l.times {
		names = append(names, name)
	}
	return names, nil
}

func look(t *testing.T, l *log, q contract.WatchQuery) []contract.Finding {
	t.Helper()
	q.Now = now
	r, err := (&lookout.Lookout{
		Store: l, Limits: lookout.DefaultLimits, Log: slog.New(slog.DiscardHandler), Sources: l.Senders,
	}).Look(t.Context(), q)
	require.NoError(t, err)
	return r.Findings
}

func TestRatesAboveTheirLimit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		counts record.SenderCounts
		want   contract.FindingKind
		says   string
	}{
		"signatures":              {record.SenderCounts{Attempts: 200, Unproved: 11}, contract.FindingSignatures, "11 of 200 deliveries in 5 minutes had no right signature: 5.5 %, and 5 % is the limit"},
		"signatures at the limit": {record.SenderCounts{Attempts: 200, Unproved: 10}, "", ""},
		"too few to say":          {record.SenderCounts{Attempts: 19, Unproved: 19, Stale: 19, Failed: 19}, "", ""},
		"just enough":             {record.SenderCounts{Attempts: 20, Unproved: 2, Proved: 18}, contract.FindingSignatures, "10.0 %"},
		"replays":                 {record.SenderCounts{Attempts: 100, Stale: 11}, contract.FindingReplays, "11 of 100"},
		"replays at the limit":    {record.SenderCounts{Attempts: 100, Stale: 10}, "", ""},
		"errors":                  {record.SenderCounts{Attempts: 100, Failed: 4}, contract.FindingErrors, "4 of 100"},
		"errors at the limit":     {record.SenderCounts{Attempts: 100, Failed: 3}, "", ""},
		"clock behind":            {record.SenderCounts{Timed: 5, MinSkewMS: 61_000, MaxSkewMS: 90_000}, contract.FindingSkew, "at least 1m1s before"},
		"one that was held up":    {record.SenderCounts{Timed: 5, MinSkewMS: 500, MaxSkewMS: 90_000}, "", ""},
		"clock ahead":             {record.SenderCounts{Timed: 5, MinSkewMS: -9000, MaxSkewMS: -6000}, contract.FindingSkew, "at least 6s after"},
		"too few signed times":    {record.SenderCounts{Timed: 4, MinSkewMS: 61_000, MaxSkewMS: 90_000}, "", ""},
		"a sender that is well":   {record.SenderCounts{Attempts: 1000, Proved: 1000, Timed: 1000, MinSkewMS: 1, MaxSkewMS: 800}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.counts.Source = "a"
			l := &log{counts: []record.SenderCounts{tt.counts}}
			found := look(t, l, contract.WatchQuery{})
			assert.Equal(t, now.Add(-5*time.Minute), l.since)
			if tt.want == "" {
				assert.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			assert.Equal(t, "a", found[0].Source)
			assert.Equal(t, tt.want, found[0].Kind)
			assert.Contains(t, found[0].Text, tt.says)
		})
	}
}

func TestUnknownKey(t *testing.T) {
	t.Parallel()
	changed := now.Add(-20 * time.Minute)
	since := record.Unmatched{LastProved: changed.Add(-time.Hour), Count: 3, First: changed}
	mismatch := []record.SenderCounts{{Source: "a", Attempts: 3, Mismatch: 1}}
	found := look(t, &log{counts: mismatch, unmatched: map[string]record.Unmatched{"a": since}}, contract.WatchQuery{})
	require.Len(t, found, 1)
	assert.Equal(t, contract.FindingUnknownKey, found[0].Kind)
	assert.Equal(t, changed, found[0].Since)
	assert.Contains(t, found[0].Text, "unknown key since 2026-03-04 11:40 UTC: no secret has matched its 3 deliveries since then, and one did until 2026-03-04 10:40 UTC")

	few, never := since, since
	few.Count, never.LastProved = 2, time.Time{}
	for name, l := range map[string]*log{
		"a stranger's mistake": {counts: mismatch, unmatched: map[string]record.Unmatched{"a": few}},
		"never proved":         {counts: mismatch, unmatched: map[string]record.Unmatched{"a": never}},
		"others are proved":    {counts: []record.SenderCounts{{Source: "a", Mismatch: 5, Proved: 1}}, unmatched: map[string]record.Unmatched{"a": since}},
		"nobody asks":          {unmatched: map[string]record.Unmatched{"a": since}},
	} {
		assert.Empty(t, look(t, l, contract.WatchQuery{}), name)
	}
	// A sender that comes seldom is still told of when nothing came for five minutes.
	standing := contract.WatchQuery{Standing: []contract.Finding{{Source: "a", Kind: contract.FindingUnknownKey}}}
	assert.Len(t, look(t, &log{unmatched: map[string]record.Unmatched{"a": since}}, standing), 1)
	assert.Empty(t, look(t, &log{unmatched: map[string]record.Unmatched{"a": {LastProved: now}}}, standing))
}

// regular are the times of a source that was heard of each gap, the last time
// some time ago.
func regular(n int, gap, ago time.Duration) []time.Time {
	times := make([]time.Time, n)
	for i := range times {
		times[i] = now.Add(-ago - time.Duration(i)*gap)
	}
	return times
}

func TestASourceThatFellSilent(t *testing.T) {
	t.Parallel()
	bursts := append(regular(50, time.Second, 5*time.Hour), regular(50, time.Second, 25*time.Hour)...)
	for name, tt := range map[string]struct {
		times  []time.Time
		silent bool
	}{
		"each 10 minutes, for an hour":             {regular(100, 10*time.Minute, 59*time.Minute), false},
		"each 10 minutes, for longer":              {regular(100, 10*time.Minute, 61*time.Minute), true},
		"each hour, for four":                      {regular(100, time.Hour, 4*time.Hour), false},
		"each hour, for six":                       {regular(100, time.Hour, 6*time.Hour), true},
		"in bursts, 20 hours apart, after 5":       {bursts, false},
		"too few to know":                          {regular(20, time.Minute, 6*time.Hour), false},
		"just enough to know":                      {regular(21, time.Minute, 6*time.Hour), true},
		"gone for a week":                          {regular(100, time.Minute, 8*24*time.Hour), false},
		"never heard of in the time looked at":     {nil, false},
		"at 5 times its median, twice its longest": {append(regular(1, 0, 100*time.Minute), regular(40, 20*time.Minute, 160*time.Minute)...), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &log{times: map[string][]time.Time{"a": tt.times}}
			found := look(t, l, contract.WatchQuery{Cadence: true})
			assert.Equal(t, tt.silent, len(found) == 1, found)
			assert.Empty(t, look(t, l, contract.WatchQuery{}), "cadences are not looked at each minute")
			standing := contract.WatchQuery{Standing: []contract.Finding{{Source: "a", Kind: contract.FindingSilent}}}
			assert.Equal(t, tt.silent, len(look(t, l, standing)) == 1, "one that stands is looked at each minute")
			if tt.silent {
				assert.Equal(t, contract.FindingSilent, found[0].Kind)
				assert.Equal(t, tt.times[0], found[0].Since)
				assert.Contains(t, found[0].Text, "nothing has come since ")
			}
		})
	}
}

func TestASourceThatIsThereNoMoreIsNotMissed(t *testing.T) {
	t.Parallel()
	quiet := regular(100, 10*time.Minute, 6*time.Hour)
	l := &lookout.Lookout{
		Store: &log{times: map[string][]time.Time{"kept": quiet, "removed": quiet}}, Limits: lookout.DefaultLimits, Log: slog.New(slog.DiscardHandler),
		Sources: func(context.Context) ([]string, error) { return []string{"kept", "new"}, nil },
	}
	for name, q := range map[string]contract.WatchQuery{
		"cadences": {Now: now, Cadence: true},
		"standing": {Now: now, Standing: []contract.Finding{{Source: "kept", Kind: contract.FindingSilent}, {Source: "removed", Kind: contract.FindingSilent}}},
	} {
		r, err := l.Look(t.Context(), q)
		require.NoError(t, err)
		require.Len(t, r.Findings, 1, name)
		assert.Equal(t, "kept", r.Findings[0].Source)
	}
	away := errors.New("away")
	l.Sources = func(context.Context) ([]string, error) { return nil, away }
	_, err := l.Look(t.Context(), contract.WatchQuery{Now: now, Cadence: true})
	require.ErrorIs(t, err, away, "what stands goes on standing")
	_, err = l.Look(t.Context(), contract.WatchQuery{Now: now})
	require.NoError(t, err, "nobody asks which sources there are when none may have fallen silent")
}

func TestALogThatDoesNotAnswerFindsNothing(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	_, err := (&lookout.Lookout{Store: &log{err: away}}).Look(t.Context(), contract.WatchQuery{Now: now})
	require.ErrorIs(t, err, away)
}

// silences are those that ended lately and those that hold.
type silences struct{ ended, ahead []record.Silence }

func (s *silences) Silences(_ context.Context, f record.SilenceFilter) ([]record.Silence, error) {
	if f.EndedSince.IsZero() {
		return s.ahead, nil
	}
	return s.ended, nil
}

func TestSweepTellsOfSilencesThatEnded(t *testing.T) {
	t.Parallel()
	var told []contract.SilenceEnded
	var kept [][]record.Silence
	store := &silences{ahead: []record.Silence{{ID: "s2"}}}
	sweeper := lookout.Sweeper{
		Store: store,
		Release: func(_ context.Context, e contract.SilenceEnded) (int, error) {
			told = append(told, e)
			return 1, nil
		},
		Keep: func(_ context.Context, ahead []record.Silence) error {
			kept = append(kept, ahead)
			return nil
		},
	}
	require.NoError(t, sweeper.Sweep(t.Context(), now))
	assert.Empty(t, told)
	assert.Empty(t, kept, "an idle nerve asks nothing of Redis")
	store.ended = []record.Silence{{ID: "s1", EndedBy: "alex", EndReason: "done"}}
	require.NoError(t, sweeper.Sweep(t.Context(), now))
	require.Len(t, told, 1)
	assert.Equal(t, []string{"s1", "alex", "done"}, []string{told[0].ID, told[0].Actor.Person, told[0].Reason})
	assert.Equal(t, [][]record.Silence{store.ahead}, kept)
	away := errors.New("away")
	sweeper.Release = func(context.Context, contract.SilenceEnded) (int, error) { return 0, away }
	require.ErrorIs(t, sweeper.Sweep(t.Context(), now), away)
	r, err := (&lookout.Lookout{
		Store: &log{counts: []record.SenderCounts{{Source: "a", Attempts: 20, Failed: 20}}}, Limits: lookout.DefaultLimits,
		Sweep: sweeper.Sweep, Log: slog.New(slog.DiscardHandler),
	}).Look(t.Context(), contract.WatchQuery{Now: now})
	require.NoError(t, err, "it does not keep senders from being looked at")
	assert.Len(t, r.Findings, 1)
}
