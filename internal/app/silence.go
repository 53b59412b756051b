package app

import (
	"context"
	"time"

	"github.com/nerve-alerts/nerve/internal/record"
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
// announce is set, and by asking the database. The second to ask for it in one
// program, as in nerve dev, has nothing to do.
func (c *Core) WatchSilences(ctx context.Context, announce bool) {
	if !c.watching.CompareAndSwap(false, true) {
		<-ctx.Done()
		return
	}
	defer c.watching.Store(false)
	w := silence.Watch{Set: &c.silences, Log: c.Log}
	if announce {
		w.Carrier = c.SilenceCarrier()
	} else {
		w.Deaf = localAsk
	}
	if !c.durable { // the command line of nerve dev does not reach its Redis
		w.Carried = 2 * time.Second
	}
	var store *record.Store
	if url := c.Config.DatabaseURL.Reveal(); url != "" {
		w.Open = func(ctx context.Context) (silence.Reader, error) {
			s, err := record.Connect(ctx, url)
			if err != nil {
				return nil, err
			}
			store = s
			return s, nil
		}
	}
	w.Run(ctx)
	if store != nil {
		if err := store.Close(); err != nil {
			c.Log.Warn("the database of silences was not closed", "error", err)
		}
	}
}
