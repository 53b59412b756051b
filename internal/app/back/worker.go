package back

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/analysis"
	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/evidence"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/internal/silence"
	"github.com/nerve-alerts/nerve/internal/starter"
	"github.com/nerve-alerts/nerve/workflows"
)

// stopTimeout is how long activities in hand may take after a stop.
const stopTimeout = 20 * time.Second

// Worker is the program behind cmd/worker: Temporal workers on every queue, the
// recorder of deliveries and the drainer of the spool.
type Worker struct {
	core    *app.Core
	store   *record.Store
	workers []worker.Worker
	starter *starter.Starter
	name    string
	options Options
	front   *front

	operators http.Handler       // their API
	inner     *app.Inner         // ingest behind it
	registry  *registry.Registry // of sources
	outside   *outside
}

// Options say where the worker's own endpoint is.
type Options struct {
	// Listener serves health and the codec; nil listens on the configured address.
	Listener net.Listener
	// LoopbackCodec serves the codec without a token to this machine alone, for
	// the configured origins: for nerve dev.
	LoopbackCodec bool
}

// New opens the worker's endpoint and the record, and builds the workers. While the
// database is away it waits; it fails when the database will never answer, and with
// ctx's error when ctx ends first. The caller closes core.
func New(ctx context.Context, core *app.Core, o Options) (*Worker, error) {
	front, err := openFront(ctx, o.Listener, core.Config.Addr(), core.Log)
	if err != nil {
		return nil, err
	}
	w, err := assemble(ctx, core, o)
	if err != nil {
		front.close(ctx)
		return nil, err
	}
	w.front = front
	return w, nil
}

// assemble is New behind an endpoint that is open already.
func assemble(ctx context.Context, core *app.Core, o Options) (*Worker, error) {
	store, err := openRecord(ctx, func(ctx context.Context) (*record.Store, error) {
		return record.Open(ctx, core.Config.DatabaseURL.Reveal(), core.Log)
	}, core.Log)
	if err != nil {
		return nil, err
	}
	w := &Worker{core: core, store: store, options: o}
	if w.registry, err = core.Registry(store); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	w.starter = starter.New(core.Client, starter.Options{InFlight: core.Config.Start.InFlight, Converter: core.Converter})
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	w.name = fmt.Sprintf("%s-%d", host, os.Getpid())
	if w.outside, err = newOutside(ctx, core.Config.Outbound, store, core.Log); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	if s := w.outside.sender; s != nil {
		w.outside.publisher = newPublisher(core.Client, s, core.Config.Slack.Channel, core.Config.Outbound.MaxBatches, core.Log)
	}
	acts, err := w.activities()
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	if w.operators, err = w.api(); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	w.workers = w.build(acts)
	return w, nil
}

func (w *Worker) activities() (*activities.Activities, error) {
	c := w.core
	deps := activities.Deps{
		Recorder: w.store, Windows: c.Admission, Scrubber: c.Scrubber, Analyst: analysis.Rules{},
		UIURL: c.Config.Temporal.UIURL, Namespace: c.Config.Temporal.Namespace,
		Tools: map[string]activities.Evidence{
			contract.ToolOccurrences: evidence.Occurrences{Record: w.store},
			contract.ToolPast:        evidence.Past{Record: w.store},
		},
	}
	deps.Changer, deps.Auditor, deps.Opener = changer{w.registry}, w.store, c.Sealer
	if c.Slack != nil {
		deps.Slack, deps.Approvals = c.Slack, c.Slack
		deps.Tools[contract.ToolThread] = evidence.Thread{Slack: c.Slack}
	}
	w.senders(&deps)
	deps.Tasks = w.store
	w.outside.into(&deps)
	return activities.New(deps)
}

// queue is one row of what a worker process takes on at a time. The figures
// bound what one process does to the other side; more processes add up.
type queue struct {
	name       string
	workflows  bool
	concurrent int
}

var queues = []queue{
	{contract.QueueTriage, true, 32},
	{contract.QueueSlack, false, 16},
	{contract.QueueEvidence, false, 16},
	{contract.QueueTasks, true, 8}, // each may hold an output in a temporary file
	{contract.QueueEvents, true, 8},
}

func (w *Worker) build(acts *activities.Activities) []worker.Worker {
	workers := make([]worker.Worker, 0, len(queues))
	for _, q := range queues {
		t := worker.New(w.core.Client, q.name, worker.Options{
			DisableWorkflowWorker:              !q.workflows,
			MaxConcurrentActivityExecutionSize: q.concurrent,
			WorkerStopTimeout:                  stopTimeout,
		})
		if q.workflows {
			workflows.Register(t)
		}
		t.RegisterActivity(acts)
		workers = append(workers, t)
	}
	return workers
}

// Run works until ctx ends, then lets what is in hand finish: the drainer and
// the recorder first, because what they do needs the workers no more.
func (w *Worker) Run(ctx context.Context) error {
	defer func() {
		w.front.close(ctx)
		if err := w.store.Close(); err != nil {
			w.core.Log.Warn("record not closed", "error", err)
		}
		if err := w.outside.close(); err != nil {
			w.core.Log.Warn("blob store not closed", "error", err)
		}
	}()
	if err := w.core.Prepare(ctx); err != nil {
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	}
	for i, t := range w.workers {
		if err := t.Start(); err != nil {
			return fmt.Errorf("app: start the worker for %s: %w", queues[i].name, err)
		}
		defer t.Stop()
	}
	w.core.Log.Info("worker is up", "name", w.name, "temporal", w.core.Config.Temporal.Address)
	group, ctx := errgroup.WithContext(ctx)
	var told func(context.Context, []contract.Delivery)
	if p := w.outside.publisher; p != nil {
		told = p.Deliveries
		group.Go(func() error { p.Run(ctx); return nil })
	}
	group.Go(func() error { return ended(w.core.Admission.Consume(ctx, w.name, save(w.store, told, w.core.Log))) })
	group.Go(func() error { return ended(w.core.Admission.Drain(ctx, w.name, w.drain)) })
	group.Go(func() error { return cleanUp(ctx, w.store, record.Retention(w.core.Config.Retention), w.core.Log) })
	group.Go(func() error { return w.serve(ctx) })
	group.Go(func() error {
		w.watchSenders(ctx)
		w.core.WatchSilences(ctx, false, func(context.Context) (silence.Reader, error) { return w.store, nil })
		return nil
	})
	group.Go(func() error { w.inner.Watch(ctx); return nil })
	return group.Wait()
}

// ended turns the end of the context into a good end.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// drain tells Temporal what it was too slow or away for.
func (w *Worker) drain(ctx context.Context, item admission.Item) error {
	plain, err := w.core.Sealer.Open(item.Sealed, contract.SpoolContext(item.WorkflowID))
	if err != nil {
		return fmt.Errorf("%w: %w", admission.ErrPoison, err)
	}
	var cmd contract.Command
	if err := json.Unmarshal(plain, &cmd); err != nil {
		return fmt.Errorf("%w: %w", admission.ErrPoison, err)
	}
	return tell(ctx, w.starter, cmd)
}
