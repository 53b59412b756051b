package events

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Stops keeps, beyond this process, which subscribers want no more events.
type Stops interface {
	// StopSubscriber may be called again for one that is stopped.
	StopSubscriber(ctx context.Context, name, why string) error
	StoppedSubscribers(ctx context.Context) ([]contract.StoppedSubscriber, error)
}

const (
	// lookEvery is how long what is known of stops is good for: so long one that
	// was started again waits, and other workers go on to one that was stopped.
	// Nothing is asked while there are no events.
	lookEvery = 10 * time.Second
	// lookFor bounds one look, and one stop: the delivery log waits meanwhile.
	lookFor = time.Second
)

// gone is what a process knows of the subscribers that want no more events.
type gone struct {
	stops Stops
	log   *slog.Logger
	now   func() time.Time

	mu      sync.Mutex
	names   map[string]bool
	unsaved map[string]string // why, of those that could not be kept yet
	looked  time.Time
}

// has reports whether a subscriber wants no more. While that cannot be asked for,
// what was known goes on.
func (g *gone) has(ctx context.Context, name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := g.now(); g.looked.IsZero() || now.Sub(g.looked) >= lookEvery {
		g.looked = now
		g.look(ctx)
	}
	return g.names[name]
}

// add keeps that a subscriber wants no more. When it cannot be kept now it holds
// for this process, and is tried again at each look.
func (g *gone) add(ctx context.Context, name, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names[name] = true
	g.save(ctx, name, why)
}

// look and save are called with the lock held, so that no answer from before a
// stop takes the stop back.
func (g *gone) look(ctx context.Context) {
	for name, why := range g.unsaved {
		g.save(ctx, name, why)
	}
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	list, err := g.stops.StoppedSubscribers(ctx)
	if err != nil {
		g.log.WarnContext(ctx, "stopped subscribers cannot be asked for; those that are known stay so", "error", err)
		return
	}
	clear(g.names)
	for _, one := range list {
		g.names[one.Name] = true
	}
	for name := range g.unsaved {
		g.names[name] = true
	}
}

func (g *gone) save(ctx context.Context, name, why string) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	if err := g.stops.StopSubscriber(ctx, name, why); err != nil {
		g.unsaved[name] = why
		g.log.WarnContext(ctx, "that a subscriber wants no more events could not be kept yet", "subscriber", name, "error", err)
		return
	}
	delete(g.unsaved, name)
}
