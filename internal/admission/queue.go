package admission

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/nerve-alerts/nerve/incident"
)

// pageBytes bounds what one read brings into memory.
const pageBytes = 8 << 20

// maxReason bounds what is written of why an entry was buried.
const maxReason = 500

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
	retry               backoff // of Redis itself
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
		if wait := again.Sub(q.now()); !again.IsZero() && wait > 0 {
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
// to leave behind is due again. It reports busy when another has the lease.
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
		left, more := q.work.page(keeper.ctx, q, entries)
		again = sooner(again, left)
		switch {
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

// What take.lua answers.
const (
	takeEmpty = iota
	takeMine
	takeOther
)

func (q *queue) take(ctx context.Context, after string) (state int64, entries []redis.XMessage, err error) {
	reply, err := takeScript.Run(ctx, q.client, []string{q.stream, q.lease},
		q.token, millis(q.timing.leaseTTL), after, q.pageSize, pageBytes).Slice()
	if err != nil {
		return 0, nil, fmt.Errorf("admission: read %s: %w", q.stream, err)
	}
	state, entries, ok := parsePage(reply)
	if !ok {
		return 0, nil, fmt.Errorf("admission: read %s: unexpected reply", q.stream)
	}
	return state, entries, nil
}

func parsePage(reply []any) (state int64, entries []redis.XMessage, ok bool) {
	if len(reply) != 2 {
		return 0, nil, false
	}
	state, isState := reply[0].(int64)
	rows, isRows := reply[1].([]any)
	if !isState || !isRows {
		return 0, nil, false
	}
	for _, row := range rows {
		pair, _ := row.([]any)
		if len(pair) != 2 {
			return 0, nil, false
		}
		id, isID := pair[0].(string)
		fields, isFields := pair[1].([]any)
		if !isID || !isFields {
			return 0, nil, false
		}
		values := make(map[string]any, len(fields)/2)
		for i := 0; i+1 < len(fields); i += 2 {
			if name, isName := fields[i].(string); isName {
				values[name] = fields[i+1]
			}
		}
		entries = append(entries, redis.XMessage{ID: id, Values: values})
	}
	return state, entries, true
}

// done deletes entries that were handled. Whoever stops meanwhile still has it
// written down, or they would be handled again.
func (q *queue) done(ctx context.Context, ids ...string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.timing.grace)
	defer cancel()
	if err := q.client.XDel(ctx, q.stream, ids...).Err(); err != nil {
		return fmt.Errorf("admission: remove from %s: %w", q.stream, err)
	}
	return nil
}

// bury moves an entry that no retry can mend to the dead letters.
func (q *queue) bury(ctx context.Context, id string, reason error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.timing.grace)
	defer cancel()
	err := buryScript.Run(ctx, q.client, []string{q.stream, q.dead}, id, incident.Cut(strings.TrimSpace(reason.Error()), maxReason)).Err()
	if err != nil {
		return fmt.Errorf("admission: bury in %s: %w", q.dead, err)
	}
	q.log.Error("admission: an entry can never be handled and was moved to the dead letters",
		"dead_letters", q.dead, "entry", id, "error", reason)
	return nil
}

func text(m redis.XMessage, field string) string {
	s, _ := m.Values[field].(string)
	return s
}
