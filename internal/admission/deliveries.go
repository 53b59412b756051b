package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// consumeBatch is how many deliveries a handler gets at most.
const consumeBatch = 200

// Consume hands the delivery log to handle until ctx ends: in order, in batches
// of up to 200, each delivery at least once, so handle must bear a delivery id
// that it has stored already. An error of handle is retried with a growing wait,
// and meanwhile the stream keeps what comes, up to MaxDeliveries. An error that
// wraps ErrPoison has the batch handled one by one, and those that still fail so
// are moved to "<stream>:dead". After ctx ends, the batch in hand has ten more
// seconds.
func (a *Admission) Consume(ctx context.Context, consumer string, handle func(context.Context, []contract.Delivery) error) error {
	w := &recorder{handle: handle, retry: backoff{least: a.timing.retryMin, most: a.timing.retryMax}}
	q := a.newQueue(a.opts.DeliveryStream, consumer, consumeBatch, w)
	q.gather = a.timing.gather
	q.run(ctx)
	return nil
}

// recorder is the delivery stream's worker.
type recorder struct {
	handle func(context.Context, []contract.Delivery) error
	retry  backoff
}

func (r *recorder) rewind() {}

func (r *recorder) page(ctx context.Context, q *queue, entries []redis.XMessage) (again time.Time, more bool) {
	if q.stopped() {
		return q.now(), false
	}
	if err := r.batch(ctx, q, entries); err != nil {
		if r.retry.failures == 0 {
			q.log.Warn("admission: deliveries are not recorded, trying on", "entries", len(entries), "error", err)
		}
		return q.now().Add(r.retry.next()), false
	}
	r.retry.reset()
	return time.Time{}, true
}

func (r *recorder) batch(ctx context.Context, q *queue, entries []redis.XMessage) error {
	ids := make([]string, 0, len(entries))
	deliveries := make([]contract.Delivery, 0, len(entries))
	for _, e := range entries {
		d, err := decode(e)
		if err != nil {
			if err := q.bury(ctx, e.ID, err); err != nil {
				return err
			}
			continue
		}
		ids, deliveries = append(ids, e.ID), append(deliveries, d)
	}
	if len(ids) == 0 {
		return nil
	}
	err := r.handle(ctx, deliveries)
	if errors.Is(err, ErrPoison) {
		return r.single(ctx, q, ids, deliveries)
	}
	if err != nil {
		return err
	}
	return q.done(ctx, ids...)
}

// single finds the deliveries of a batch that cannot ever be recorded.
func (r *recorder) single(ctx context.Context, q *queue, ids []string, deliveries []contract.Delivery) error {
	for i, id := range ids {
		err := r.handle(ctx, deliveries[i:i+1])
		switch {
		case errors.Is(err, ErrPoison):
			err = q.bury(ctx, id, err)
		case err == nil:
			err = q.done(ctx, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// decided is what the script said of the window. An entry of a release before
// this one has nothing of it.
func decided(e redis.XMessage, at time.Time) (d Decision) {
	since, _ := strconv.ParseInt(text(e, "since"), 10, 64)
	left, _ := strconv.ParseInt(text(e, "left"), 10, 64)
	if left > 0 {
		d.WindowStart, d.WindowEnd = windowTimes(since, time.Duration(left)*time.Millisecond, at)
	}
	return d
}

// decode reads an entry. What the admission script decided stands in fields of
// its own, beside the delivery as ingest knew it.
func decode(e redis.XMessage) (contract.Delivery, error) {
	var d contract.Delivery
	if err := json.Unmarshal([]byte(text(e, "d")), &d); err != nil {
		return d, fmt.Errorf("%w: not a delivery: %w", ErrPoison, err)
	}
	if outcome := text(e, "outcome"); outcome != "" {
		d.Outcome = contract.Outcome(outcome)
		d.WorkflowID, d.IncidentID = text(e, "workflow_id"), text(e, "incident_id")
		count, err := strconv.ParseInt(text(e, "count"), 10, 64)
		if err != nil {
			return d, fmt.Errorf("%w: not a count: %w", ErrPoison, err)
		}
		d.Count = count
		note(&d, decided(e, d.ReceivedAt))
	}
	return d, nil
}
