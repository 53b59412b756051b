package ingest

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

// slackProvider is the registry name of the provider behind /slack/events.
const slackProvider = "slack"

// Source is one configured integration: a provider with its own secrets,
// windows and limits.
type Source struct {
	Name         string // URL segment
	ProviderName string // registry name
	Provider     providers.Provider

	Route contract.Route
	// Window folds deliveries without an id by content, Debounce folds the
	// repeats of one alert.
	Window, Debounce time.Duration
	DeliveryTTL      time.Duration
	RatePerMin       int
	Burst            int
	HardCap          int
	// StaleStatus answers a right but stale signature: 400 or 401.
	StaleStatus int
	// MinAssurance refuses deliveries that are proved less well.
	MinAssurance providers.Assurance
	// Paused answers 503 to every delivery, so that senders keep them.
	Paused bool
}

// pendingTTL is the longest time to start (row D3): a claim that nobody has
// confirmed by then is forgotten.
const pendingTTL = 10 * time.Minute

func (s *Source) limits(window time.Duration) admission.Limits {
	return admission.Limits{
		DeliveryTTL: s.DeliveryTTL, WindowTTL: window, PendingTTL: pendingTTL,
		RatePerMin: s.RatePerMin, Burst: s.Burst, HardCap: s.HardCap,
	}
}

// enough reports whether a proof is as good as the source asks for.
func (s *Source) enough(a providers.Assurance) bool {
	switch a {
	case providers.AssuranceSigned:
		return true
	case providers.AssuranceToken:
		return s.MinAssurance != providers.AssuranceSigned
	case providers.AssuranceNone:
		return s.MinAssurance == providers.AssuranceNone
	}
	return false
}

// sources finds a source by its URL segment.
type sources struct {
	byName map[string]*Source
	slack  *Source // what /slack/events means; nil when there is none
}

func newSources(list []Source) (sources, error) {
	all := sources{byName: make(map[string]*Source, len(list))}
	slacks := 0
	for i := range list {
		s := &list[i]
		if s.Name == "" || s.Provider == nil {
			return sources{}, errors.New("ingest: a source needs a name and a provider")
		}
		if all.byName[s.Name] != nil {
			return sources{}, fmt.Errorf("ingest: source %s is given twice", s.Name)
		}
		if s.StaleStatus == 0 {
			s.StaleStatus = http.StatusUnauthorized
		}
		all.byName[s.Name] = s
		if s.ProviderName == slackProvider {
			all.slack, slacks = s, slacks+1
		}
	}
	if named := all.byName[slackProvider]; named != nil {
		all.slack = named
	} else if slacks > 1 {
		all.slack = nil // which one is meant cannot be told
	}
	if len(list) == 0 {
		return sources{}, errors.New("ingest: there is no source, so nothing could be accepted")
	}
	return all, nil
}
