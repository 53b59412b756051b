package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/providers"
)

// book builds ingest's sources from the file's and the database's. What proves
// and reads the deliveries of a source is built again only when what it is made
// of has changed: it keeps certificates and compiled expressions.
type book struct {
	files []config.Source
	own   []ingest.Source // which nobody configured, such as the API's
	self  func() string   // nerve's own Slack bot id
	log   *slog.Logger
	built map[string]built
}

// built is what proves and reads the deliveries of one source.
type built struct {
	from     config.Source // only what the provider is made of
	spec     providers.Spec
	provider providers.Provider
	err      error
}

func newBook(files []config.Source, self func() string, log *slog.Logger) *book {
	return &book{files: files, self: self, log: log, built: map[string]built{}}
}

// file are the sources of the configuration file. One that cannot be built is an
// error: whoever wrote the file is there to mend it.
func (b *book) file() ([]ingest.Source, error) {
	list := append(make([]ingest.Source, 0, len(b.own)+len(b.files)), b.own...)
	for _, s := range b.files {
		made, _ := b.make(s)
		if made.err != nil {
			return nil, fmt.Errorf("front: source %s: %w", s.Name, made.err)
		}
		list = append(list, made.source(s))
	}
	return list, nil
}

// merge puts the sources of the database beside the file's, which win.
func (b *book) merge(l registry.Loaded) []ingest.Source {
	list := append([]ingest.Source{}, b.own...)
	kept := make(map[string]built, len(b.built))
	for _, s := range b.own {
		kept[s.Name] = built{}
	}
	add := func(s config.Source) {
		made, anew := b.make(s)
		if made.err != nil && anew {
			b.log.Error("a source is broken and answers 503; the others go on", "source", s.Name, "error", errors.New(cause(made.err)))
		}
		kept[s.Name] = made
		one := made.source(s)
		one.Epoch = l.Epochs[s.Name]
		list = append(list, one)
	}
	for _, s := range b.files {
		add(s)
	}
	for _, stored := range l.Sources {
		s := stored.Source
		if _, taken := kept[s.Name]; taken {
			continue
		}
		switch {
		case stored.Disabled:
			list = append(list, ingest.Source{Name: s.Name, ProviderName: s.Provider, State: ingest.StateDisabled})
		case stored.Err != nil:
			list = append(list, ingest.Source{Name: s.Name, ProviderName: s.Provider, State: ingest.StateBroken})
		default:
			add(s)
		}
	}
	b.built = kept
	return list
}

// make builds a provider, or finds the one that was built of the same.
func (b *book) make(s config.Source) (made built, anew bool) {
	from := config.Source{
		Name: s.Name, Provider: s.Provider, Mapping: s.Mapping, MappingText: s.MappingText, Secrets: s.Secrets, Schemes: s.Schemes,
		AllowWeak: s.AllowWeak, PublicURL: s.PublicURL, TolerancePast: s.TolerancePast, ToleranceFuture: s.ToleranceFuture,
		OnDemand: s.OnDemand,
	}
	if known, ok := b.built[s.Name]; ok && reflect.DeepEqual(known.from, from) {
		return known, false
	}
	made.from = from
	build := func() (providers.Spec, providers.Provider, error) {
		spec, err := registry.SpecOf(s)
		if err != nil {
			return spec, nil, err
		}
		p, err := spec.New(registry.ProviderConfig(s, b.self))
		return spec, p, err
	}
	if s.OnDemand {
		made.spec.StaleStatus = http.StatusUnauthorized // what the vendor wants is known later
		made.provider = onDemand(build)
	} else if made.spec, made.provider, made.err = build(); made.err != nil {
		made.provider = nil
	}
	b.built[s.Name] = made
	return made, true
}

// source is a source as ingest works with it.
func (m built) source(s config.Source) ingest.Source {
	if m.err != nil {
		return ingest.Source{Name: s.Name, ProviderName: s.Provider, State: ingest.StateBroken}
	}
	stale := s.StaleStatus
	if stale == 0 {
		stale = m.spec.StaleStatus
	}
	return ingest.Source{
		Name: s.Name, ProviderName: s.Provider, Provider: m.provider,
		Route:  contract.Route{Channel: s.Channel, QuietPeriod: s.QuietPeriod},
		Window: s.Window, Debounce: s.Debounce, DeliveryTTL: s.DeliveryTTL,
		RatePerMin: s.Rate, Burst: s.Burst, HardCap: s.HardCap,
		StaleStatus: stale, MinAssurance: providers.Assurance(s.MinAssurance), Paused: s.Paused,
		AllowFrom: s.AllowCIDRs, SeverityFloor: s.SeverityFloor, Handler: s.Handler, Handlers: s.Handlers,
		Tasks: ingest.TaskRules{Policy: s.Tasks.Policy, RequireKnown: s.Tasks.RequireKnown},
	}
}
