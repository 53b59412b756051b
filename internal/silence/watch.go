package silence

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/nerve-alerts/nerve/internal/record"
)

// How an ingest hears of changes; the same figures as for sources.
const (
	askDeaf    = 2 * time.Second  // between two looks while Redis announces nothing
	askCarried = 30 * time.Second // the same while it does, for what got lost
	listenFor  = 10 * time.Minute // a connection that is silent for so long is asked whether it is there
	askFor     = 5 * time.Second  // one look
)

// Reader is the database.
type Reader interface {
	Silences(ctx context.Context, f record.SilenceFilter) ([]record.Silence, error)
}

// Watch keeps a Set up to date. Without Open it lives by the copy in Redis alone,
// and without a Carrier by the database alone, which it then asks as when deaf.
type Watch struct {
	// Open connects to the database; it is called again after it has failed.
	Open    func(ctx context.Context) (Reader, error)
	Carrier Carrier
	Set     *Set
	Log     *slog.Logger
	// Deaf and Carried are how often it looks while Redis does not announce
	// changes, and while it does; 2 s and 30 s by default.
	Deaf, Carried time.Duration

	reader Reader
	away   bool // said already
	hears  atomic.Bool
	kick   chan struct{}
}

// Run watches until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	if w.Deaf <= 0 {
		w.Deaf = askDeaf
	}
	if w.Carried <= 0 {
		w.Carried = askCarried
	}
	w.kick = make(chan struct{}, 1)
	var group sync.WaitGroup
	if w.Carrier.Client != nil {
		group.Go(func() { w.listen(ctx) })
	}
	defer group.Wait()
	for {
		w.refresh(ctx)
		every := w.Deaf
		if w.hears.Load() {
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

// refresh takes what the database has, and the copy while it does not answer.
// When neither can be had, what is known goes on: silences end by themselves.
func (w *Watch) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	all, err := w.ask(ctx)
	if err == nil {
		w.away = false
		w.Set.Use(all)
		if w.Open != nil && w.Carrier.Client != nil {
			if err := w.Carrier.Keep(ctx, all); err != nil {
				w.Log.DebugContext(ctx, "the copy of the silences in Redis is not up to date", "error", err)
			}
		}
		return
	}
	if !w.away && !errors.Is(ctx.Err(), context.Canceled) {
		w.away = true
		w.Log.WarnContext(ctx, "silences cannot be asked for; those that are known go on", "error", err)
	}
}

func (w *Watch) ask(ctx context.Context) ([]record.Silence, error) {
	if w.Open == nil {
		return w.Carrier.copied(ctx)
	}
	all, err := w.stored(ctx)
	if err == nil || w.Carrier.Client == nil {
		return all, err
	}
	// Half of the time is left for Redis: a database that hangs has used its part.
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), askFor/2)
	defer cancel()
	all, copyErr := w.Carrier.copied(late)
	if copyErr != nil || len(all) == 0 {
		return nil, errors.Join(err, copyErr)
	}
	return all, nil
}

func (w *Watch) stored(ctx context.Context) ([]record.Silence, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor/2)
	defer cancel()
	if w.reader == nil {
		reader, err := w.Open(ctx)
		if err != nil {
			return nil, err
		}
		w.reader = reader
	}
	return w.reader.Silences(ctx, record.SilenceFilter{AheadAt: time.Now(), Limit: MaxAhead})
}

// listen hears announcements until ctx ends.
func (w *Watch) listen(ctx context.Context) {
	for ctx.Err() == nil {
		w.subscribed(ctx)
		w.hears.Store(false)
		select {
		case <-ctx.Done():
		case <-time.After(w.Deaf):
		}
	}
}

// subscribed hears announcements until the connection fails.
func (w *Watch) subscribed(ctx context.Context) {
	sub := w.Carrier.Client.Subscribe(ctx, channel)
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() })
	defer func() {
		stop()
		_ = sub.Close()
	}()
	for asked := false; ; {
		message, err := sub.ReceiveTimeout(ctx, listenFor)
		timeout, silent := errors.AsType[interface {
			error
			Timeout() bool
		}](err)
		switch {
		case err == nil:
			asked = false
			w.heard(message)
		case silent && timeout.Timeout() && !asked:
			asked = true
			if sub.Ping(ctx) != nil {
				return
			}
		default:
			return
		}
	}
}

// heard has the database asked, also when the subscription has only begun: what
// was announced before is not announced again.
func (w *Watch) heard(message any) {
	if _, pong := message.(*redis.Pong); pong {
		return
	}
	w.hears.Store(true)
	select {
	case w.kick <- struct{}{}:
	default:
	}
}
