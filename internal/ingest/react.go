package ingest

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nerve-alerts/nerve/incident"
)

const (
	// reactions in flight: a burst of a hundred a second at Slack's usual 200 ms
	// fits; what does not is left to the workflow, which reacts as well.
	maxReactions    = 32
	reactionTimeout = 2 * time.Second
)

// reactions puts 👀 on messages after their answer, from a bounded number of
// goroutines. A failure is only logged: the workflow makes sure of the reaction.
type reactions struct {
	reactor Reactor
	log     *slog.Logger
	group   errgroup.Group
}

func newReactions(r Reactor, log *slog.Logger) *reactions {
	p := &reactions{reactor: r, log: log}
	p.group.SetLimit(maxReactions)
	return p
}

// add reacts on messages, in the background. It never waits.
func (p *reactions) add(ctx context.Context, refs []incident.SlackRef) {
	if p.reactor == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	for _, ref := range refs {
		started := p.group.TryGo(func() error {
			p.react(ctx, ref)
			return nil
		})
		if !started {
			p.log.WarnContext(ctx, "reaction left to the workflow: too many in flight")
		}
	}
}

func (p *reactions) react(ctx context.Context, ref incident.SlackRef) {
	ctx, cancel := context.WithTimeout(ctx, reactionTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			logPanic(ctx, p.log, v)
		}
	}()
	if err := p.reactor.React(ctx, ref); err != nil {
		p.log.WarnContext(ctx, "reaction failed; the workflow makes sure of it", "error", err)
	}
}

// wait returns when every reaction has ended, or after the longest that one may take.
func (p *reactions) wait() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.group.Wait() // react reports its own errors
	}()
	select {
	case <-done:
	case <-time.After(reactionTimeout + time.Second):
		p.log.Warn("reactions did not end in time")
	}
}
