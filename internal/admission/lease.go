package admission

import (
	"context"
	"sync"
	"time"
)

// leaseKeeper holds the lease while pages are worked on. Its ctx is what
// handlers get: it outlives a stop by a grace, so that the entry in hand is
// finished, and ends when the lease is lost, because then another process may
// work on the same entries.
type leaseKeeper struct {
	q      *queue
	ctx    context.Context // the handlers'
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	until time.Time // the earliest end of the lease; zero when there is none
}

func (q *queue) keepLease(ctx context.Context) *leaseKeeper {
	k := &leaseKeeper{q: q}
	k.ctx, k.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	k.wg.Go(func() { k.keep(ctx) })
	return k
}

// held notes that the lease was taken or renewed by a call made at that time.
func (k *leaseKeeper) held(asked time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.until = asked.Add(k.q.timing.leaseTTL)
}

// gone notes that there is no lease to keep or give back.
func (k *leaseKeeper) gone() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.until = time.Time{}
}

func (k *leaseKeeper) expiry() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.until
}

func (k *leaseKeeper) keep(ctx context.Context) {
	ticker := time.NewTicker(max(k.q.timing.leaseTTL/3, time.Millisecond))
	defer ticker.Stop()
	stopped := ctx.Done()
	var grace <-chan time.Time
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-stopped:
			stopped = nil
			timer := time.NewTimer(k.q.timing.grace)
			defer timer.Stop()
			grace = timer.C
		case <-grace:
			k.cancel(context.Cause(ctx))
			return
		case <-ticker.C:
			k.renew() //nolint:contextcheck // under the handlers' context, which outlives a stop
		}
	}
}

// renew keeps the lease. When Redis says that it is another's, or says nothing
// until it must have ended, the handlers are stopped.
func (k *leaseKeeper) renew() {
	until := k.expiry()
	if until.IsZero() {
		return
	}
	asked := k.q.now()
	ctx, cancel := context.WithTimeout(k.ctx, max(until.Sub(asked), time.Millisecond))
	defer cancel()
	mine, err := leaseScript.Run(ctx, k.q.client, []string{k.q.lease}, k.q.token, millis(k.q.timing.leaseTTL)).Bool()
	switch {
	case err == nil && mine:
		k.held(asked)
	case err == nil, !k.q.now().Before(until):
		k.gone()
		k.cancel(errLeaseLost)
		k.q.log.Warn("admission: the lease on the stream was lost, its entries go to another process")
	}
}

// end stops keeping the lease and gives it back. When that fails it ends by itself.
func (k *leaseKeeper) end(ctx context.Context) {
	k.cancel(nil)
	k.wg.Wait()
	if k.expiry().IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.q.timing.grace)
	defer cancel()
	if err := leaseScript.Run(ctx, k.q.client, []string{k.q.lease}, k.q.token, 0).Err(); err != nil {
		k.q.log.Debug("admission: the lease was not given back, it ends by itself", "error", err)
	}
}
