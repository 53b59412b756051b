package record

import (
	"context"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Record keeps an incident's state as its workflow reports it, together with the
// delivery that opened it: when Redis was away, the workflow is the only one to
// have that delivery. What people decided about it is appended to the audit log.
// It may be called late, twice or out of order.
func (s *Store) Record(ctx context.Context, r contract.IncidentRecord) error {
	if r.Phase == contract.PhaseOpening || r.Phase == contract.PhaseSilenced {
		if err := s.saveEach(ctx, opening(r)); err != nil {
			return err
		}
	}
	if err := s.SaveIncident(ctx, incidentOf(r)); err != nil {
		return err
	}
	return s.auditActions(ctx, r)
}

func incidentOf(r contract.IncidentRecord) Incident {
	signal := r.Signal
	signal.RawPayload.Sealed = nil
	in := Incident{
		ID: r.ID, Version: r.Revision, WorkflowID: r.WorkflowID, RunID: r.RunID,
		Source: signal.Source, Provider: signal.Provider, Kind: signal.Kind,
		Severity: signal.Severity, Status: r.Status, Phase: r.Phase,
		Title: signal.Title, Fingerprint: signal.Fingerprint,
		Occurrences: r.Occurrences, OpenedAt: r.OpenedAt, LastSeenAt: r.LastSeen,
		AcknowledgedBy: r.AcknowledgedBy, ResolvedBy: r.ResolvedBy, ClosedAt: r.ClosedAt,
		Failure: r.Failure, Signal: &signal, Evidence: r.Evidence, Verdict: r.Verdict,
		Actions: r.Actions, SnoozedUntil: r.SnoozedUntil,
	}
	if signal.Slack != nil {
		in.SlackChannel, in.SlackTS = signal.Slack.ChannelID, signal.Slack.ThreadTS
	}
	return in
}

// opening is what a workflow knows of the delivery that started it. Of one that
// held several signals it knows what became of its own, and the bytes, but not
// what was answered.
func opening(r contract.IncidentRecord) []deliveryRow {
	raw := r.Signal.RawPayload
	attempt := contract.Delivery{
		ID: raw.DeliveryID, Source: r.Signal.Source, Provider: r.Signal.Provider, ReceivedAt: r.OpenedAt,
		EventType: r.Signal.EventType, ContentType: raw.ContentType, Size: raw.Size, SHA256: raw.SHA256,
	}
	own := attempt
	own.Outcome, own.Status, own.Signals, own.Count = contract.OutcomeAccepted, 200, 1, 1
	own.WorkflowID, own.IncidentID, own.Fingerprint = r.WorkflowID, r.ID, r.Signal.Fingerprint
	if raw.Part == 0 {
		own.Sealed = raw.Sealed
		return []deliveryRow{openingRow(own)}
	}
	own.ID, own.Part = contract.PartID(raw.DeliveryID, raw.Part), raw.Part
	attempt.Sealed = raw.Sealed
	return []deliveryRow{openingRow(own), rowOfDelivery(&attempt)}
}

func openingRow(d contract.Delivery) deliveryRow {
	row := rowOfDelivery(&d)
	row.Settled = settledWorkflow
	return row
}
