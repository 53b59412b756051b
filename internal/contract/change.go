package contract

import (
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
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
	// Sealed is the change's secret, encrypted once more with ApprovalContext, so
	// that whoever may read payloads in Temporal UI does not read it. Secret of the
	// change is empty then.
	Sealed []byte `json:"sealed,omitempty"`
	// Salt keys the tokens that replace personal data in errors.
	Salt []byte `json:"salt,omitempty"`
}

// ApprovalWorkflowID is the workflow id of an approval.
func ApprovalWorkflowID(id string) string { return approvalPrefix + id }

// ApprovalID is the approval that a workflow id belongs to.
func ApprovalID(workflowID string) string { return strings.TrimPrefix(workflowID, approvalPrefix) }

const approvalPrefix = "approval:"

// ApprovalContext is the associated data of an approval's sealed secret.
func ApprovalContext(id string) []byte { return []byte("nerve/approval/" + id) }

// Memo keys of an approval. Memos go through the encrypting codec.
const (
	MemoAction      = "action"
	MemoTarget      = "target"
	MemoRequestedBy = "requested_by"
	MemoRequestedAt = "requested_at"
	MemoDeadline    = "deadline"
	MemoWhy         = "why"
	MemoReason      = "reason"
)

// Types of the errors with which Approve refuses a ruling.
const (
	RefusedNobody    = "approval/nobody"    // the actor is incomplete, or no person
	RefusedRequester = "approval/requester" // whoever asked cannot grant
	RefusedDecided   = "approval/decided"   // it waits no more
)

// ErrorNotApplied is the type of the error that an approval fails with when what
// was granted could not be done.
const ErrorNotApplied = "approval/not_applied"

// The entries that an approval makes in the audit log, beside the change's own.
const (
	AuditApprovalRequest = "approval.request"
	AuditApprovalGrant   = "approval.grant"
	AuditApprovalDeny    = "approval.deny"
	AuditApprovalExpire  = "approval.expire"
	AuditApprovalFail    = "approval.fail"
)

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

// ApprovalStatuses lists them all.
var ApprovalStatuses = []ApprovalStatus{
	ApprovalWaiting, ApprovalGranted, ApprovalApplied, ApprovalDenied, ApprovalExpired, ApprovalFailed,
}

// ApprovalState is what Approve tells of itself; it holds no secret.
type ApprovalState struct {
	ID          string         `json:"id"`
	Action      Action         `json:"action"`
	Target      string         `json:"target"`
	Why         string         `json:"why"`
	Reason      string         `json:"reason,omitempty"` // why it is asked for
	Fields      map[string]any `json:"fields,omitempty"`
	SecretID    string         `json:"secret_id,omitempty"` // that is to be removed
	Force       bool           `json:"force,omitempty"`     // although senders still use it
	Status      ApprovalStatus `json:"status"`
	RequestedBy audit.Actor    `json:"requested_by"`
	RequestedAt time.Time      `json:"requested_at"`
	Deadline    time.Time      `json:"deadline"`
	Ruling      *Ruling        `json:"ruling,omitempty"`
	Failure     string         `json:"failure,omitempty"`
	// Message is where it is asked for in Slack, where it is.
	Message *incident.SlackRef `json:"message,omitempty"`
	// EndedAt is when it was applied, denied, expired or failed.
	EndedAt time.Time `json:"ended_at,omitzero"`
}

// Removes says which secret goes, and is "" where none does: whoever approves has
// to know whether it is the old one or the new one.
func (s ApprovalState) Removes() string {
	switch {
	case s.SecretID == "":
		return ""
	case s.Force:
		return "secret " + s.SecretID + ", although a sender still uses it"
	}
	return "secret " + s.SecretID
}

// ApprovalNotice is an approval as people are shown it in Slack.
type ApprovalNotice struct {
	ApprovalState
	RunID       string `json:"run_id"` // of the workflow; a click decides about this run alone
	WorkflowURL string `json:"workflow_url,omitempty"`
}
