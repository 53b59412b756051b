package ingest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nerve-alerts/nerve/internal/starter"
)

// errBehind means that Temporal was not tried, because it is behind.
var errBehind = fmt.Errorf("%w: it is behind, and the spool comes first", starter.ErrBusy)

// backlogEvery is how often a process that spools asks whether the spool is empty.
const backlogEvery = time.Second

// pressure says whether Temporal keeps up. It is raised by a command that did
// not get through in time, and falls when the drainer has emptied the spool. In
// between no sender waits for Temporal, and what is spooled first is told first.
type pressure struct {
	raised atomic.Bool
	mu     sync.Mutex
	asked  time.Time
}

// raise notes that a command did not get through. Without a spool there is
// nowhere else to go, so it means nothing.
func (p *pressure) raise(backlog func(context.Context) (int64, error)) {
	if backlog == nil {
		return
	}
	p.mu.Lock()
	p.asked = time.Now()
	p.mu.Unlock()
	p.raised.Store(true)
}

// high reports whether commands go to the spool, and now and then asks, on the
// side, whether that can end.
func (p *pressure) high(ctx context.Context, backlog func(context.Context) (int64, error)) bool {
	if !p.raised.Load() {
		return false
	}
	p.mu.Lock()
	due := time.Since(p.asked) >= backlogEvery
	if due {
		p.asked = time.Now()
	}
	p.mu.Unlock()
	if due {
		go p.ask(context.WithoutCancel(ctx), backlog)
	}
	return true
}

func (p *pressure) ask(ctx context.Context, backlog func(context.Context) (int64, error)) {
	ctx, cancel := context.WithTimeout(ctx, backlogEvery)
	defer cancel()
	if n, err := backlog(ctx); err != nil || n == 0 {
		p.raised.Store(false) // an unknown spool is no reason to avoid Temporal
	}
}
