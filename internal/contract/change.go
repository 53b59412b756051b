package contract

import (
	"time"

	"github.com/nerve-alerts/nerve/internal/audit"
)

// Action is a kind of change to what nerve works with; it is also the action of
// the change's entry in the audit log.
type Action string

// The changes that there are.
const (
	ActionSourceAdd     Action = "source.add"
	ActionSourceSet     Action = "source.set"
	ActionSourceEnable  Action = "source.enable"
	ActionSourceDisable Action = "source.disable"
	ActionSourceRemove  Action = "source.remove"
	ActionSecretAdd     Action = "source.secret.add"    // the first half of a rotation: both work
	ActionSecretRemove  Action = "source.secret.remove" // the second half
	ActionPurgeWindows  Action = "dedup.purge"          // forget the windows and delivery marks of a source
)

// Change is one change that somebody asks for. It crosses Temporal, encrypted
// like every payload, while it waits for a second person.
type Change struct {
	Action Action `json:"action"`
	Target string `json:"target"` // the source's name
	// Fields are what is to be set, by the names and in the form that the
	// configuration file has; null takes a field back to its default. Secrets are
	// not among them.
	Fields map[string]any `json:"fields,omitempty"`
	// Secret is the new secret of ActionSourceAdd and ActionSecretAdd. Of the
	// latter, Fields may hold not_before and not_after.
	Secret string `json:"secret,omitempty"`
	// SecretID is which one ActionSecretRemove removes, as providers.SecretID.
	SecretID string `json:"secret_id,omitempty"`
	// Revision is that of the source as whoever asks has seen it; 0 is any. A
	// source that was changed meanwhile refuses the change.
	Revision int64 `json:"revision,omitempty"`
	// Force makes ActionSecretRemove remove a secret that senders still use.
	Force  bool   `json:"force,omitempty"`
	Reason string `json:"reason,omitempty"` // why, in the words of whoever asks
}

// WorkflowApprove is the registered name of workflows.Approve.
const WorkflowApprove = "Approve"

// UpdateDecide and QueryApproval are the update and the query of Approve.
const (
	UpdateDecide  = "decide"
	QueryApproval = "approval"
)

// ApprovalInput asks a second person for a change.
type ApprovalInput struct {
	ID          string      `json:"id"`
	Change      Change      `json:"change"`
	Why         string      `json:"why"` // which rule asks for a second person
	RequestedBy audit.Actor `json:"requested_by"`
	RequestedAt time.Time   `json:"requested_at"`
	Deadline    time.Time   `json:"deadline"`
	Channel     string      `json:"channel,omitempty"` // Slack channel to ask in; empty: nowhere
}

// Ruling is what a person decides about an approval.
type Ruling struct {
	Actor  audit.Actor `json:"actor"`
	Grant  bool        `json:"grant"`
	Reason string      `json:"reason,omitempty"`
}

// ApprovalStatus is where an approval stands.
type ApprovalStatus string

// Where an approval can stand.
const (
	ApprovalWaiting ApprovalStatus = "waiting"
	ApprovalGranted ApprovalStatus = "granted" // granted, and not applied yet
	ApprovalApplied ApprovalStatus = "applied"
	ApprovalDenied  ApprovalStatus = "denied"
	ApprovalExpired ApprovalStatus = "expired"
	ApprovalFailed  ApprovalStatus = "failed" // granted, and the change could not be made
)

// ApprovalState is what Approve tells of itself; it holds no secret.
type ApprovalState struct {
	ID          string         `json:"id"`
	Action      Action         `json:"action"`
	Target      string         `json:"target"`
	Why         string         `json:"why"`
	Reason      string         `json:"reason,omitempty"` // why it is asked for
	Fields      map[string]any `json:"fields,omitempty"`
	Status      ApprovalStatus `json:"status"`
	RequestedBy audit.Actor    `json:"requested_by"`
	RequestedAt time.Time      `json:"requested_at"`
	Deadline    time.Time      `json:"deadline"`
	Ruling      *Ruling        `json:"ruling,omitempty"`
	Failure     string         `json:"failure,omitempty"`
}
