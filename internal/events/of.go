package events

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Of makes the events of one HTTP attempt. Parts of it have none of their own.
// The order is that in which they happened.
func Of(d *contract.Delivery) []contract.Event {
	if d.Part != 0 {
		return nil
	}
	types := []string{contract.EventReceived}
	if d.Assurance != "" {
		types = append(types, contract.EventVerified)
	}
	if failed(d) {
		types = append(types, contract.EventFailed)
	} else {
		types = append(types, contract.EventProcessed)
	}
	list := make([]contract.Event, len(types))
	for i, t := range types {
		list[i] = contract.Event{ID: id(t, d.ID), Type: t, At: d.ReceivedAt.UTC(), Data: contract.EventData{
			DeliveryID: d.ID, Source: d.Source, Provider: d.Provider, EventType: d.EventType,
		}}
		if t == contract.EventProcessed || t == contract.EventFailed {
			data := &list[i].Data
			data.Outcome, data.Code, data.Status, data.Signals = d.Outcome, d.Code, d.Status, d.Signals
			data.WorkflowID, data.IncidentID = d.WorkflowID, d.IncidentID
		}
	}
	return list
}

// failed reports whether the sender was answered with an error.
func failed(d *contract.Delivery) bool {
	return slices.Contains([]contract.Outcome{contract.OutcomeRejected, contract.OutcomeFailed, contract.OutcomeLimited}, d.Outcome)
}

// OfFailure is the event of an incident whose workflow failed, once for each
// time that it did.
func OfFailure(rec *contract.IncidentRecord, at time.Time) contract.Event {
	return contract.Event{
		ID: id(contract.EventFailed, rec.ID+"/"+rec.RunID), Type: contract.EventFailed, At: at.UTC(),
		Data: contract.EventData{
			DeliveryID: rec.Signal.RawPayload.DeliveryID, Source: rec.Signal.Source, Provider: rec.Signal.Provider,
			EventType: rec.Signal.EventType, Outcome: contract.OutcomeFailed, WorkflowID: rec.WorkflowID, IncidentID: rec.ID,
		},
	}
}

// id names an event: the webhook-id, by which a subscriber knows a repeat.
func id(eventType, of string) string {
	sum := sha256.Sum256([]byte("nerve/event/" + eventType + "/" + of))
	return "evt_" + hex.EncodeToString(sum[:16])
}

// BatchID names a batch by what is in it.
func BatchID(list []contract.Event) string {
	hash := sha256.New()
	for _, e := range list {
		hash.Write([]byte(e.ID))
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}
