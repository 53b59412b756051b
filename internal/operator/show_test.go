package operator_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

func TestFind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, id    string
		runs        []*run
		want, newer string
		is          string
		missing     bool
	}{
		{name: "nothing", id: "i1", missing: true},
		{name: "no workflow", id: "a:x:1", missing: true},
		{name: "another's id", id: "i1", runs: []*run{{workflow: "a:x:1", incident: "i2"}}, missing: true},
		{name: "by its id", id: "i1", runs: []*run{{workflow: "a:x:1", incident: "i1"}, {workflow: "a:x:2", incident: "i2"}}, want: "run-1", is: "Running"},
		{name: "by its workflow id", id: "a:x:1", runs: []*run{{workflow: "a:x:1", incident: "i1"}, {workflow: "a:x:2", incident: "i2"}}, want: "run-1", is: "Running"},
		{
			name: "on a later page", id: "i1", want: "run-1", is: "Completed",
			runs: []*run{{workflow: "a:x:1", incident: "i1", execution: completed}, {workflow: "b", incident: "b"}, {workflow: "c", incident: "c"}, {workflow: "d", incident: "d"}},
		},
		{
			name: "the newest incident of a workflow id", id: "a:x:1", want: "run-2", is: "Running",
			runs: []*run{{workflow: "a:x:1", incident: "i1", execution: failed}, {workflow: "a:x:1", incident: "i2"}},
		},
		{
			name: "rerun", id: "i1", want: "run-2", is: "Running",
			runs: []*run{{workflow: "a:x:1", incident: "i1", execution: failed}, {workflow: "a:x:1", incident: "i1"}},
		},
		{
			name: "rerun, and the list is behind", id: "i1", want: "run-2", is: "Running",
			runs: []*run{{workflow: "a:x:1", incident: "i1", execution: failed}, {workflow: "a:x:1", incident: "i1", unlisted: true}},
		},
		{
			name: "ended, and the list is behind", id: "i1", want: "run-1", is: "Failed",
			runs: []*run{{workflow: "a:x:1", incident: "i1", execution: failed, listed: running}},
		},
		{
			name: "its alert fired again", id: "i1", want: "run-1", is: "Failed", newer: "i2",
			runs: []*run{{workflow: "a:x:1", incident: "i1", execution: failed, listed: running}, {workflow: "a:x:1", incident: "i2"}},
		},
		{
			name: "closed beside its newer one", id: "i1", want: "run-3", is: "Completed",
			runs: []*run{{workflow: "a:x:1", incident: "i1", execution: failed}, {workflow: "a:x:1", incident: "i2"}, {workflow: "a:x:1:i1", incident: "i1", execution: completed}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			op, _ := setup(t, tt.runs...)
			got, err := op.Find(t.Context(), tt.id)
			if tt.missing {
				require.ErrorIs(t, err, operator.ErrNotFound)
				assert.ErrorContains(t, err, tt.id)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.RunID)
			assert.Equal(t, tt.is, got.Execution)
			assert.Equal(t, tt.newer, got.Newer)
		})
	}
}

func TestFindSaysThatTemporalIsAway(t *testing.T) {
	t.Parallel()
	op, f := setup(t)
	f.down = errors.New("connection refused")
	for _, id := range []string{"i1", "a:x:1"} {
		_, err := op.Find(t.Context(), id)
		require.ErrorIs(t, err, f.down)
		require.NotErrorIs(t, err, operator.ErrNotFound)
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	known := &contract.TriageState{Occurrences: 5, Verdict: &incident.Verdict{Summary: "it is the disk"}}
	for _, tt := range []struct {
		name string
		run  run
		more []*run
		next []string
		step string
	}{
		{name: "running", run: run{}},
		{name: "closed", run: run{execution: completed}},
		{name: "cancelled, which closes it", run: run{execution: canceled}},
		{name: "failed", run: run{execution: failed}, next: []string{"rerun", "resolve"}, step: "notify"},
		{name: "terminated", run: run{execution: terminated}, next: []string{"resolve"}},
		{name: "timed out", run: run{execution: timedOut}, next: []string{"resolve"}},
		{
			name: "failed, and fired again", run: run{execution: failed}, next: []string{"resolve"}, step: "notify",
			more: []*run{{workflow: "a:x:1", incident: "i2"}},
		},
		{
			name: "failed, and rerun", run: run{execution: failed},
			more: []*run{{workflow: "a:x:1", incident: "i1", state: known}},
		},
		{
			name: "failed, and resolved", run: run{execution: failed},
			more: []*run{{workflow: "a:x:1", incident: "i1", state: known, execution: completed}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			op, f := setup(t)
			first := tt.run
			first.workflow, first.incident, first.state = "a:x:1", "i1", known
			first.events = f.failure("notify", "step notify failed: is_archived", 11)
			f.add(&first)
			for _, r := range tt.more {
				f.add(r)
			}
			d, err := op.Show(t.Context(), "i1")
			require.NoError(t, err)
			assert.Equal(t, tt.next, d.Next)
			assert.Equal(t, tt.step, d.Step)
			assert.Equal(t, known, d.State)
			assert.Empty(t, d.Unread)
			if tt.step != "" {
				assert.Equal(t, "step notify failed: is_archived", d.Failure)
			}
		})
	}
}

func TestShowWithoutAWorker(t *testing.T) {
	t.Parallel()
	op, f := setup(t)
	f.add(&run{workflow: "a:x:1", incident: "i1", execution: failed, unread: context.DeadlineExceeded, events: f.failure("notify", "it failed", 11)})
	d, err := op.Show(t.Context(), "i1")
	require.NoError(t, err, "the rest can be shown")
	assert.Nil(t, d.State)
	assert.Contains(t, d.Unread, "no worker answered within 5s")
	assert.Equal(t, "it failed", d.Failure)
}

func TestShowOfAStateThatCannotBeRead(t *testing.T) {
	t.Parallel()
	op, _ := setup(t, &run{workflow: "a:x:1", incident: "i1"})
	_, err := op.Show(t.Context(), "i1")
	require.ErrorContains(t, err, "read the state of i1")
}
