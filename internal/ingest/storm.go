package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// stormKey is one incident for each source: while it runs, whatever exceeds the
// source's rate is counted there.
var stormKey = incident.Key{Kind: incident.KeyAlert, Value: "storm", Opaque: true}

// stormID is the workflow id of a source's storm.
func stormID(src *Source) string { return stormKey.ID(src.Name, incident.KindStorm) }

// errNested guards against a gate that holds the storm itself to the rate.
var errNested = errors.New("ingest: a storm incident was itself over the rate")

// fold counts a signal that exceeds its source's rate in the source's storm
// incident. The delivery log keeps the signal itself, sealed.
func (p *pipeline) fold(ctx context.Context, over *submission) *answer {
	if over.storm {
		return failed(errNested)
	}
	return p.settle(ctx, p.storm(over))
}

func (p *pipeline) storm(over *submission) *submission {
	src, now := over.source, over.receivedAt
	id := stormID(src)
	window := src.digest("key", id)
	s := incident.Signal{
		IncidentID: nameIncident(src, stormKey, now), DeduplicationKey: id,
		Source: src.Name, Provider: src.ProviderName, Kind: incident.KindStorm,
		Severity: incident.SeverityHigh, Status: incident.StatusFiring, EventType: "storm", Timestamp: now.UTC(),
		Title:       fmt.Sprintf("Alert storm from %s: more than %d alerts a minute", src.Name, src.RatePerMin),
		Description: "Alerts beyond the source's rate are counted here instead of starting an incident each. The delivery log has every one of them.",
		Key:         stormKey,
		RawPayload: incident.RawPayload{
			DeliveryID: over.attempt, Part: over.delivery.Part, ContentType: over.delivery.ContentType,
			Size: over.delivery.Size, SHA256: over.delivery.SHA256,
		},
	}
	s.Fingerprint = s.ContentFingerprint()
	route := src.Route
	if ref := over.signal.Slack; route.Channel == "" && ref != nil {
		route.Channel = ref.ChannelID
	}
	claim := over.claim
	claim.WorkflowID, claim.IncidentID, claim.Window, claim.SkipRate = id, s.IncidentID, window, true
	claim.Level = s.Severity.Rank()
	claim.Limits = src.limits(src.Debounce)
	delivery := over.delivery
	delivery.Outcome, delivery.Reason = contract.OutcomeFolded, contract.ReasonOverRate.String()
	amend(&delivery, func(t *contract.Trace) {
		t.Window, t.Limit = contract.WindowStorm, src.RatePerMin
	})
	input := &contract.TriageInput{
		Signal: s, Salt: p.NewSalt(), Window: window, Route: route, ReceivedAt: now, Delivery: claim.DeliveryID,
		Silence: p.silenced(&s, now),
	}
	return &submission{
		source: src, attempt: over.attempt, claim: claim, kind: stormKey.Kind, storm: true, delivery: delivery, signal: s, receivedAt: now,
		input: func() *contract.TriageInput { return input },
	}
}
