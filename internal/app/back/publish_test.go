package back

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/events"
	"github.com/nerve-alerts/nerve/internal/outbound"
)

// eventsAt is a Temporal that starts batches.
type eventsAt struct {
	mu      sync.Mutex
	err     error
	running int64
	ids     []string
	batches map[string]int // by subscriber
	counts  int
}

func (e *eventsAt) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return nil, e.err
	}
	if slices.Contains(e.ids, o.ID) {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("again", "r", "run")
	}
	e.ids = append(e.ids, o.ID)
	e.batches[args[0].(contract.EventsInput).Subscriber]++
	return nil, nil
}

func (e *eventsAt) CountWorkflow(_ context.Context, r *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts++
	if !strings.HasPrefix(r.GetQuery(), "WorkflowType = 'DeliverEvents' AND ExecutionStatus = 'Running' AND NerveSource = '") {
		return nil, errors.New("another query: " + r.GetQuery())
	}
	return &workflowservice.CountWorkflowExecutionsResponse{Count: e.running}, nil
}

// noStops is where no subscriber was ever stopped.
type noStops struct{}

func (noStops) StopSubscriber(context.Context, string, string) error { return nil }

func (noStops) StoppedSubscribers(context.Context) ([]contract.StoppedSubscriber, error) {
	return nil, nil
}

func publishing(t *testing.T, e *eventsAt, most int) (*publisher, *bytes.Buffer) {
	t.Helper()
	key, err := outbound.ParseKey("whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	require.NoError(t, err)
	sender, err := events.NewSender(http.DefaultTransport, []events.Subscriber{
		{Name: "crm", URL: "https://example.com", Key: key}, {Name: "failures", URL: "https://example.com", Key: key, Types: []string{contract.EventFailed}},
	}, noStops{}, slog.New(slog.DiscardHandler), nil)
	require.NoError(t, err)
	e.batches = map[string]int{}
	var out bytes.Buffer
	return newPublisher(e, sender, "C0ALERTS01", most, slog.New(slog.NewTextHandler(&out, nil))), &out
}

func batchOf(ids ...string) []contract.Delivery {
	list := make([]contract.Delivery, len(ids))
	for i, id := range ids {
		list[i] = contract.Delivery{ID: id, Source: "datadog", Assurance: "signed", Outcome: contract.OutcomeAccepted, Status: 200}
	}
	return list
}

func TestABatchIsPublishedOnceForEachSubscriber(t *testing.T) {
	t.Parallel()
	e := &eventsAt{}
	p, _ := publishing(t, e, 100)
	p.Deliveries(t.Context(), batchOf("d1", "d2"))
	p.Deliveries(t.Context(), batchOf("d1", "d2")) // the log is handed out again
	assert.Equal(t, map[string]int{"crm": 1}, e.batches, "nothing failed")
	p.Deliveries(t.Context(), batchOf("d3"))
	assert.Equal(t, map[string]int{"crm": 2}, e.batches)
	assert.Empty(t, p.held)

	rec := contract.IncidentRecord{ID: "i", RunID: "r", WorkflowID: "w"}
	p.Failed(t.Context(), rec, time.Unix(1, 0))
	p.Failed(t.Context(), rec, time.Unix(1, 0)) // recorded again
	assert.Equal(t, map[string]int{"crm": 3, "failures": 1}, e.batches)
}

func TestWhatTemporalDoesNotTakeWaits(t *testing.T) {
	t.Parallel()
	e := &eventsAt{err: serviceerror.NewUnavailable("away")}
	p, out := publishing(t, e, 100)
	for i := range maxHeld + 2 {
		p.Deliveries(t.Context(), batchOf(fmt.Sprint("d", i)))
	}
	assert.Len(t, p.held, maxHeld, "memory is bounded")
	assert.Equal(t, 1, strings.Count(out.String(), "events wait in memory"))
	assert.Equal(t, 1, strings.Count(out.String(), "events are dropped"), "said once, not for each")
	p.release(t.Context())
	assert.Len(t, p.held, maxHeld)
	e.err = nil
	p.release(t.Context())
	assert.Empty(t, p.held)
	assert.Equal(t, maxHeld, e.batches["crm"])
	assert.Contains(t, out.String(), "gets events again")
	assert.Contains(t, out.String(), "dropped=6", "two deliveries of three events each")
	assert.Equal(t, 1, strings.Count(out.String(), "gets events again"))
}

func TestASubscriberThatIsBehindGetsNoMore(t *testing.T) {
	t.Parallel()
	e := &eventsAt{running: 2}
	p, out := publishing(t, e, 3)
	now := time.Unix(1000, 0)
	p.now = func() time.Time { return now }
	for i := range 5 {
		p.Deliveries(t.Context(), batchOf(fmt.Sprint("d", i)))
	}
	assert.Equal(t, 1, e.batches["crm"], "two are open already")
	assert.Equal(t, 1, e.counts, "a count is good for a while")
	assert.Contains(t, out.String(), "too far behind")
	e.running, now = 0, now.Add(time.Minute)
	p.Deliveries(t.Context(), batchOf("later"))
	assert.Equal(t, 2, e.batches["crm"])
}

func TestRunSaysWhatIsLost(t *testing.T) {
	t.Parallel()
	e := &eventsAt{err: serviceerror.NewUnavailable("away")}
	p, out := publishing(t, e, 3)
	p.Deliveries(t.Context(), batchOf("d1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Run(ctx)
	assert.Contains(t, out.String(), "lost")
	assert.Contains(t, out.String(), "batches=1")
}
