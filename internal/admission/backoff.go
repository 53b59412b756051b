package admission

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff grows from least to most, doubling, with jitter over its upper half so
// that processes which failed together do not come back together.
type backoff struct {
	least, most time.Duration
	failures    int
}

func (b *backoff) next() time.Duration {
	wait := b.most
	if b.failures < 32 && b.least<<b.failures < b.most {
		wait = b.least << b.failures
	}
	b.failures++
	return wait/2 + rand.N(wait/2+1) //nolint:gosec // spreads retries, guards nothing
}

func (b *backoff) reset() { b.failures = 0 }

// pause waits, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
