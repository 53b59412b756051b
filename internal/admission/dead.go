package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Queue names one of the two streams.
type Queue string

// The queues.
const (
	QueueSpool      Queue = "spool"      // commands for Temporal
	QueueDeliveries Queue = "deliveries" // the delivery log, on its way to SQL
)

// Queues lists them.
var Queues = []Queue{QueueSpool, QueueDeliveries}

// DeadLetter is an entry that could never be handled as things were, without
// its content.
type DeadLetter struct {
	Queue      Queue     `json:"queue"`
	ID         string    `json:"id"`
	WorkflowID string    `json:"workflow_id,omitempty"`
	DeliveryID string    `json:"delivery_id,omitempty"` // of a delivery that can be read
	Reason     string    `json:"reason"`
	QueuedAt   time.Time `json:"queued_at"`
	BuriedAt   time.Time `json:"buried_at"`
	Size       int       `json:"size"` // of the content, in bytes
}

const (
	// deadPage is how many dead letters are read at a time: each may be as large
	// as a webhook's body.
	deadPage = 16
	// revivePage is how many are moved in one step of Redis.
	revivePage = 64
)

// ErrFull means that a stream takes no more entries.
var ErrFull = errors.New("admission: the stream is full")

// DeadLetters lists what was moved to a queue's dead letters, oldest first.
func (a *Admission) DeadLetters(ctx context.Context, q Queue) ([]DeadLetter, error) {
	_, dead, _, err := a.queue(q)
	if err != nil {
		return nil, err
	}
	var found []DeadLetter
	for from := "-"; ; {
		page, err := a.raw.XRangeN(ctx, dead, from, "+", deadPage).Result()
		if err != nil {
			return nil, fmt.Errorf("%w: list %s: %w", ErrUnavailable, dead, err)
		}
		for _, e := range page {
			found = append(found, deadLetter(q, e))
		}
		if len(page) < deadPage {
			return found, nil
		}
		from = "(" + page[len(page)-1].ID
	}
}

func deadLetter(q Queue, e redis.XMessage) DeadLetter {
	d := DeadLetter{
		Queue: q, ID: e.ID, Reason: text(e, "reason"), WorkflowID: text(e, "workflow_id"),
		QueuedAt: entryTime(text(e, "id")), BuriedAt: entryTime(e.ID),
		Size: len(text(e, "sealed")) + len(text(e, "d")),
	}
	if delivery, err := decode(e); err == nil {
		d.DeliveryID, d.WorkflowID = delivery.ID, delivery.WorkflowID
	}
	return d
}

// Revive moves dead letters back to the end of their queue, in the order in which
// they were buried, where the worker takes them again. It returns how many it
// moved: those that are no dead letters any more were moved before. Each is in
// exactly one of the two places at any time. It fails with ErrFull when the queue
// takes no more; the others stay where they are.
func (a *Admission) Revive(ctx context.Context, q Queue, letters []DeadLetter) (moved int, err error) {
	stream, dead, limit, err := a.queue(q)
	if err != nil {
		return 0, err
	}
	for page := range slices.Chunk(letters, revivePage) {
		args := []any{limit}
		for _, l := range page {
			args = append(args, l.ID)
		}
		reply, err := reviveScript.Run(ctx, a.raw, []string{stream, dead}, args...).Int64Slice()
		if err != nil || len(reply) != 2 {
			return moved, fmt.Errorf("%w: revive %s: %w", ErrUnavailable, dead, err)
		}
		if moved += int(reply[0]); reply[1] == 1 {
			return moved, fmt.Errorf("%w: %s", ErrFull, stream)
		}
	}
	return moved, nil
}

func (a *Admission) queue(q Queue) (stream, dead string, limit int64, err error) {
	switch q {
	case QueueSpool:
		stream, limit = a.names.spool(), a.opts.MaxSpool
	case QueueDeliveries:
		stream, limit = a.opts.DeliveryStream, a.opts.MaxDeliveries
	default:
		return "", "", 0, fmt.Errorf("admission: no queue %q", q)
	}
	return stream, a.names.deadLetters(stream), limit, nil
}
