package admission

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

var errLeaseLost = errors.New("admission: the lease on the stream was lost")

// queue works through a stream whose done entries are deleted, so that what the
// stream holds is what is left to do, in order.
//
// It waits with XREAD from the very beginning: that returns at once when there
// is anything left, whoever left it, and otherwise blocks until there is. A
// consumer group would hand entries out to several processes, and so out of
// order, and would say nothing of the entries that a dead process holds unless a
// second command asks for them again and again.
type queue struct {
	client redis.UniversalClient
	log    *slog.Logger
	now    func() time.Time
	timing timing

	stream, lease, dead string
	token               string
	pageSize            int
	work                worker
	gather              time.Duration // after a page that was not full, so that the next one is fuller
	retry               backoff       // of Redis itself
	failing             bool
	stopping            <-chan struct{}
}

// stopped reports whether no further entry is to be begun.
func (q *queue) stopped() bool {
	select {
	case <-q.stopping:
		return true
	default:
		return false
	}
}

// worker handles pages of a queue.
type worker interface {
	// page handles what it can of a page, in order, and removes what is done.
	// again is when to come back for what is left, zero when nothing is. more
	// says that later entries may be looked at meanwhile.
	page(ctx context.Context, q *queue, entries []redis.XMessage) (again time.Time, more bool)
	// rewind is called before the first page of every pass from the head.
	rewind()
}

func (a *Admission) newQueue(stream, consumer string, pageSize int, w worker) *queue {
	return &queue{
		client: a.raw, now: a.now, timing: a.timing,
		log:    a.log.With("stream", stream, "consumer", consumer),
		stream: stream, lease: a.names.lease(stream), dead: a.names.deadLetters(stream),
		// Two processes with one consumer name are still two.
		token: consumer + "/" + rand.Text(), pageSize: pageSize, work: w,
		retry: backoff{least: a.timing.retryMin, most: a.timing.retryMax},
	}
}

// run works until ctx ends. Failures of Redis are retried, and logged when they
// begin and end.
func (q *queue) run(ctx context.Context) {
	q.stopping = ctx.Done()
	for ctx.Err() == nil {
		again, err := q.cycle(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if !q.failing {
				q.log.Warn("admission: the stream cannot be read, trying on", "error", err)
			}
			q.failing = true
			pause(ctx, q.retry.next())
			continue
		}
		if q.failing {
			q.log.Info("admission: the stream can be read again")
		}
		q.failing = false
		q.retry.reset()
		if wait := max(q.gather, again.Sub(q.now())); wait > 0 {
			pause(ctx, wait)
		}
	}
}

// cycle waits until there is something to do and makes one pass over it.
func (q *queue) cycle(ctx context.Context) (again time.Time, err error) {
	found, err := q.await(ctx)
	if err != nil || !found {
		return time.Time{}, err
	}
	for ctx.Err() == nil {
		again, busy, err := q.pass(ctx)
		if err != nil || !busy {
			return again, err
		}
		// Another process is at it. Asking costs one command, and nothing is
		// asked once the stream is empty.
		pause(ctx, q.timing.leaseTTL/10)
	}
	return time.Time{}, nil
}

// await blocks until the stream holds an entry, and reports whether it does. The
// read takes nothing, so one that outlives ctx loses nothing.
func (q *queue) await(ctx context.Context) (bool, error) {
	type answer struct {
		streams []redis.XStream
		err     error
	}
	answered := make(chan answer, 1)
	go func() {
		streams, err := q.client.XRead(context.WithoutCancel(ctx), &redis.XReadArgs{
			Streams: []string{q.stream, "0-0"}, Count: 1, Block: q.timing.block,
		}).Result()
		answered <- answer{streams, err}
	}()
	select {
	case <-ctx.Done():
		return false, nil
	case got := <-answered:
		if errors.Is(got.err, redis.Nil) {
			return false, nil
		}
		if got.err != nil {
			return false, fmt.Errorf("admission: wait for %s: %w", q.stream, got.err)
		}
		return len(got.streams) > 0, nil
	}
}

// pass works through the stream from its head to its end, or until what it had
// to leave behind is due again. It reports busy when another has the lease. A
// stream that is written all the time has no end: each page would hold what came
// during the one before, a handful. So a queue that gathers passes on only while
// its pages are full.
func (q *queue) pass(ctx context.Context) (again time.Time, busy bool, err error) {
	q.work.rewind()
	keeper := q.keepLease(ctx)
	defer keeper.end(ctx)
	after := ""
	for ctx.Err() == nil && keeper.ctx.Err() == nil {
		asked := q.now()
		state, entries, err := q.take(ctx, after)
		if err != nil {
			return time.Time{}, false, err
		}
		if state != takeMine {
			keeper.gone()
			return again, state == takeOther, nil
		}
		keeper.held(asked)
		if len(entries) == 0 {
			return again, false, nil
		}
		left, more := q.work.page(keeper.ctx, q, entries) //nolint:contextcheck // made from ctx, but outlives a stop by a grace
		again = sooner(again, left)
		switch {
		case again.IsZero() && q.gather > 0 && len(entries) < q.pageSize:
			return again, false, nil
		case again.IsZero():
			after = ""
		case !more || !q.now().Before(again):
			return again, false, nil
		default:
			after = entries[len(entries)-1].ID
		}
	}
	return again, false, nil
}

// sooner returns the earlier of two times, of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
