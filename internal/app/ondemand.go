package app

import (
	"sync"
	"time"

	"github.com/nerve-alerts/nerve/providers"
)

// late is a provider that is built when its first delivery comes. A mapping takes
// milliseconds to compile, and nerve dev has a source for each of a hundred. A
// provider that cannot be built refuses everything.
type late struct {
	provider func() (providers.Provider, error)
}

func onDemand(build func() (providers.Spec, providers.Provider, error)) providers.Provider {
	return late{sync.OnceValues(func() (providers.Provider, error) {
		_, p, err := build()
		return p, err
	})}
}

// Verify proves a delivery.
func (l late) Verify(r *providers.Request) (providers.Proof, error) {
	p, err := l.provider()
	if err != nil {
		return providers.Proof{}, err
	}
	return p.Verify(r)
}

// Parse reads a delivery.
func (l late) Parse(r *providers.Request) (providers.Batch, error) {
	p, err := l.provider()
	if err != nil {
		return providers.Batch{}, err
	}
	return p.Parse(r)
}

// Sign signs as the vendor does.
func (l late) Sign(r *providers.Request, at time.Time) {
	if p, err := l.provider(); err == nil {
		p.Sign(r, at)
	}
}

// Handshake answers a proved handshake, where the vendor makes any.
func (l late) Handshake(r *providers.Request) *providers.Response {
	p, err := l.provider()
	if h, ok := p.(providers.Handshaker); err == nil && ok {
		return h.Handshake(r)
	}
	return nil
}

// Probe answers a check without a proof, where the vendor makes any.
func (l late) Probe(r *providers.Request) *providers.Response {
	p, err := l.provider()
	if h, ok := p.(providers.Prober); err == nil && ok {
		return h.Probe(r)
	}
	return nil
}
