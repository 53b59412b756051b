package app

import (
	"context"
	"time"

	"github.com/nerve-alerts/nerve/internal/silence"
)

// localAsk is how often a program that hears no announcements asks for silences:
// the worker, whose idle Redis is to stay idle.
const localAsk = 5 * time.Second

// SilenceCarrier is what silences have in Redis.
func (c *Core) SilenceCarrier() silence.Carrier {
	return silence.Carrier{Client: c.redis, Sealer: c.Sealer}
}

// Silences are the silences that this program knows. WatchSilences keeps them up
// to date.
func (c *Core) Silences() *silence.Set { return &c.silences }

// WatchSilences keeps the silences up to date until ctx ends: told by Redis where
// announce is set, and by asking the database, which open connects to; it is nil
// where there is none. The second to ask for it in one program, as in nerve dev,
// has nothing to do.
func (c *Core) WatchSilences(ctx context.Context, announce bool, open func(context.Context) (silence.Reader, error)) {
	if !c.watching.CompareAndSwap(false, true) {
		<-ctx.Done()
		return
	}
	defer c.watching.Store(false)
	w := silence.Watch{Set: &c.silences, Log: c.Log, Open: open}
	if announce {
		w.Carrier = c.SilenceCarrier()
	} else {
		w.Deaf = localAsk
	}
	if !c.durable { // the command line of nerve dev does not reach its Redis
		w.Carried = 2 * time.Second
	}
	w.Run(ctx)
}
