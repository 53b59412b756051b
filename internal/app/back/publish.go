package back

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/events"
)

const (
	// publishTimeout bounds the starts for one batch of the delivery log: the log
	// must not wait for a Temporal that is slow.
	publishTimeout = 2 * time.Second
	// maxHeld is how many batches wait in memory while Temporal is away.
	maxHeld = 1000
	// holdPause is the wait between two attempts at what is held.
	holdPause = 2 * time.Second
	// recount is how long a count of open batches is good for.
	recount = 10 * time.Second
)

// eventsClient is the part of Temporal's client that is used.
type eventsClient interface {
	ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
	CountWorkflow(ctx context.Context, request *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error)
}

// publisher starts a workflow for each batch of events and subscriber. It holds
// up nobody: while Temporal is away batches wait in memory, and beyond a bound,
// here or at Temporal, events are dropped, counted and said. The delivery log has
// what they told of (ADR 22).
type publisher struct {
	client  eventsClient
	sender  *events.Sender
	channel string // Slack channel that hears of a subscriber that is lost
	most    int    // batches that may be open for one subscriber
	log     *slog.Logger
	now     func() time.Time

	mu    sync.Mutex
	held  []contract.EventsInput
	known map[string]*open
}

// open is what waits for one subscriber at Temporal.
type open struct {
	batches int
	counted time.Time
	dropped int64
}

func newPublisher(c eventsClient, sender *events.Sender, channel string, most int, log *slog.Logger) *publisher {
	return &publisher{client: c, sender: sender, channel: channel, most: most, log: log, now: time.Now, known: map[string]*open{}}
}

// Deliveries publishes what a batch of the delivery log tells.
func (p *publisher) Deliveries(ctx context.Context, batch []contract.Delivery) {
	var list []contract.Event
	for i := range batch {
		list = append(list, events.Of(&batch[i])...)
	}
	p.publish(ctx, list)
}

// Failed publishes that an incident's workflow failed.
func (p *publisher) Failed(ctx context.Context, rec contract.IncidentRecord, at time.Time) {
	p.publish(ctx, []contract.Event{events.OfFailure(&rec, at)})
}

func (p *publisher) publish(ctx context.Context, list []contract.Event) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	p.sender.Split(ctx, list, func(subscriber string, own []contract.Event) {
		in := contract.EventsInput{Subscriber: subscriber, Events: own, Channel: p.channel}
		if p.behind(ctx, in) {
			return
		}
		if err := p.start(ctx, in); err != nil {
			p.hold(in, err)
		}
	})
}

// start starts the workflow of a batch. One that was started already, because
// the log was handed out twice, is refused by Temporal.
func (p *publisher) start(ctx context.Context, in contract.EventsInput) error {
	_, err := p.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       "events:" + in.Subscriber + ":" + events.BatchID(in.Events),
		TaskQueue:                                contract.QueueEvents,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    sdk.NewSearchAttributes(sdk.NewSearchAttributeKeyKeyword(contract.AttrSource).ValueSet(in.Subscriber)),
		StaticSummary:                            fmt.Sprintf("%d events to %s", len(in.Events), in.Subscriber),
		Priority:                                 sdk.Priority{FairnessKey: in.Subscriber},
	}, contract.WorkflowDeliverEvents, in)
	if _, again := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); again {
		return nil
	}
	if err != nil {
		return fmt.Errorf("app: start the delivery of events: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.of(in.Subscriber)
	o.batches++
	if o.dropped > 0 {
		p.log.Info("the subscriber gets events again", "subscriber", in.Subscriber, "dropped", o.dropped)
		o.dropped = 0
	}
	return nil
}

// behind drops a batch when as many wait for its subscriber as may. A count that
// cannot be had now stays as it was.
func (p *publisher) behind(ctx context.Context, in contract.EventsInput) bool {
	p.mu.Lock()
	o := p.of(in.Subscriber)
	stale := p.now().Sub(o.counted) > recount
	p.mu.Unlock()
	if stale {
		p.count(ctx, in.Subscriber)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.batches < p.most {
		return false
	}
	p.drop(o, in, "the subscriber is too far behind")
	return true
}

func (p *publisher) count(ctx context.Context, subscriber string) {
	found, err := p.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running' AND %s = '%s'", contract.WorkflowDeliverEvents, contract.AttrSource, subscriber),
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.of(subscriber)
	o.counted = p.now()
	if err == nil {
		o.batches = int(found.GetCount())
	}
}

// of is called with the lock held.
func (p *publisher) of(subscriber string) *open {
	if p.known[subscriber] == nil {
		p.known[subscriber] = &open{}
	}
	return p.known[subscriber]
}

// drop is called with the lock held. It says so once, and how many at the end.
func (p *publisher) drop(o *open, in contract.EventsInput, why string) {
	if o.dropped == 0 {
		p.log.Error("events are dropped; the delivery log has what they told of", "subscriber", in.Subscriber, "why", why)
	}
	o.dropped += int64(len(in.Events))
}

// hold keeps a batch in memory while Temporal does not take it.
func (p *publisher) hold(in contract.EventsInput, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.held) >= maxHeld {
		p.drop(p.of(in.Subscriber), in, "temporal is away for too long")
		return
	}
	if len(p.held) == 0 {
		p.log.Warn("events wait in memory until temporal takes them", "error", cause)
	}
	p.held = append(p.held, in)
}

// Run tries what is held again, until ctx ends.
func (p *publisher) Run(ctx context.Context) {
	tick := time.NewTicker(holdPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			p.release(context.WithoutCancel(ctx))
			p.mu.Lock()
			if n := len(p.held); n > 0 {
				p.log.Error("events that temporal never took are lost; the delivery log has what they told of", "batches", n)
			}
			p.mu.Unlock()
			return
		case <-tick.C:
			p.release(ctx)
		}
	}
}

// release starts what is held, in order, until one is refused.
func (p *publisher) release(ctx context.Context) {
	for {
		p.mu.Lock()
		if len(p.held) == 0 {
			p.mu.Unlock()
			return
		}
		in := p.held[0]
		p.mu.Unlock()
		if !p.try(ctx, in) {
			return
		}
		p.mu.Lock()
		p.held = p.held[1:]
		p.mu.Unlock()
	}
}

func (p *publisher) try(ctx context.Context, in contract.EventsInput) bool {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	return p.start(ctx, in) == nil
}
