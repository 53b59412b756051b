package ingest

import (
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

// Silences say what holds a signal back, from memory: nothing is asked on the
// way of an answer.
type Silences interface {
	Match(s *incident.Signal, now time.Time) *contract.Silencing
}

// silenced finds the silence of a signal, which it sees as it was sent. The
// incident starts all the same, and keeps quiet by itself.
func (p *pipeline) silenced(s *incident.Signal, now time.Time) *contract.Silencing {
	if p.Silences == nil {
		return nil
	}
	return p.Silences.Match(s, now)
}

// hushed writes the silence of the incident that was started into its entry.
func (s *submission) hushed() {
	if held := s.input().Silence; held != nil {
		amend(&s.delivery, func(t *contract.Trace) { t.Silence = held.ID })
	}
}

// quiet reports whether the incident that was started keeps quiet.
func (s *submission) quiet() bool { return s.delivery.Trace != nil && s.delivery.Trace.Silence != "" }

// skewed writes how far the sender's clock is from nerve's into the entry, where
// it signs the time.
func skewed(d *contract.Delivery, received time.Time, proof providers.Proof) {
	if !proof.Timed() {
		return
	}
	ms := received.Sub(proof.SignedAt).Milliseconds()
	if ms == 0 {
		ms = 1 // 0 is a sender that signs no time
	}
	amend(d, func(t *contract.Trace) { t.SkewMS = ms })
}
