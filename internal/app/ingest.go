package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/slack"
	"github.com/nerve-alerts/nerve/internal/starter"
	"github.com/nerve-alerts/nerve/providers"
)

// Ingest is the program behind cmd/ingest: the HTTP front.
type Ingest struct {
	core   *Core
	server *ingest.Server
	self   atomic.Value // nerve's own Slack bot id, a string
}

// NewIngest builds the front. The caller closes core.
func NewIngest(core *Core) (*Ingest, error) { return newIngest(core, nil) }

// newIngest builds the front, with one more source where there is one.
func newIngest(core *Core, own *ownSource) (*Ingest, error) {
	i := &Ingest{core: core}
	i.self.Store("")
	sources, err := i.sources()
	if err != nil {
		return nil, err
	}
	if own != nil {
		sources = append(sources, own.source())
	}
	deps := ingest.Deps{
		Gate: core.Admission, Windows: core.Admission, Streams: core.Admission,
		Starter:  starter.New(core.Client, starter.Options{InFlight: core.Config.Start.InFlight}),
		Scrubber: core.Scrubber, Sealer: core.Sealer, NewSalt: privacy.NewSalt, Log: core.Log,
		Temporal: func(ctx context.Context) error { _, err := core.Client.CheckHealth(ctx, nil); return err },
		Redis:    core.Admission.Ping,
	}
	if core.durable {
		deps.Backlog, deps.Spool = core.Admission.Depth, core.Admission.Ping
	}
	if core.Slack != nil {
		deps.Reactor = eyes{core.Slack}
	}
	i.server, err = ingest.New(core.ingestOptions(), deps, sources)
	return i, err
}

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
	go i.warmUp(ctx)
	if i.core.Slack != nil {
		go i.learnSelf(ctx)
	}
	return i.server.Serve(ctx, l)
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

func (i *Ingest) sources() ([]ingest.Source, error) {
	list := make([]ingest.Source, 0, len(i.core.Config.Sources))
	for _, s := range i.core.Config.Sources {
		built, err := i.source(s)
		if err != nil {
			return nil, err
		}
		list = append(list, built)
	}
	return list, nil
}

func (i *Ingest) source(s config.Source) (ingest.Source, error) {
	build := func() (providers.Spec, providers.Provider, error) {
		spec, err := specOf(s)
		if err != nil {
			return spec, nil, fmt.Errorf("front: source %s: %w", s.Name, err)
		}
		p, err := spec.New(providerConfig(s, func() string { return i.self.Load().(string) }))
		if err != nil {
			return spec, nil, fmt.Errorf("front: source %s: %w", s.Name, err)
		}
		return spec, p, nil
	}
	var spec providers.Spec
	var p providers.Provider
	if s.OnDemand {
		spec.StaleStatus = http.StatusUnauthorized // what the vendor wants is known later
		p = onDemand(build)
	} else {
		var err error
		if spec, p, err = build(); err != nil {
			return ingest.Source{}, err
		}
	}
	return ingestSource(s, p, spec.StaleStatus), nil
}

// ingestSource is a configured source as ingest has it. stale is the status that
// its vendor asks for.
func ingestSource(s config.Source, p providers.Provider, stale int) ingest.Source {
	if s.StaleStatus != 0 {
		stale = s.StaleStatus
	}
	return ingest.Source{
		Name: s.Name, ProviderName: s.Provider, Provider: p,
		Route:  contract.Route{Channel: s.Channel, QuietPeriod: s.QuietPeriod},
		Window: s.Window, Debounce: s.Debounce, DeliveryTTL: s.DeliveryTTL,
		RatePerMin: s.Rate, Burst: s.Burst, HardCap: s.HardCap,
		StaleStatus: stale, MinAssurance: providers.Assurance(s.MinAssurance), Paused: s.Paused,
	}
}

// eyes puts 👀 on a message.
type eyes struct{ slack *slack.Client }

func (e eyes) React(ctx context.Context, ref incident.SlackRef) error {
	return e.slack.React(ctx, ref, slack.Eyes)
}
