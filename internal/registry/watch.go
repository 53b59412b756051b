package registry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/record"
)

// How an ingest hears of changes.
const (
	// pollDeaf is how often the database is asked while Redis does not carry
	// announcements: the time within which a change must reach every ingest.
	pollDeaf = 2 * time.Second
	// pollCarried is the same while it does, for an announcement that got lost.
	pollCarried = 30 * time.Second
	// keepEvery is how often the copy in Redis is looked at while nothing changes
	// and the connection stays. One that is made again has it looked at at once: it
	// may be to a Redis that has lost everything.
	keepEvery = 10 * time.Minute
	// listenFor is how long a connection to Redis may be silent before it is asked
	// whether it is there. The system does the same below, and what a network that
	// drops packets swallows is found by asking the database; a worker at rest has
	// one command a minute.
	listenFor = 10 * time.Minute
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
	hears    atomic.Bool
	lost     atomic.Bool // the connection was made again since the copy was looked at
	keptAt   time.Time   // when it was
	kick     chan struct{}
}

// Start prepares the watch; Run must follow.
func (w *Watch) Start() *Watch {
	if w.Deaf <= 0 {
		w.Deaf = pollDeaf
	}
	if w.Carried <= 0 {
		w.Carried = pollCarried
	}
	w.first, w.kick = make(chan struct{}), make(chan struct{}, 1)
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
	var group sync.WaitGroup
	group.Go(func() { w.listen(ctx) })
	defer group.Wait()
	for {
		w.refresh(ctx)
		every := w.Deaf
		if w.hears.Load() && w.current {
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

// refresh asks the database, and where it does not answer, Redis for a copy that
// is newer than what is in use.
func (w *Watch) refresh(ctx context.Context) {
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
	w.keep(ctx, set, changed)
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
func (w *Watch) keep(ctx context.Context, set record.SourceSet, whole bool) {
	if !w.lost.Swap(false) && !whole && time.Since(w.keptAt) < keepEvery {
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

// subscribed hears announcements until the connection fails.
func (w *Watch) subscribed(ctx context.Context) {
	sub := w.Carrier.Client.Subscribe(ctx, channel)
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() })
	defer func() {
		stop()
		_ = sub.Close()
	}()
	asked := false
	for {
		message, err := sub.ReceiveTimeout(ctx, listenFor)
		switch {
		case err == nil:
			asked = false
			if _, pong := message.(*redis.Pong); !pong { // what was announced before it listened is asked for as well
				w.lost.Store(true)
				w.hears.Store(true)
				w.wake()
			}
		case silent(err) && !asked:
			asked = true
			if err := sub.Ping(ctx); err != nil {
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
