package back

import (
	"context"
	"log/slog"
	"time"

	"github.com/nerve-alerts/nerve/internal/record"
)

// When the record is cleaned up: not while everything starts at once, and then
// often enough that an hour's rows are all there is to remove.
const (
	firstCleanUp = 5 * time.Minute
	cleanUpEvery = time.Hour
)

// cleaner is a record that can be cleaned up.
type cleaner interface {
	CleanUp(ctx context.Context, keep record.Retention) (record.Removed, error)
}

// cleanUp removes what is older than its retention, every hour until ctx ends.
// Any number of workers may do so: the record lets one at a time. A failure is
// said, and mended by the next time.
func cleanUp(ctx context.Context, from cleaner, keep record.Retention, log *slog.Logger) error {
	timer := time.NewTimer(firstCleanUp)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		removed, err := from.CleanUp(ctx, keep)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			log.WarnContext(ctx, "the record was not cleaned up, trying again in an hour", "error", err)
		case removed != record.Removed{} && !removed.Elsewhere:
			log.InfoContext(ctx, "record cleaned up",
				"deliveries", removed.Deliveries, "bodies", removed.Bodies, "incidents", removed.Incidents)
		}
		timer.Reset(cleanUpEvery)
	}
}
