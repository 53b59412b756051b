package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/internal/analysis"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// crm is a subscriber that answers from a script, and then takes everything.
type crm struct {
	script []contract.EventsSent
	err    error
	at     []time.Duration // since the first attempt
	got    [][]string
	now    func() time.Time
	began  time.Time
	told   []string // what people are told
}

func (c *crm) Send(_ context.Context, _ string, list []contract.Event, alive func()) (contract.EventsSent, error) {
	alive()
	if c.began.IsZero() {
		c.began = c.now()
	}
	c.at = append(c.at, c.now().Sub(c.began))
	var ids []string
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	c.got = append(c.got, ids)
	if c.err != nil {
		return contract.EventsSent{}, c.err
	}
	if n := len(c.got) - 1; n < len(c.script) {
		return c.script[n], nil
	}
	return contract.EventsSent{Delivered: len(list)}, nil
}

func deliver(t *testing.T, c *crm) contract.EventsResult {
	t.Helper()
	w := &world{}
	env := newStage(t, activities.Deps{Recorder: w, Windows: w, Scrubber: plain{}, Analyst: analysis.Rules{}, Subscribers: c, Slack: w})
	c.now = env.Now
	env.ExecuteWorkflow(contract.WorkflowDeliverEvents, contract.EventsInput{
		Subscriber: "crm", Channel: "C0ALERTS01", Events: []contract.Event{{ID: "e1"}, {ID: "e2"}, {ID: "e3"}},
	})
	require.NoError(t, env.GetWorkflowError())
	for _, h := range w.headlines {
		c.told = append(c.told, h.Signal.Description)
	}
	var r contract.EventsResult
	require.NoError(t, env.GetWorkflowResult(&r))
	return r
}

func down(n int, left ...string) []contract.EventsSent {
	all := make([]contract.EventsSent, n)
	for i := range all {
		all[i] = contract.EventsSent{Left: left, Why: "outbound/http_503"}
	}
	return all
}

func TestEventsAreDelivered(t *testing.T) {
	t.Parallel()
	c := &crm{}
	assert.Equal(t, contract.EventsResult{Delivered: 3}, deliver(t, c))
	assert.Len(t, c.got, 1)
}

func TestOnlyWhatIsLeftIsTriedAgain(t *testing.T) {
	t.Parallel()
	c := &crm{script: []contract.EventsSent{{Delivered: 1, Left: []string{"e2", "e3"}, More: true}, {Delivered: 1, Left: []string{"e3"}, Why: "outbound/http_500"}}}
	assert.Equal(t, contract.EventsResult{Delivered: 3}, deliver(t, c))
	assert.Equal(t, [][]string{{"e1", "e2", "e3"}, {"e2", "e3"}, {"e3"}}, c.got)
	assert.Zero(t, c.at[1], "what only waits for its turn does not wait")
	assert.Equal(t, 5*time.Second, c.at[2])
}

func TestASubscriberHasADayToComeBack(t *testing.T) {
	t.Parallel()
	c := &crm{script: down(20, "e1", "e2", "e3")}
	assert.Equal(t, contract.EventsResult{Refused: 3}, deliver(t, c))
	require.Len(t, c.told, 1)
	assert.Contains(t, c.told[0], "more than a day (outbound/http_503)")
	var waits []time.Duration
	for i := 1; i < len(c.at); i++ {
		waits = append(waits, c.at[i]-c.at[i-1])
	}
	assert.Equal(t, []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
	}, waits)

	back := &crm{script: down(7, "e1", "e2", "e3")}
	assert.Equal(t, contract.EventsResult{Delivered: 3}, deliver(t, back), "the last attempt counts")
}

func TestASubscriberIsAskedWhenItWantsToBe(t *testing.T) {
	t.Parallel()
	c := &crm{script: []contract.EventsSent{{Left: []string{"e1", "e2", "e3"}, After: time.Hour, Why: "outbound/http_429"}}}
	deliver(t, c)
	assert.Equal(t, time.Hour, c.at[1])
}

func TestASubscriberThatWantsNoMoreGetsNoMore(t *testing.T) {
	t.Parallel()
	c := &crm{script: []contract.EventsSent{{Delivered: 1, Left: []string{"e2", "e3"}, Gone: true}}}
	assert.Equal(t, contract.EventsResult{Delivered: 1, Refused: 2, Gone: true}, deliver(t, c))
	assert.Len(t, c.got, 1)
	require.Len(t, c.told, 1)
	assert.Contains(t, c.told[0], "410")
	assert.Contains(t, c.told[0], "nerve events start crm")
}

func TestAnAddressThatMustNotBeCalledIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	c := &crm{script: []contract.EventsSent{{Left: []string{"e1", "e2", "e3"}, Forbidden: true, Why: "outbound/address_forbidden"}}}
	assert.Equal(t, contract.EventsResult{Refused: 3}, deliver(t, c))
	assert.Len(t, c.got, 1)
	require.Len(t, c.told, 1)
	assert.Contains(t, c.told[0], "outbound.allow")
	assert.Contains(t, c.told[0], "outbound/address_forbidden")
}

func TestASubscriberThatIsNotConfiguredAnyMore(t *testing.T) {
	t.Parallel()
	c := &crm{err: errPassing}
	assert.Equal(t, contract.EventsResult{Refused: 3}, deliver(t, c))
	assert.Len(t, c.got, 10)
}
