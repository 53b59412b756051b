package back

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// How long to wait for a database between two attempts: it doubles from the
// first to the last, which is about what a container's restart takes.
const (
	firstOpenPause = time.Second
	lastOpenPause  = 15 * time.Second
)

// openRecord opens the record, and waits for a database that is away. Only a
// worker that starts waits: ingest takes alerts in without it, and workers that
// run already go on with their incidents.
func openRecord(ctx context.Context, open func(context.Context) (*record.Store, error), log *slog.Logger) (*record.Store, error) {
	for pause := firstOpenPause; ; pause = min(2*pause, lastOpenPause) {
		store, err := open(ctx)
		switch {
		case err == nil:
			return store, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("app: stopped before the database answered: %w", ctx.Err())
		case !record.Retryable(err):
			return nil, err
		}
		log.WarnContext(ctx, "this worker starts when its database answers; alerts are taken in meanwhile, and wait for a worker",
			"retry_in", pause, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// deliveryLog is where the delivery log ends up.
type deliveryLog interface {
	SaveDeliveries(ctx context.Context, batch []contract.Delivery) error
}

// save writes a batch of the delivery log. What the database can never hold is
// given up, and said: it would hold up everything behind it for ever.
//
// told hears of what is on record; nil is nobody. It must not wait.
func save(to deliveryLog, told func(context.Context, []contract.Delivery), log *slog.Logger) func(context.Context, []contract.Delivery) error {
	return func(ctx context.Context, batch []contract.Delivery) error {
		err := to.SaveDeliveries(ctx, batch)
		if refused, some := errors.AsType[*record.RefusedError](err); some {
			log.ErrorContext(ctx, "the database refuses deliveries, they are missing in the delivery log",
				"delivery_ids", refused.IDs, "error", refused.Err)
			err = nil
		}
		if err == nil && told != nil {
			told(ctx, batch)
		}
		return err
	}
}
