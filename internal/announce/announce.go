// Package announce has something looked at when Redis announces that it has
// changed, and now and then by itself, for what was announced to nobody. Redis
// makes it quick; without Redis it is looked at more often instead.
package announce

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// defaultDeaf is how often it is looked at while nothing is announced: the time
	// within which a change must be known.
	defaultDeaf = 2 * time.Second
	// defaultCarried is the same while Redis carries announcements, for one that got lost.
	defaultCarried = 30 * time.Second
	// listenFor is how long a connection to Redis may be silent before it is asked
	// whether it is there. The system does the same below, and what a network that
	// drops packets swallows is found by looking; a program at rest has one command a
	// minute.
	listenFor = 10 * time.Minute
)

// Watch looks at something whenever it may have changed. Look is needed.
type Watch struct {
	Client  redis.UniversalClient // nil: nothing is ever announced
	Channel string
	// Look looks. anew says that something was announced, or the connection made
	// again, since it last did. It returns whether what it found may be relied on
	// until the next announcement; if not, it looks again as when deaf.
	Look func(ctx context.Context, anew bool) (reliable bool)
	// Deaf and Carried are how often it looks while Redis does not announce
	// changes, and while it does; 2 s and 30 s by default.
	Deaf, Carried time.Duration

	hears, anew atomic.Bool
	kick        chan struct{}
}

// Run watches until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	if w.Deaf <= 0 {
		w.Deaf = defaultDeaf
	}
	if w.Carried <= 0 {
		w.Carried = defaultCarried
	}
	w.kick = make(chan struct{}, 1)
	var group sync.WaitGroup
	if w.Client != nil {
		group.Go(func() { w.listen(ctx) })
	}
	defer group.Wait()
	for {
		every := w.Deaf
		if w.Look(ctx, w.anew.Swap(false)) && w.hears.Load() {
			every = w.Carried
		}
		t := time.NewTimer(every)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-w.kick:
		case <-t.C:
		}
		t.Stop()
	}
}

// listen hears announcements until ctx ends.
func (w *Watch) listen(ctx context.Context) {
	for ctx.Err() == nil {
		w.subscribed(ctx)
		w.hears.Store(false)
		w.wake()
		select {
		case <-ctx.Done():
		case <-time.After(w.Deaf):
		}
	}
}

// subscribed hears announcements until the connection fails. That the subscription
// has begun counts as one: what was announced before is not announced again.
func (w *Watch) subscribed(ctx context.Context) {
	sub := w.Client.Subscribe(ctx, w.Channel)
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() })
	defer func() {
		stop()
		_ = sub.Close()
	}()
	for asked := false; ; {
		message, err := sub.ReceiveTimeout(ctx, listenFor)
		switch {
		case err == nil:
			asked = false
			if _, pong := message.(*redis.Pong); !pong {
				w.anew.Store(true)
				w.hears.Store(true)
				w.wake()
			}
		case silent(err) && !asked:
			asked = true
			if sub.Ping(ctx) != nil {
				return
			}
		default:
			return
		}
	}
}

// silent reports whether an error is only that nothing came.
func silent(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}

func (w *Watch) wake() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}
