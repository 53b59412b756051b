package operator_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/operator"
)

func ids(found []operator.Incident) []string {
	all := []string{}
	for _, i := range found {
		all = append(all, i.ID+" "+i.RunID)
	}
	return all
}

func TestListShowsTheNewestRunOfEachIncident(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		f    operator.Filter
		want []string
	}{
		{"all, the one opened last first", operator.Filter{Limit: 10}, []string{"i4 run-6", "i1 run-5", "i2 run-4", "i3 run-3"}},
		{"bounded", operator.Filter{Limit: 2}, []string{"i4 run-6", "i1 run-5"}},
		{"none", operator.Filter{}, []string{}},
		{"a limit that is none", operator.Filter{Limit: -1}, []string{}},
		{"open", operator.Filter{Limit: 10, Open: true}, []string{"i4 run-6", "i2 run-4"}},
		{"of a source", operator.Filter{Limit: 10, Source: "zendesk"}, []string{"i3 run-3"}},
		{"failed, but for what was rerun or resolved since", operator.Filter{Limit: 10, Failed: true}, []string{"i3 run-3"}},
		{"failed, bounded", operator.Filter{Limit: 0, Failed: true}, []string{}},
		{"firing, but for what is over since", operator.Filter{Limit: 10, Status: "firing"}, []string{"i4 run-6", "i2 run-4", "i3 run-3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			op, _ := setup(t,
				&run{workflow: "a:x:1", incident: "i1", execution: failed, status: "firing"},                    // resolved by run-5
				&run{workflow: "a:x:2", incident: "i2", execution: failed, status: "firing"},                    // rerun as run-4
				&run{workflow: "z:x:3", incident: "i3", execution: failed, status: "firing", source: "zendesk"}, // left
				&run{workflow: "a:x:2", incident: "i2", status: "firing"},
				&run{workflow: "a:x:1", incident: "i1", execution: completed, status: "resolved"},
				&run{workflow: "a:x:4", incident: "i4", status: "firing"},
			)
			found, err := op.List(t.Context(), tt.f)
			require.NoError(t, err)
			assert.Equal(t, tt.want, ids(found))
		})
	}
}

func TestListKnowsAnIncidentThatWasClosedBesideItsNewerOne(t *testing.T) {
	t.Parallel()
	op, _ := setup(t,
		&run{workflow: "a:x:1", incident: "old", execution: failed},
		&run{workflow: "a:x:1", incident: "new", execution: failed},
		&run{workflow: "a:x:1:old", incident: "old", execution: completed},
	)
	found, err := op.List(t.Context(), operator.Filter{Limit: 10, Failed: true})
	require.NoError(t, err)
	assert.Equal(t, []string{"new run-2"}, ids(found))
}

func TestListAsksAboutFewIncidentsAtATime(t *testing.T) {
	t.Parallel()
	op, f := setup(t)
	for n := range 60 {
		f.add(&run{workflow: fmt.Sprintf("a:x:%d", n), incident: fmt.Sprintf("i%d", n), execution: failed})
	}
	found, err := op.List(t.Context(), operator.Filter{Limit: 100, Failed: true})
	require.NoError(t, err)
	assert.Len(t, found, 60)
	asked := map[string]bool{}
	for _, q := range f.queries {
		asked[q] = true
	}
	assert.Len(t, asked, 1+3, "the list, and 25 at a time")
	for q := range asked {
		assert.Less(t, len(q), 2000)
	}
	f.queries = nil
	_, err = op.List(t.Context(), operator.Filter{Limit: 1, Failed: true})
	require.NoError(t, err)
	asked = map[string]bool{}
	for _, q := range f.queries {
		asked[q] = true
	}
	assert.Len(t, asked, 1+1, "no more than the limit needs")
}

func TestListQueries(t *testing.T) {
	t.Parallel()
	const all = `WorkflowType = "Triage"`
	for _, tt := range []struct {
		f    operator.Filter
		want string
	}{
		{operator.Filter{}, all},
		{operator.Filter{Source: "datadog"}, all + ` AND NerveSource = 'datadog'`},
		{operator.Filter{Source: "it's"}, all + ` AND NerveSource = 'it''s'`},
		{operator.Filter{Source: `\' OR 1 = 1`}, all + ` AND NerveSource = '\\'' OR 1 = 1'`},
		{operator.Filter{Status: "firing"}, all + ` AND NerveStatus = 'firing'`},
		{operator.Filter{Open: true}, all + ` AND ExecutionStatus = 'Running'`},
		{operator.Filter{Failed: true}, all + ` AND ExecutionStatus = 'Failed'`},
		{operator.Filter{Source: "a", Status: "resolved", Failed: true}, all + ` AND NerveSource = 'a' AND NerveStatus = 'resolved' AND ExecutionStatus = 'Failed'`},
	} {
		op, f := setup(t)
		_, err := op.List(t.Context(), tt.f)
		require.NoError(t, err)
		assert.Equal(t, []string{tt.want}, f.queries)
	}
}

func TestListReadsWhatIsEncrypted(t *testing.T) {
	t.Parallel()
	op, f := setup(t, &run{workflow: "a:x:1", incident: "i1", title: "Disk space low", source: "a", status: "resolved", phase: "closed", execution: completed})
	found, err := op.List(t.Context(), operator.Filter{Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, []operator.Incident{{
		ID: "i1", WorkflowID: "a:x:1", RunID: "run-1", Title: "Disk space low", Source: "a", Severity: "high", Status: "resolved", Phase: "closed",
		Execution: "Completed", OpenedAt: f.runs[0].opened, ClosedAt: f.runs[0].closed,
	}}, found)

	_, other := setup(t)
	found, err = operator.New(f, other.dc, "alerts").List(t.Context(), operator.Filter{Limit: 1})
	require.NoError(t, err)
	assert.Contains(t, found[0].Title, "keyset", "another keyset is no reason not to list")
	assert.Equal(t, "a", found[0].Source)
}

func TestListSaysThatTemporalIsAway(t *testing.T) {
	t.Parallel()
	op, f := setup(t)
	f.down = errors.New("connection refused")
	for _, filter := range []operator.Filter{{Limit: 1}, {Limit: 1, Failed: true}} {
		_, err := op.List(t.Context(), filter)
		require.ErrorIs(t, err, f.down)
		require.NotErrorIs(t, err, operator.ErrNotFound)
	}
}
