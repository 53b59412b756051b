package record_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

func ordered(action contract.Action, ref string) *audit.Entry {
	return &audit.Entry{Ref: ref, Actor: audit.Actor{Person: "ops@example.com", Via: audit.ViaCLI}, Action: string(action), Target: "dd"}
}

func newSource() record.SourceWrite {
	return record.SourceWrite{
		Source: record.Source{
			Name: "dd", Provider: "datadog", Mapping: "title: it's\n", Fields: map[string]any{"window": "30m", "rate": 1000000.0, "schemes": []any{"token"}},
			CreatedAt: at, CreatedBy: "ops@example.com", UpdatedAt: at, UpdatedBy: "ops@example.com",
		},
		Add: []record.SourceSecret{{ID: "aaaa", Sealed: []byte{0, 1, 255}, NotAfter: at.Add(time.Hour), AddedAt: at, AddedBy: "ops@example.com"}},
	}
}

func TestSourcesAreKept(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		set, err := s.Sources(t.Context())
		require.NoError(t, err)
		assert.Equal(t, record.SourceSet{Purges: map[string]record.Purge{}}, set)

		w := newSource()
		revision, done, err := s.WriteSource(t.Context(), ordered(contract.ActionSourceAdd, "r1"), w)
		require.NoError(t, err)
		assert.True(t, done)
		assert.Equal(t, int64(1), revision)
		want := w.Source
		want.Revision, want.Secrets = 1, w.Add
		set, err = s.SealedSources(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []record.Source{want}, set.Sources)
		set, err = s.Sources(t.Context())
		require.NoError(t, err)
		assert.Nil(t, set.Sources[0].Secrets[0].Sealed, "what is sealed is for the loader")

		_, done, err = s.WriteSource(t.Context(), ordered(contract.ActionSourceAdd, "r1"), w)
		require.NoError(t, err)
		assert.False(t, done, "an order is carried out once")
		_, found, err := s.AuditEntry(t.Context(), "r1")
		require.NoError(t, err)
		assert.True(t, found)

		later := at.Add(time.Minute)
		w.Source.UpdatedAt, w.Source.UpdatedBy, w.Source.Disabled, w.Expect = later, "dev@example.com", true, 1
		w.Add = []record.SourceSecret{{ID: "bbbb", Sealed: []byte{2}, AddedAt: later, AddedBy: "dev@example.com"}}
		w.Remove = []string{"aaaa"}
		revision, _, err = s.WriteSource(t.Context(), ordered(contract.ActionSourceDisable, ""), w)
		require.NoError(t, err)
		assert.Equal(t, int64(2), revision)
		set, err = s.SealedSources(t.Context())
		require.NoError(t, err)
		got := set.Sources[0]
		assert.True(t, got.Disabled)
		assert.Equal(t, at, got.CreatedAt)
		assert.Equal(t, later, got.UpdatedAt)
		require.Len(t, got.Secrets, 2)
		assert.Equal(t, "bbbb", got.Secrets[0].ID, "newest first")
		assert.Nil(t, got.Secrets[1].Sealed, "a removed secret is erased")
		assert.Equal(t, later, got.Secrets[1].RemovedAt)

		_, _, err = s.WriteSource(t.Context(), ordered(contract.ActionSourceSet, ""), w)
		require.ErrorIs(t, err, record.ErrConflict)
		now, err := s.SourcesRevision(t.Context())
		require.NoError(t, err)
		assert.Equal(t, int64(2), now, "what was refused moved nothing")
		log, err := s.AuditLog(t.Context(), record.AuditFilter{})
		require.NoError(t, err)
		assert.Len(t, log, 2, "nor is it in the log")

		w.Expect, w.Delete = 2, true
		_, _, err = s.WriteSource(t.Context(), ordered(contract.ActionSourceRemove, ""), w)
		require.NoError(t, err)
		set, err = s.SealedSources(t.Context())
		require.NoError(t, err)
		assert.Empty(t, set.Sources)
		assert.Equal(t, int64(3), set.Revision)
	})
}

func TestOneOfTwoChangesAtATimeIsMade(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		_, _, err := s.WriteSource(t.Context(), ordered(contract.ActionSourceAdd, ""), newSource())
		require.NoError(t, err)
		var group sync.WaitGroup
		var made, refused atomic.Int32
		for range 8 {
			group.Go(func() {
				w := newSource()
				w.Expect, w.Add = 1, nil
				_, _, err := s.WriteSource(t.Context(), ordered(contract.ActionSourceSet, ""), w)
				if err == nil {
					made.Add(1)
				} else if assert.ErrorIs(t, err, record.ErrConflict) {
					refused.Add(1)
				}
			})
		}
		group.Wait()
		assert.Equal(t, int32(1), made.Load())
		assert.Equal(t, int32(7), refused.Load())
	})
}

func TestWindowsAreForgottenAtMostOnceAnHour(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		_, _, err := s.WritePurge(t.Context(), ordered(contract.ActionPurgeWindows, ""), "dd", at, time.Hour)
		require.NoError(t, err)
		_, _, err = s.WritePurge(t.Context(), ordered(contract.ActionPurgeWindows, ""), "dd", at.Add(59*time.Minute), time.Hour)
		var soon *record.PurgeError
		require.ErrorAs(t, err, &soon)
		assert.Equal(t, at.Add(time.Hour), soon.Next.UTC())
		_, _, err = s.WritePurge(t.Context(), ordered(contract.ActionPurgeWindows, ""), "dd", at.Add(time.Hour), time.Hour)
		require.NoError(t, err)
		set, err := s.Sources(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[string]record.Purge{"dd": {Epoch: 2, At: at.Add(time.Hour), By: "ops@example.com"}}, set.Purges)
	})
}
