package workflows_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/internal/analysis"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// post is where senders are looked at: what is wrong with them is said minute by
// minute.
type post struct {
	*world
	env     *stage
	mu      sync.Mutex
	minutes map[int][]contract.Finding // from this minute on
	queries []contract.WatchQuery
	start   time.Time
	lookErr error
}

func (p *post) Look(_ context.Context, q contract.WatchQuery) (contract.WatchReport, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lookErr != nil {
		return contract.WatchReport{}, p.lookErr
	}
	p.queries = append(p.queries, q)
	for m := int(q.Now.Sub(p.start).Minutes()); m >= 0; m-- {
		if found, ok := p.minutes[m]; ok {
			return contract.WatchReport{Findings: found}, nil
		}
	}
	return contract.WatchReport{}, nil
}

// watching is Watch in the SDK's test environment.
func watching(t *testing.T, minutes map[int][]contract.Finding) *post {
	t.Helper()
	p := &post{world: &world{}, minutes: minutes}
	p.env = newStage(t, activities.Deps{
		Slack: p.world, Recorder: p, Windows: p, Scrubber: plain{}, Analyst: analysis.Rules{}, Lookout: p, OperatorsChannel: "C0OPS",
	})
	p.start = p.env.Now()
	return p
}

// run runs Watch to the end of its first run.
func (p *post) run(t *testing.T, state contract.WatchState) {
	t.Helper()
	p.env.ExecuteWorkflow(contract.WorkflowWatch, state)
	require.True(t, p.env.IsWorkflowCompleted())
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, p.env.GetWorkflowError(), &next)
	require.Equal(t, contract.WorkflowWatch, next.WorkflowType.Name)
}

func finding(k contract.FindingKind, text string) contract.Finding {
	return contract.Finding{Source: "datadog", Kind: k, Text: text}
}

func TestWatchTellsOnceAndAgainWhenItIsOver(t *testing.T) {
	t.Parallel()
	wrong := finding(contract.FindingSignatures, "25 of 200")
	p := watching(t, map[int][]contract.Finding{
		0: nil, 3: {wrong}, 10: {finding(contract.FindingSignatures, "30 of 200")},
		20: nil, 22: {wrong}, 30: nil, // it goes down for two minutes, which is not over
	})
	p.run(t, contract.WatchState{})
	require.Len(t, p.notes, 2)
	assert.Equal(t, "⚠️ Source datadog: 25 of 200", p.notes[0])
	assert.Equal(t, "✅ Source datadog: over: 25 of 200", p.notes[1])
	var cadences int
	for i, q := range p.queries {
		if q.Cadence {
			cadences++
			assert.Zero(t, i%10)
		}
	}
	assert.Len(t, p.queries, 480)
	assert.Equal(t, 48, cadences)
}

func TestWatchTellsEveryKindOfOneSource(t *testing.T) {
	t.Parallel()
	p := watching(t, map[int][]contract.Finding{
		2: {finding(contract.FindingErrors, "errors"), finding(contract.FindingSilent, "silent")},
		4: {finding(contract.FindingErrors, "errors")},
	})
	p.env.RegisterDelayedCallback(func() {
		v, err := p.env.QueryWorkflow(contract.QueryWatch)
		require.NoError(t, err)
		var s contract.WatchState
		require.NoError(t, v.Get(&s))
		require.Len(t, s.Standing, 1)
		assert.Equal(t, contract.FindingErrors, s.Standing[0].Kind)
		assert.True(t, s.Standing[0].Told)
	}, 6*time.Minute+time.Second)
	p.run(t, contract.WatchState{})
	require.Len(t, p.notes, 2)
	assert.Equal(t, 2, strings.Count(p.notes[0], "⚠️"))
	assert.Equal(t, "✅ Source datadog: over: silent", p.notes[1], "one delivery ends a silence")
}

// What was told is not told again by the run that follows, nor what is over
// without having been told.
func TestWatchRemembersOverItsRuns(t *testing.T) {
	t.Parallel()
	wrong := finding(contract.FindingSignatures, "25 of 200")
	wrong.Told = true
	untold := finding(contract.FindingErrors, "never told")
	p := watching(t, map[int][]contract.Finding{0: {wrong}})
	p.run(t, contract.WatchState{Standing: []contract.Finding{wrong, untold}, Checks: 480})
	for _, n := range p.notes {
		assert.NotContains(t, n, "25 of 200")
	}
	assert.LessOrEqual(t, len(p.notes), 2)
}

// A database that is away says nothing about senders.
func TestWatchOutlivesAnOutageOfTheLog(t *testing.T) {
	t.Parallel()
	p := watching(t, map[int][]contract.Finding{0: {finding(contract.FindingErrors, "errors")}})
	p.env.RegisterDelayedCallback(func() { p.away(errPassing) }, 2*time.Minute+time.Second)
	p.env.RegisterDelayedCallback(func() { p.away(nil) }, 60*time.Minute)
	p.run(t, contract.WatchState{})
	assert.Len(t, p.notes, 1, "it was neither over nor told again")
}

func (p *post) away(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lookErr = err
}

// What cannot be told is told as soon as it can.
func TestWatchTellsLaterWhatItCouldNot(t *testing.T) {
	t.Parallel()
	p := watching(t, map[int][]contract.Finding{0: {finding(contract.FindingErrors, "errors")}})
	p.noteErr = final{"slack/is_archived"}
	p.env.RegisterDelayedCallback(func() {
		p.world.mu.Lock()
		defer p.world.mu.Unlock()
		p.noteErr = nil
	}, 5*time.Minute+time.Second)
	p.run(t, contract.WatchState{})
	assert.Equal(t, []string{"⚠️ Source datadog: errors"}, p.notes)
}

// What was over before it could be told is not worth a word.
func TestWatchForgetsWhatItNeverTold(t *testing.T) {
	t.Parallel()
	p := watching(t, map[int][]contract.Finding{0: {finding(contract.FindingSilent, "silent")}, 3: nil})
	p.noteErr = final{"slack/is_archived"}
	p.env.RegisterDelayedCallback(func() {
		p.world.mu.Lock()
		defer p.world.mu.Unlock()
		p.noteErr = nil
	}, 5*time.Minute+time.Second)
	p.run(t, contract.WatchState{})
	assert.Empty(t, p.notes)
}

func TestWatchKeepsItsHistoryShort(t *testing.T) {
	t.Parallel()
	p := watching(t, nil)
	p.env.SetContinueAsNewSuggested(true)
	p.run(t, contract.WatchState{})
	assert.Len(t, p.queries, 1)
	assert.Empty(t, p.notes)
}
