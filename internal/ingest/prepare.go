package ingest

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// submission is one signal on its way: the claim it makes, and what would start
// its incident. Nothing in it is unscrubbed but what is sealed.
type submission struct {
	source   *Source
	attempt  string // the delivery that it came in
	claim    admission.Claim
	kind     incident.KeyKind
	delivery contract.Delivery
	storm    bool // it is a source's storm incident: whatever joins it is folded
	reopened bool // its window was open, and the incident of it closed

	// signal is what was sent. Nothing of it leaves the process but its routing:
	// status, time and where in Slack it came from.
	signal     incident.Signal
	receivedAt time.Time
	// input is the way out: what would start the incident, scrubbed. It is made
	// when it is first asked for, because a repeat sends nothing of its own.
	input func() *contract.TriageInput
}

// prepare names and keys one signal of a delivery. Keys are computed from what
// was sent, so that scrubbing cannot make two alerts one; only their hashes go on.
func (p *pipeline) prepare(v *verified, i int) *submission {
	s, src, now := v.batch.Signals[i], v.source, v.delivery.ReceivedAt
	s.Source, s.Provider = src.Name, src.ProviderName
	id := s.Key.ID(src.Name, s.Kind)
	incidentID := s.IncidentID
	if incidentID == "" {
		incidentID = nameIncident(src, s.Key, now)
	}
	fingerprint := s.ContentFingerprint()
	layer, window, ttl := windowOf(&s, src, id, v.batch.EventID, fingerprint)
	hideKey(&s, id, window)

	identity, deliveryID := deliveryKey(v, i)
	var sub *submission
	input := contract.TriageInput{Window: window, Route: src.Route, ReceivedAt: now, Delivery: deliveryID}
	sub = &submission{
		source: src, attempt: v.delivery.ID, kind: s.Key.Kind, signal: s, receivedAt: now,
		input: sync.OnceValue(func() *contract.TriageInput {
			input.Salt, input.Signal, input.Silence = p.NewSalt(), s, p.silenced(&s, now)
			p.Scrubber.Signal(input.Salt, &input.Signal)
			input.Signal.Bound()
			// What follows is nerve's own and must not be taken for a phone number.
			clean := &input.Signal
			clean.DeduplicationKey, clean.IncidentID, clean.Fingerprint, clean.RawPayload = id, incidentID, fingerprint, v.raw
			clean.RawPayload.Part = sub.delivery.Part
			return &input
		}),
		claim: admission.Claim{
			Source: src.Name, WorkflowID: id, IncidentID: incidentID, DeliveryID: deliveryID,
			Window: window, Limits: src.limits(ttl), Now: now, Level: s.Severity.Rank(),
		},
		delivery: entryOf(v, i),
	}
	sub.delivery.Fingerprint = fingerprint
	amend(&sub.delivery, func(t *contract.Trace) {
		t.Key, t.KeyKind, t.Identity, t.Window, t.Handler = id, s.Key.Kind, identity, layer, src.handler(v.batch.EventType)
	})
	sub.delivery.Outcome = contract.OutcomeDebounced // what admission logs of a repeat
	return sub
}

// nameIncident names an incident after its key. Each life of an alert that can
// fire again has its own name, to the millisecond: an alert flaps within a second,
// and whoever finds the name at Temporal takes the alert for told.
func nameIncident(src *Source, k incident.Key, at time.Time) string {
	name := src.ProviderName + "_" + k.Hash(src.Name)
	if k.Kind == incident.KeyAlert {
		name += "_" + strconv.FormatInt(at.UnixMilli(), 36)
	}
	return name
}

// windowOf chooses the layer that folds repeats (section 2, C1): the storm
// window where the provider knows what belongs together or the alert has a key
// of its own, and the content only where nothing else identifies a delivery.
func windowOf(s *incident.Signal, src *Source, id, eventID, fingerprint string) (layer, window string, ttl time.Duration) {
	switch {
	case s.Group != "":
		return contract.WindowGroup, src.digest("group", s.Group), src.Debounce
	case eventID != "" || s.Key.Kind == incident.KeyAlert:
		return contract.WindowKey, src.digest("key", id), src.Debounce
	default:
		return contract.WindowContent, src.digest("content", fingerprint), src.Window
	}
}

// hideKey replaces what a customer could have typed into the key and the group.
func hideKey(s *incident.Signal, id, window string) {
	if !strings.HasSuffix(id, ":"+s.Key.Value) {
		s.Key.Value = id[strings.LastIndexByte(id, ':')+1:]
	}
	if s.Group != "" {
		s.Group = window
	}
}

// deliveryKey names one signal of a delivery, the same on a retry. A vendor's id
// is hashed, because some let customers choose it. Where a signature covers no
// time, the bytes stand for the id, which is often in a header that nobody signs:
// a recorded delivery under another id is still the same one.
func deliveryKey(v *verified, i int) (identity, key string) {
	identity = contract.IdentityEvent
	parts := []string{"delivery", v.batch.EventID}
	switch {
	case v.untimed:
		identity, parts = contract.IdentityBytes, []string{"bytes", v.raw.SHA256}
	case v.batch.EventID == "":
		return "", ""
	}
	if len(v.batch.Signals) > 1 {
		parts = append(parts, strconv.Itoa(i))
	}
	return identity, v.source.digest(parts...)
}

// entryOf is the delivery log's entry for one signal. An attempt with several has
// one for each beside its own, so that every occurrence counts; the attempt's
// keeps the bytes.
func entryOf(v *verified, i int) contract.Delivery {
	d := v.delivery
	if len(v.batch.Signals) > 1 {
		d.Part = i + 1
		d.ID = contract.PartID(d.ID, d.Part)
		d.Sealed, d.Headers = nil, nil
	}
	return d
}

// occurrence is what the incident is told of one more signal.
func (s *submission) occurrence(count int64) *contract.Occurrence {
	return &contract.Occurrence{DeliveryID: s.occurrenceID(), Count: count, At: s.receivedAt, Severity: s.signal.Severity}
}

// occurrenceID is the same when the sender repeats the delivery, where it can be.
func (s *submission) occurrenceID() string {
	if s.claim.DeliveryID != "" {
		return s.claim.DeliveryID
	}
	return s.delivery.ID
}
