package record_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/task"
)

func TestTasks(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		full := filled[contract.TaskRecord]()
		// What only the run itself needs to know is not kept.
		full.Output.DownloadMS, full.Output.UploadMS, full.Output.Inline = 0, 0, false
		require.NoError(t, s.SaveTask(t.Context(), full))
		got, err := s.Task(t.Context(), full.ID)
		require.NoError(t, err)
		assert.Equal(t, full, got)
		_, err = s.Task(t.Context(), "replicate:nobody")
		require.ErrorIs(t, err, record.ErrNotFound)

		newer := contract.TaskRecord{ID: "replicate:t", Source: "replicate", Revision: 5, State: task.Succeeded, StartedAt: at}
		older := contract.TaskRecord{ID: "replicate:t", Source: "replicate", Revision: 4, State: task.Processing, StartedAt: at}
		for _, rec := range []contract.TaskRecord{newer, older, older, newer} {
			require.NoError(t, s.SaveTask(t.Context(), rec))
		}
		got, err = s.Task(t.Context(), "replicate:t")
		require.NoError(t, err)
		assert.Equal(t, newer, got, "an older state comes late and changes nothing")
		assert.True(t, got.FinishedAt.IsZero())
		require.Error(t, s.SaveTask(t.Context(), contract.TaskRecord{ID: "x"}))
	})
}

func TestTasksAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		for i, state := range []task.State{task.Succeeded, task.Failed, task.Succeeded} {
			require.NoError(t, s.SaveTask(t.Context(), contract.TaskRecord{
				ID: fmt.Sprintf("a:%d", i), Source: []string{"a", "a", "b"}[i], Revision: 1, State: state, StartedAt: at.Add(time.Duration(i) * time.Second),
			}))
		}
		for want, f := range map[string]record.TaskFilter{
			"[a:2 a:1 a:0]": {}, "[a:1 a:0]": {Source: "a"}, "[a:2 a:0]": {State: task.Succeeded}, "[a:0]": {Source: "a", State: task.Succeeded}, "[a:2]": {Limit: 1},
		} {
			list, err := s.Tasks(t.Context(), f)
			require.NoError(t, err)
			var names []string
			for _, rec := range list {
				names = append(names, rec.ID)
			}
			assert.Equal(t, want, fmt.Sprint(names))
		}
	})
}
