package admission

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// drainLanes is how many workflow ids are handled at a time. Temporal takes no
// more than about eight starts in flight before only the wait grows.
const drainLanes = 8

// drainPage is how many commands are read at a time.
const drainPage = 256

// Spool keeps a command for which Temporal is too slow or away, sealed with
// contract.SpoolContext of its workflow id. Once it returns nil the command is
// as durable as Redis is. It refuses with ErrSpoolFull and ErrNotDurable, and
// with ErrUnavailable when Redis does not answer before ctx ends.
func (a *Admission) Spool(ctx context.Context, cmd contract.Command, sealed []byte) error {
	if !a.opts.Durable {
		return ErrNotDurable
	}
	if cmd.WorkflowID == "" || len(sealed) == 0 {
		return errors.New("admission: a spooled command needs a workflow id and a sealed body")
	}
	full, err := appendScript.Run(ctx, a.raw, []string{a.names.spool()},
		a.opts.MaxSpool, "workflow_id", cmd.WorkflowID, "sealed", sealed).Bool()
	if err != nil {
		return fmt.Errorf("%w: spool: %w", ErrUnavailable, err)
	}
	if full {
		return ErrSpoolFull
	}
	return nil
}

// Depth is how many commands wait in the spool.
func (a *Admission) Depth(ctx context.Context) (int64, error) {
	n, err := a.raw.XLen(ctx, a.names.spool()).Result()
	if err != nil {
		return 0, fmt.Errorf("%w: spool depth: %w", ErrUnavailable, err)
	}
	return n, nil
}

// Item is a spooled command.
type Item struct {
	ID         string // the stream's
	WorkflowID string
	Sealed     []byte
	SpooledAt  time.Time // by Redis's clock
}

// Drain hands the spooled commands to handle until ctx ends, at least once each,
// and those of one workflow id one after the other in the order in which they
// were spooled, whichever processes drain. An error of handle is retried with a
// growing wait, before anything later of the same workflow id; one that wraps
// ErrPoison moves the command to "<prefix>:{nerve}:spool:dead". After ctx ends,
// the command in hand has ten more seconds.
func (a *Admission) Drain(ctx context.Context, consumer string, handle func(context.Context, Item) error) error {
	w := &drainer{handle: handle}
	for i := range w.lanes {
		w.lanes[i].retry = backoff{least: a.timing.retryMin, most: a.timing.retryMax}
	}
	a.newQueue(a.names.spool(), consumer, drainPage, w).run(ctx)
	return nil
}

// drainer is the spool's worker. A lane is the share of workflow ids that is
// handled in a row.
type drainer struct {
	handle func(context.Context, Item) error
	lanes  [drainLanes]lane
}

// lane is used by one goroutine at a time.
type lane struct {
	entries []redis.XMessage // of this page
	due     time.Time        // when to try its first entry again
	retry   backoff
	passed  bool // it left an entry behind, so its later ones wait for the next pass
}

func (d *drainer) rewind() {
	for i := range d.lanes {
		d.lanes[i].passed = false
	}
}

func (d *drainer) page(ctx context.Context, q *queue, entries []redis.XMessage) (again time.Time, more bool) {
	for i := range d.lanes {
		d.lanes[i].entries = nil
	}
	for _, e := range entries {
		l := &d.lanes[laneOf(text(e, "workflow_id"))]
		l.entries = append(l.entries, e)
	}
	now := q.now()
	var wg sync.WaitGroup
	for i := range d.lanes {
		l := &d.lanes[i]
		if len(l.entries) == 0 {
			continue
		}
		if l.passed = l.passed || now.Before(l.due); l.passed {
			continue
		}
		wg.Go(func() { d.work(ctx, q, l) })
	}
	wg.Wait()
	for i := range d.lanes {
		if d.lanes[i].passed {
			again = sooner(again, d.lanes[i].due)
		} else {
			more = true
		}
	}
	return again, more
}

func laneOf(workflowID string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(workflowID))
	return h.Sum32() % drainLanes
}

// work handles a lane's entries until one has to be tried again later.
func (d *drainer) work(ctx context.Context, q *queue, l *lane) {
	for _, e := range l.entries {
		if q.stopped() || ctx.Err() != nil {
			l.passed, l.due = true, q.now()
			return
		}
		if err := d.one(ctx, q, e); err != nil {
			if l.retry.failures == 0 {
				q.log.Warn("admission: a spooled command is not taken, trying on", "entry", e.ID, "error", err)
			}
			l.passed, l.due = true, q.now().Add(l.retry.next())
			return
		}
		l.retry.reset()
	}
}

func (d *drainer) one(ctx context.Context, q *queue, e redis.XMessage) error {
	item := Item{ID: e.ID, WorkflowID: text(e, "workflow_id"), Sealed: []byte(text(e, "sealed")), SpooledAt: entryTime(e.ID)}
	if item.WorkflowID == "" || len(item.Sealed) == 0 {
		return q.bury(ctx, e.ID, fmt.Errorf("%w: not a spooled command", ErrPoison))
	}
	err := d.handle(ctx, item)
	if errors.Is(err, ErrPoison) {
		return q.bury(ctx, e.ID, err)
	}
	if err != nil {
		return err
	}
	return q.done(ctx, e.ID)
}

// entryTime is when Redis took an entry: the milliseconds that begin its id.
func entryTime(id string) time.Time {
	ms, _, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
