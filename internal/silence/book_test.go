package silence_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/silence"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

var ops = audit.Actor{Person: "ops@example.com", Via: audit.ViaCLI}

// told counts what ingests were told.
type told struct {
	kept []record.Silence
	n    int
	err  error
}

func (f *told) Keep(_ context.Context, all []record.Silence) error {
	f.kept = all
	return f.err
}

func (f *told) Announce(context.Context) error {
	f.n++
	return f.err
}

func store(t *testing.T) *record.Store {
	t.Helper()
	s, err := record.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "nerve.db"), testkit.Logger(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func draft(d time.Duration) silence.Draft {
	return silence.Draft{Expression: `signal.source == "datadog"`, EndsAt: time.Now().Add(d), Why: "database upgrade"}
}

func TestBookAddsAndEnds(t *testing.T) {
	t.Parallel()
	f := &told{}
	b := silence.Book{Store: store(t), Announcer: f}
	added, untold, err := b.Add(t.Context(), draft(time.Hour), ops)
	require.NoError(t, err)
	require.NoError(t, untold)
	assert.Regexp(t, `^[a-z0-9]{8}$`, added.ID)
	assert.True(t, added.Active(time.Now()))
	assert.Equal(t, []record.Silence{added}, f.kept)
	assert.Equal(t, 1, f.n)

	held, err := b.Silenced(t.Context(), incident.Signal{Source: "datadog"})
	require.NoError(t, err)
	require.NotNil(t, held)
	assert.Equal(t, added.ID, held.ID)

	ended, untold, err := b.End(t.Context(), added.ID, "done", ops)
	require.NoError(t, err)
	require.NoError(t, untold)
	assert.Equal(t, "done", ended.EndReason)
	assert.Empty(t, f.kept)
	_, _, err = b.End(t.Context(), added.ID, "again", ops)
	require.ErrorIs(t, err, record.ErrEnded)
	held, err = b.Silenced(t.Context(), incident.Signal{Source: "datadog"})
	require.NoError(t, err)
	assert.Nil(t, held)
}

func TestBookRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	b := silence.Book{Store: store(t)}
	for name, spoil := range map[string]func(*silence.Draft){
		"in the past":         func(d *silence.Draft) { d.EndsAt = time.Now().Add(-time.Minute) },
		"before it starts":    func(d *silence.Draft) { d.StartsAt = d.EndsAt.Add(time.Minute) },
		"longer than 31 days": func(d *silence.Draft) { d.EndsAt = time.Now().Add(32 * 24 * time.Hour) },
		"say why":             func(d *silence.Draft) { d.Why = " " },
		"undeclared":          func(d *silence.Draft) { d.Expression = "source == 1" },
	} {
		d := draft(time.Hour)
		spoil(&d)
		_, _, err := b.Add(t.Context(), d, ops)
		require.ErrorContains(t, err, name)
	}
	_, _, err := b.Add(t.Context(), draft(time.Hour), audit.Actor{})
	require.ErrorIs(t, err, audit.ErrNobody)
	list, err := b.Store.Silences(t.Context(), record.SilenceFilter{})
	require.NoError(t, err)
	assert.Empty(t, list)
}

// A silence holds also when nobody could be told of it at once.
func TestBookSaysWhatWasNotTold(t *testing.T) {
	t.Parallel()
	away := errors.New("redis is away")
	b := silence.Book{Store: store(t), Announcer: &told{err: away}}
	added, untold, err := b.Add(t.Context(), draft(time.Hour), ops)
	require.NoError(t, err)
	require.ErrorIs(t, untold, away)
	list, err := b.Store.Silences(t.Context(), record.SilenceFilter{AheadAt: time.Now()})
	require.NoError(t, err)
	assert.Equal(t, []record.Silence{added}, list)
}

func TestBookIsBounded(t *testing.T) {
	t.Parallel()
	s := store(t)
	for range silence.MaxAhead {
		_, err := s.AddSilence(t.Context(), record.Silence{
			ID: "s" + time.Now().Format("150405.000000000"), Expression: "true", StartsAt: time.Now(), EndsAt: time.Now().Add(time.Hour),
		}, ops)
		require.NoError(t, err)
	}
	b := silence.Book{Store: s}
	_, _, err := b.Add(t.Context(), draft(time.Hour), ops)
	require.ErrorContains(t, err, "there are 200 already")
}

func TestTryOnRecentIncidents(t *testing.T) {
	t.Parallel()
	s := store(t)
	for i, source := range []string{"datadog", "slack", "datadog"} {
		in := record.Incident{ID: string(rune('a' + i)), Version: 1, Source: source, OpenedAt: noon.Add(time.Duration(i) * time.Minute)}
		in.Signal = signal()
		in.Signal.Source = source
		require.NoError(t, s.SaveIncident(t.Context(), in))
	}
	b := silence.Book{Store: s}
	trial, err := b.Try(t.Context(), `signal.source == "datadog"`, 100)
	require.NoError(t, err)
	assert.Equal(t, 3, trial.Looked)
	require.Len(t, trial.Held, 2)
	assert.Equal(t, "c", trial.Held[0].ID)
	trial, err = b.Try(t.Context(), `signal.source == "datadog"`, 1)
	require.NoError(t, err)
	assert.Equal(t, 1, trial.Looked)
	trial, err = b.Try(t.Context(), `signal.title.matches(signal.tags.env + "(")`, 100)
	require.NoError(t, err)
	assert.Equal(t, 3, trial.Failed)
	assert.NotEmpty(t, trial.Failure)
	_, err = b.Try(t.Context(), "1", 100)
	require.ErrorContains(t, err, "must say true or false")
}
