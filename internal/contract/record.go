package contract

import (
	"time"

	"github.com/nerve-alerts/nerve/incident"
)

// IncidentRecord is an incident's state as the record keeps it. Revision grows
// with every change; it starts from the workflow's time in microseconds, so that
// it grows across reruns too and an older state that arrives late is told from a
// newer one.
type IncidentRecord struct {
	ID             string              `json:"id"`
	WorkflowID     string              `json:"workflow_id"`
	RunID          string              `json:"run_id"`
	Revision       int64               `json:"revision"`
	Phase          Phase               `json:"phase"`
	Status         incident.Status     `json:"status"`
	Signal         incident.Signal     `json:"signal"`
	Occurrences    int64               `json:"occurrences"`
	OpenedAt       time.Time           `json:"opened_at"`
	LastSeen       time.Time           `json:"last_seen"`
	ClosedAt       time.Time           `json:"closed_at"` // zero while open
	AcknowledgedBy string              `json:"acknowledged_by,omitempty"`
	ResolvedBy     string              `json:"resolved_by,omitempty"`
	Failure        string              `json:"failure,omitempty"`
	Verdict        *incident.Verdict   `json:"verdict,omitempty"`
	Evidence       []incident.Evidence `json:"evidence,omitempty"`
	Actions        []IncidentAction    `json:"actions,omitempty"`
	SnoozedUntil   time.Time           `json:"snoozed_until,omitzero"`
}

// EvidenceQuery asks one evidence tool about an incident.
type EvidenceQuery struct {
	Tool     string          `json:"tool"`
	Signal   incident.Signal `json:"signal"`
	OpenedAt time.Time       `json:"opened_at"`
	Salt     []byte          `json:"salt"`
}

// PastOpen is how ToolPast says of an incident that it has not ended.
const PastOpen = "still open"

// Names of the evidence tools.
const (
	ToolThread      = "slack_thread"   // what people said in the thread already
	ToolOccurrences = "occurrences"    // when this incident's alert came before
	ToolPast        = "past_incidents" // earlier incidents alike, and how they ended
)
