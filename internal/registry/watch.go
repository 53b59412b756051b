package registry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nerve-alerts/nerve/internal/announce"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/record"
)

// How an ingest hears of changes.
const (
	// keepEvery is how often the copy in Redis is looked at while nothing changes
	// and the connection stays. One that is made again has it looked at at once: it
	// may be to a Redis that has lost everything.
	keepEvery = 10 * time.Minute
	// askFor bounds one look at the database or at Redis.
	askFor = 5 * time.Second
)

// Watch keeps an ingest's sources up to date. Open, Carrier and Use are needed.
type Watch struct {
	// Open connects to the database. It is called again after it has failed.
	Open    func(ctx context.Context) (Reader, error)
	Carrier Carrier
	Base    config.Source
	// Use takes what was loaded. current is false for a copy from Redis: the
	// database may have had more sources since.
	Use func(l Loaded, current bool)
	Log *slog.Logger
	// Deaf and Carried are how often the database is asked while Redis does not
	// announce changes, and while it does; 2 s and 30 s by default.
	Deaf, Carried time.Duration

	reader   Reader
	revision int64
	loaded   bool // anything, also a copy
	current  bool // from the database
	away     bool // said already
	first    chan struct{}
	once     sync.Once
	keptAt   time.Time // when it was
}

// Start prepares the watch; Run must follow.
func (w *Watch) Start() *Watch {
	w.first = make(chan struct{})
	return w
}

// First waits until sources were loaded once, or ctx ends.
func (w *Watch) First(ctx context.Context) {
	select {
	case <-w.first:
	case <-ctx.Done():
	}
}

// Run watches until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	(&announce.Watch{
		Client: w.Carrier.Client, Channel: channel, Deaf: w.Deaf, Carried: w.Carried,
		Look: func(ctx context.Context, anew bool) bool { w.refresh(ctx, anew); return w.current },
	}).Run(ctx)
}

// refresh asks the database, and where it does not answer, Redis for a copy that
// is newer than what is in use.
func (w *Watch) refresh(ctx context.Context, anew bool) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	set, changed, err := w.ask(ctx)
	if err != nil {
		if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			w.without(context.WithoutCancel(ctx), err)
		}
		return
	}
	if w.away {
		w.away = false
		w.Log.InfoContext(ctx, "the database of sources answers again")
	}
	if changed {
		w.use(ctx, set, true)
	}
	w.keep(ctx, set, changed, anew)
}

// ask reads the database when its revision is not the one in use.
func (w *Watch) ask(ctx context.Context) (record.SourceSet, bool, error) {
	if w.reader == nil {
		reader, err := w.Open(ctx)
		if err != nil {
			return record.SourceSet{}, false, err
		}
		w.reader = reader
	}
	revision, err := w.reader.SourcesRevision(ctx)
	if err != nil || w.current && revision == w.revision {
		return record.SourceSet{Revision: revision}, false, err
	}
	set, err := w.reader.SealedSources(ctx)
	return set, err == nil, err
}

// keep makes sure that the copy in Redis is what the database has.
func (w *Watch) keep(ctx context.Context, set record.SourceSet, whole, anew bool) {
	if !anew && !whole && time.Since(w.keptAt) < keepEvery {
		return
	}
	w.keptAt = time.Now()
	kept, err := w.Carrier.kept(ctx)
	if err == nil && kept != set.Revision {
		if !whole {
			set, err = w.reader.SealedSources(ctx)
		}
		if err == nil {
			err = w.Carrier.keep(ctx, set)
		}
	}
	if err != nil {
		w.keptAt = time.Time{}
		w.Log.DebugContext(ctx, "the copy of the sources in Redis is not up to date", "error", err)
	}
}

// without goes on while the database does not answer.
func (w *Watch) without(ctx context.Context, cause error) {
	if !w.away {
		w.away = true
		w.Log.WarnContext(ctx, "the database of sources does not answer: the sources that are known go on", "loaded", w.loaded, "error", cause)
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	kept, err := w.Carrier.kept(ctx)
	if err != nil || kept < 0 || w.loaded && kept <= w.revision {
		return
	}
	set, err := w.Carrier.copied(ctx)
	if err != nil {
		w.Log.WarnContext(ctx, "the copy of the sources in Redis cannot be used", "error", err)
		return
	}
	w.use(ctx, set, w.current)
}

func (w *Watch) use(ctx context.Context, set record.SourceSet, current bool) {
	l := Open(set, w.Carrier.Sealer, w.Base)
	for _, s := range l.Sources {
		if s.Err != nil {
			w.Log.ErrorContext(ctx, "a source is broken and answers 503; the others go on", "source", s.Source.Name, "error", s.Err)
		}
	}
	w.revision, w.loaded, w.current = set.Revision, true, current
	w.Use(l, current)
	w.Log.InfoContext(ctx, "sources loaded", "revision", set.Revision, "sources", len(l.Sources), "from_database", current)
	w.once.Do(func() { close(w.first) })
}
