package record

import (
	"time"

	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// How much an entry knows, in the column settled. One that knows more replaces
// one that knows less.
const (
	settledNothing  = iota // no outcome yet
	settledWorkflow        // what the workflow knows of the delivery that started it
	settledIngest          // what was answered, and why
)

// deliveryRow is a row of the table deliveries.
type deliveryRow struct {
	bun.BaseModel `bun:"table:deliveries,alias:d"`

	ID          string `bun:",pk"`
	Part        int
	Settled     int // how much is known; see below
	Source      string
	Provider    string
	ReceivedAt  time.Time
	RemoteIP    string `bun:"remote_ip"`
	EventID     string
	EventType   string
	Scheme      string
	Assurance   string
	SecretID    string `bun:"secret_id"`
	Outcome     string
	Reason      string
	Code        string
	Status      int
	Signals     int
	WorkflowID  string
	IncidentID  string
	Fingerprint string
	Count       int64
	Headers     jsonText[map[string]string]
	ContentType string
	Size        int
	SHA256      string `bun:"sha256"`
	Sealed      []byte `bun:",nullzero"`
	Trace       jsonText[*contract.Trace]
}

func rowOfDelivery(d *contract.Delivery) deliveryRow {
	row := deliveryRow{
		ID: d.ID, Part: d.Part, Source: d.Source, Provider: d.Provider, ReceivedAt: d.ReceivedAt, RemoteIP: d.RemoteIP,
		EventID: d.EventID, EventType: d.EventType, Scheme: d.Scheme, Assurance: d.Assurance, SecretID: d.SecretID,
		Outcome: string(d.Outcome), Reason: d.Reason, Code: d.Code, Status: d.Status, Signals: d.Signals,
		WorkflowID: d.WorkflowID, IncidentID: d.IncidentID, Fingerprint: d.Fingerprint, Count: d.Count,
		Headers: jsonOf(d.Headers), ContentType: d.ContentType, Size: d.Size, SHA256: d.SHA256, Sealed: d.Sealed,
		Trace: jsonOf(d.Trace),
	}
	if row.Outcome != "" {
		row.Settled = settledIngest
	}
	if len(row.Sealed) == 0 {
		row.Sealed = nil
	}
	cleanStrings(&row)
	return row
}

func (r *deliveryRow) delivery() contract.Delivery {
	return contract.Delivery{
		ID: r.ID, Part: r.Part, Source: r.Source, Provider: r.Provider, ReceivedAt: r.ReceivedAt.UTC(), RemoteIP: r.RemoteIP,
		EventID: r.EventID, EventType: r.EventType, Scheme: r.Scheme, Assurance: r.Assurance, SecretID: r.SecretID,
		Outcome: contract.Outcome(r.Outcome), Reason: r.Reason, Code: r.Code, Status: r.Status, Signals: r.Signals,
		WorkflowID: r.WorkflowID, IncidentID: r.IncidentID, Fingerprint: r.Fingerprint, Count: r.Count,
		Headers: r.Headers.value, ContentType: r.ContentType, Size: r.Size, SHA256: r.SHA256, Sealed: r.Sealed,
		Trace: r.Trace.value,
	}
}
