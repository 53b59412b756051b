package ingest

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/nerve-alerts/nerve/incident"
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
	// State is StateReady, or why the source takes nothing; then it needs no Provider.
	State State
	// AllowFrom are the addresses that may deliver, beside the proof; empty is everybody.
	AllowFrom []netip.Prefix
	// SeverityFloor is what an alert needs to raise anything; empty is nothing.
	SeverityFloor incident.Severity
	// Handler is what becomes of its events, Handlers the same by event type
	// (contract.Handlers); empty is contract.HandlerTriage.
	Handler  string
	Handlers map[string]string
	// Tasks are the rules of the handler task_result.
	Tasks TaskRules
	// Epoch is part of what folds and recognises deliveries: with another one, all
	// that came before is forgotten.
	Epoch int64
}

// State is whether a source can take deliveries.
type State string

// The states of a source.
const (
	StateReady    State = ""
	StateDisabled State = "source_disabled" // 404, as if it were not there
	StateBroken   State = "source_broken"   // 503: it cannot be built, and senders should keep what they have
)

// handler is what becomes of an event.
func (s *Source) handler(eventType string) string {
	if h := s.Handlers[eventType]; h != "" {
		return h
	}
	if s.Handler == "" {
		return contract.HandlerTriage
	}
	return s.Handler
}

// allows reports whether an address may deliver.
func (s *Source) allows(ip string) bool {
	if len(s.AllowFrom) == 0 {
		return true
	}
	a, err := netip.ParseAddr(ip)
	return err == nil && slices.ContainsFunc(s.AllowFrom, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// digest names a window or a delivery of the source, in its epoch.
func (s *Source) digest(parts ...string) string {
	if s.Epoch != 0 {
		parts = append(parts, "epoch", strconv.FormatInt(s.Epoch, 10))
	}
	return digest(parts...)
}

// below reports whether an alert is too mild to raise anything. One that is over
// still closes what it had raised.
func (s *Source) below(signal *incident.Signal) bool {
	return s.SeverityFloor != "" && signal.Status != incident.StatusResolved && signal.Severity.Rank() < s.SeverityFloor.Rank()
}

// held is the reason for which the source raises nothing of a signal, whatever
// it says; the zero reason where there is none.
func (s *Source) held(eventType string, signal *incident.Signal) contract.Reason {
	switch {
	case s.Paused:
		return contract.ReasonPaused
	case s.handler(eventType) == contract.HandlerStore:
		return contract.ReasonStored
	case s.below(signal):
		return contract.ReasonBelowFloor
	default:
		return contract.Reason{}
	}
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

// sources finds a source by its URL segment. It is never changed: SetSources
// puts another in its place, and a request goes on with the one it began with.
type sources struct {
	byName map[string]*Source
	slack  *Source // what /slack/events means; nil when there is none
	// partial says that there may be more sources, which are not loaded yet.
	partial bool
}

func newSources(list []Source, partial bool) (*sources, error) {
	all := &sources{byName: make(map[string]*Source, len(list)), partial: partial}
	list = slices.Clone(list)
	slacks := 0
	for i := range list {
		s := &list[i]
		if s.Name == "" || s.Provider == nil && s.State == StateReady {
			return nil, errors.New("ingest: a source needs a name and a provider")
		}
		if all.byName[s.Name] != nil {
			return nil, fmt.Errorf("ingest: source %s is given twice", s.Name)
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
	return all, nil
}
