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

// flushBudget is how long a probe or a batch of kept calls may take: nobody
// waits for it.
const flushBudget = time.Second

// How many kept calls go to Redis at once, and about how many bytes. One at a time
// they could come in faster than they get out, and the outage would never end.
const (
	flushBatch = 200
	flushBytes = 1 << 20
)

// maxRefusals is how many probes apart Redis may refuse one kept call.
const maxRefusals = 3

// task is a call that Redis has to get sooner or later.
type task struct {
	script *redis.Script
	keys   []string
	args   func() []any // as of the moment of the call
	entry  bool         // it carries a delivery entry, and the answer says whether the log was full
	size   int
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
	sending  int   // those that are on their way out, and no longer in tasks
	bytes    int   // of both
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
	return o.away.Load(), len(o.tasks) + o.sending
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
	for len(o.tasks) > 0 && (len(o.tasks)+o.sending >= o.a.opts.MaxBacklog || o.bytes+t.size > maxBacklogBytes) {
		o.dropLocked()
	}
	o.tasks = append(o.tasks, t)
	o.bytes += t.size
}

func (o *outage) dropLocked() {
	oldest := o.tasks[0]
	o.bytes -= oldest.size
	o.tasks = o.tasks[1:]
	o.lose(oldest)
	if o.dropped++; o.dropped == 1 {
		o.a.log.Error("admission: too much is kept for Redis, the oldest entries are dropped", "kept", len(o.tasks)+1)
	}
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

// flush brings out what was kept and ends the outage when nothing is left. A
// call that fails stays, before those that were kept after it.
func (o *outage) flush(ctx context.Context) error {
	for flushed := 0; ; {
		o.mu.Lock()
		if len(o.tasks) == 0 {
			o.endLocked(flushed)
			o.mu.Unlock()
			return nil
		}
		batch := o.takeLocked()
		o.mu.Unlock()

		left, err := o.bringOut(ctx, batch)
		if err != nil && o.refused(err) {
			o.lose(left[0])
			left, err = left[1:], nil
		}
		o.mu.Lock()
		o.sending = 0
		o.bytes -= sizeOf(batch) - sizeOf(left)
		o.tasks = append(left, o.tasks...)
		if err == nil {
			o.refusals = 0
		}
		o.mu.Unlock()
		flushed += len(batch) - len(left)
		if err != nil {
			return err
		}
	}
}

// takeLocked takes out what goes out next: at least one call.
func (o *outage) takeLocked() []task {
	n, size := 0, 0
	for n < min(len(o.tasks), flushBatch) && (n == 0 || size+o.tasks[n].size <= flushBytes) {
		size += o.tasks[n].size
		n++
	}
	batch := o.tasks[:n:n]
	o.tasks, o.sending = o.tasks[n:], n
	return batch
}

func sizeOf(tasks []task) (bytes int) {
	for _, t := range tasks {
		bytes += t.size
	}
	return bytes
}

// bringOut makes calls in one round trip. It returns those that failed, in order,
// and why the first did.
func (o *outage) bringOut(ctx context.Context, batch []task) (failed []task, err error) {
	ctx, cancel := context.WithTimeout(ctx, flushBudget)
	defer cancel()
	replies := make([]*redis.Cmd, len(batch))
	_, _ = o.a.raw.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, t := range batch {
			replies[i] = t.script.Eval(ctx, p, t.keys, t.args()...)
		}
		return nil
	}) // each reply has its own error
	for i, t := range batch {
		if problem := o.a.answered(t, replies[i]); problem != nil {
			failed = append(failed, t)
			if err == nil {
				err = problem
			}
		}
	}
	return failed, err
}

// refused reports whether Redis, although it takes writes, has refused a call so
// often that it would keep the outage from ending for ever.
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
	return true
}

// lose counts a call that will never be made.
func (o *outage) lose(t task) {
	if t.entry {
		o.a.dropped.Add(1)
	}
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
