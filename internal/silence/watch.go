package silence

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nerve-alerts/nerve/internal/announce"
	"github.com/nerve-alerts/nerve/internal/record"
)

// askFor bounds one look.
const askFor = 5 * time.Second

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
}

// Run watches until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	(&announce.Watch{
		Client: w.Carrier.Client, Channel: channel, Deaf: w.Deaf, Carried: w.Carried,
		Look: func(ctx context.Context, _ bool) bool { w.refresh(ctx); return true },
	}).Run(ctx)
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
