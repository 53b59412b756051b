package admission

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// maxBacklogBytes bounds the entries kept for Redis, whose bodies can be large.
const maxBacklogBytes = 64 << 20

// flushBudget is how long one kept call may take: nobody waits for it.
const flushBudget = time.Second

// maxRefusals is how many probes apart Redis may refuse one kept call.
const maxRefusals = 3

// task is a call that Redis has to get sooner or later.
type task struct {
	run   func(context.Context) error
	entry bool // it carries a delivery entry
	size  int
}

// outage is the time in which Redis does not answer. It begins with the first
// failed call; from then on no request waits for Redis. One goroutine probes,
// brings out what was kept, in order, and only then ends the outage: decisions
// are never made by a Redis that does not know what was decided without it.
type outage struct {
	a    *Admission
	away atomic.Bool
	stop context.CancelFunc
	ctx  context.Context // the life of the probing goroutine, ended by close
	wg   sync.WaitGroup

	mu       sync.Mutex
	since    time.Time
	tasks    []task
	bytes    int
	dropped  int64 // tasks, in this outage
	refusals int   // of the first task
	closed   bool
}

func (o *outage) init(a *Admission) {
	o.a = a
	o.ctx, o.stop = context.WithCancel(context.Background())
}

func (o *outage) state() (away bool, backlog int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.away.Load(), len(o.tasks)
}

// begin notes that Redis failed and starts to probe it, once.
func (o *outage) begin(cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.beginLocked(cause)
}

func (o *outage) beginLocked(cause error) {
	if o.away.Load() {
		return
	}
	o.away.Store(true)
	o.since, o.dropped = o.a.now(), 0
	o.a.log.Warn("admission: Redis does not answer, decisions are made in memory", "error", cause)
	if !o.closed {
		o.wg.Go(o.watch)
	}
}

// keep holds a task for when Redis is back. When there is no room the oldest
// goes: what it logs is not the durable record, the workflow has its own.
func (o *outage) keep(t task) {
	o.mu.Lock()
	defer o.mu.Unlock()
	// The outage may have ended since the call failed; another begins, so that
	// the task is brought out behind those before it.
	o.beginLocked(ErrUnavailable)
	for len(o.tasks) > 0 && (len(o.tasks) >= o.a.opts.MaxBacklog || o.bytes+t.size > maxBacklogBytes) {
		o.dropLocked()
	}
	o.tasks = append(o.tasks, t)
	o.bytes += t.size
}

func (o *outage) dropLocked() {
	oldest := o.tasks[0]
	o.popLocked()
	if oldest.entry {
		o.a.dropped.Add(1)
	}
	if o.dropped++; o.dropped == 1 {
		o.a.log.Error("admission: too much is kept for Redis, the oldest entries are dropped", "kept", len(o.tasks)+1)
	}
}

func (o *outage) popLocked() {
	o.bytes -= o.tasks[0].size
	o.tasks[0] = task{}
	o.tasks = o.tasks[1:]
}

// watch probes until Redis is back and has everything that was kept.
func (o *outage) watch() {
	ticker := time.NewTicker(o.a.opts.ProbeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-o.ctx.Done():
			return
		case <-ticker.C:
		}
		if o.probe(o.ctx) == nil && o.flush(o.ctx) == nil {
			return
		}
	}
}

func (o *outage) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushBudget)
	defer cancel()
	return o.a.client.Set(ctx, o.a.names.probe(), 1, time.Second).Err()
}

// flush brings out what was kept, in order, and ends the outage when nothing is
// left. It stops at the first call that fails, which stays the first.
func (o *outage) flush(ctx context.Context) error {
	for flushed := 0; ; flushed++ {
		o.mu.Lock()
		if len(o.tasks) == 0 {
			o.endLocked(flushed)
			o.mu.Unlock()
			return nil
		}
		next := o.tasks[0]
		dropped := o.dropped
		o.mu.Unlock()

		err := o.runOne(ctx, next)
		if err != nil && !o.refused(err) {
			return err
		}
		o.mu.Lock()
		o.refusals = 0
		// keep may have dropped it while it ran; then the first is another.
		if o.dropped == dropped {
			o.popLocked()
		}
		o.mu.Unlock()
	}
}

// refused reports whether Redis, although it takes writes, has refused the first
// task so often that it would hold up all others for ever.
func (o *outage) refused(err error) bool {
	if _, answered := errors.AsType[redis.Error](err); !answered {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refusals++; o.refusals < maxRefusals {
		return false
	}
	o.a.log.Error("admission: Redis refuses a kept call, it is dropped", "error", err)
	if o.tasks[0].entry {
		o.a.dropped.Add(1)
	}
	return true
}

func (o *outage) runOne(ctx context.Context, t task) error {
	ctx, cancel := context.WithTimeout(ctx, flushBudget)
	defer cancel()
	return t.run(ctx)
}

func (o *outage) endLocked(flushed int) {
	o.tasks, o.bytes = nil, 0
	o.away.Store(false)
	o.a.log.Info("admission: Redis answers again",
		slog.Duration("away", o.a.now().Sub(o.since)), slog.Int("flushed", flushed), slog.Int64("dropped", o.dropped))
}

func (o *outage) close(ctx context.Context) error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.stop()
	o.wg.Wait()
	if _, kept := o.state(); kept == 0 {
		return nil
	}
	err := o.flush(ctx)
	if _, kept := o.state(); kept > 0 {
		return fmt.Errorf("admission: close: %d calls did not reach Redis: %w", kept, errors.Join(ErrUnavailable, err))
	}
	return nil
}
