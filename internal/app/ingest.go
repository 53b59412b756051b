package app

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/approval"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/internal/silence"
	"github.com/nerve-alerts/nerve/internal/slack"
	"github.com/nerve-alerts/nerve/internal/starter"
)

// Ingest is the program behind cmd/ingest: the HTTP front.
type Ingest struct {
	core   *Core
	server *ingest.Server
	desk   *approval.Desk
	self   atomic.Value // nerve's own Slack bot id, a string
	book   *book
	watch  *registry.Watch // nil without a database: the file's sources are all there are

	mu    sync.Mutex
	store *record.Store // of both watches, once it was reached
}

// NewIngest builds the front. The caller closes core.
func NewIngest(core *Core) (*Ingest, error) { return newIngest(core, nil) }

// newIngest builds the front, with one more source where there is one.
func newIngest(core *Core, own *ownSource) (*Ingest, error) {
	i := &Ingest{core: core}
	i.self.Store("")
	i.book = newBook(core.Config.Sources, func() string { return i.self.Load().(string) }, core.Log)
	if own != nil {
		i.book.own = append(i.book.own, own.source())
	}
	sources, err := i.book.file()
	if err != nil {
		return nil, err
	}
	deps := ingest.Deps{
		Gate: core.Admission, Windows: core.Admission, Streams: core.Admission,
		Starter:  starter.New(core.Client, starter.Options{InFlight: core.Config.Start.InFlight}),
		Scrubber: core.Scrubber, Sealer: core.Sealer, NewSalt: privacy.NewSalt, Log: core.Log,
		Temporal: func(ctx context.Context) error { _, err := core.Client.CheckHealth(ctx, nil); return err },
		Redis:    core.Admission.Ping,
		Silences: core.Silences(),
	}
	if core.durable {
		deps.Backlog, deps.Spool = core.Admission.Depth, core.Admission.Ping
	}
	if core.Slack != nil {
		deps.Reactor = eyes{core.Slack}
	}
	i.desk = core.desk()
	deps.Clicks = i.desk
	if core.Config.DatabaseURL != "" {
		i.watchSources()
	}
	o := core.ingestOptions()
	o.MoreSources = i.watch != nil
	i.server, err = ingest.New(o, deps, sources)
	return i, err
}

// watchSources prepares the watch over the sources of the database. Its
// connection is not on the way of an answer.
func (i *Ingest) watchSources() {
	core := i.core
	i.watch = (&registry.Watch{
		Open:    func(ctx context.Context) (registry.Reader, error) { return i.database(ctx) },
		Carrier: core.Carrier(), Base: core.Config.SourceBase, Log: core.Log,
		Use: func(l registry.Loaded, current bool) {
			if err := i.server.SetSources(i.book.merge(l), !current); err != nil {
				core.Log.Error("the sources of the database cannot be used", "revision", l.Revision, "error", err)
			}
		},
	}).Start()
}

// database connects once, for the watch over sources and the one over silences.
func (i *Ingest) database(ctx context.Context) (*record.Store, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.store != nil {
		return i.store, nil
	}
	store, err := record.Connect(ctx, i.core.Config.DatabaseURL.Reveal())
	if err == nil {
		i.store = store
	}
	return store, err
}

// firstLoad is how long a start waits for the sources of the database. After
// that, those of the file are served, and any other is answered 503.
const firstLoad = 3 * time.Second

// ingestOptions bounds the way of an answer. Without a durable spool there is
// nowhere to put what Temporal has not taken, so ingest waits for it as long as
// the most impatient sender does: Slack, 3 s.
func (c *Core) ingestOptions() ingest.Options {
	o := ingest.Options{
		Addr: c.Config.Addr(), MaxBody: c.Config.MaxBody, TrustedProxies: c.Config.TrustedProxies,
		StartDeadline: c.Config.Start.Deadline,
	}
	if !c.durable {
		o.StartDeadline = 2 * time.Second
	}
	return o
}

// Serve serves on a listener until ctx ends, and meanwhile learns who nerve is
// in Slack, so that it does not answer itself.
func (i *Ingest) Serve(ctx context.Context, l net.Listener) error {
	if i.watch != nil {
		stop := i.watchUntil(ctx)
		defer stop()
	}
	silences, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	var open func(context.Context) (silence.Reader, error)
	if i.watch != nil {
		open = func(ctx context.Context) (silence.Reader, error) { return i.database(ctx) }
	}
	go func() {
		defer close(ended)
		i.core.WatchSilences(silences, true, open)
	}()
	defer func() {
		stop()
		<-ended
	}()
	go i.warmUp(ctx)
	if i.core.Slack != nil {
		go i.learnSelf(ctx)
	}
	defer i.desk.Wait()
	return i.server.Serve(ctx, l)
}

// watchUntil watches the sources of the database until stop is called.
func (i *Ingest) watchUntil(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		i.watch.Run(ctx)
	}()
	first, enough := context.WithTimeout(ctx, firstLoad)
	defer enough()
	i.watch.First(first)
	return func() {
		cancel()
		<-ended
		if i.store == nil {
			return
		}
		if err := i.store.Close(); err != nil {
			i.core.Log.Warn("the database of sources was not closed", "error", err)
		}
	}
}

// warmUp makes the connections before the first alert needs them: dialling takes
// longer than an answer may. That one of the two is away is not its affair.
func (i *Ingest) warmUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, _ = i.core.Client.CheckHealth(ctx, nil)
	_ = i.core.Admission.Ping(ctx)
}

// learnSelf asks Slack until it answers. Until then, Slack's own marks in the
// event (the app id, the authorised bot user) keep nerve from answering itself.
func (i *Ingest) learnSelf(ctx context.Context) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		self, err := i.core.Slack.Self(ctx)
		if err == nil {
			i.self.Store(self.BotID)
			return
		}
		var final *slack.Error
		if errors.As(err, &final) && !final.Retryable() {
			i.core.Log.Error("slack does not know nerve: it cannot react or answer", "error", err)
			return
		}
		i.core.Log.Warn("slack did not say who nerve is", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// eyes puts 👀 on a message.
type eyes struct{ slack *slack.Client }

func (e eyes) React(ctx context.Context, ref incident.SlackRef) error {
	return e.slack.React(ctx, ref, slack.Eyes)
}
