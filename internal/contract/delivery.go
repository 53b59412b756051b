package contract

import (
	"fmt"
	"time"

	"github.com/nerve-alerts/nerve/incident"
)

// Outcome is what became of a delivery.
type Outcome string

const (
	OutcomeAccepted  Outcome = "accepted"  // started an incident
	OutcomeDuplicate Outcome = "duplicate" // the same delivery again
	OutcomeDebounced Outcome = "debounced" // a repeat of a running incident
	OutcomeFolded    Outcome = "folded"    // over the source's rate: part of its storm incident
	OutcomeLimited   Outcome = "limited"   // over the hard cap: refused with 429
	OutcomeResolved  Outcome = "resolved"  // closed a running incident
	OutcomeIgnored   Outcome = "ignored"   // not for nerve, such as its own messages
	OutcomeStored    Outcome = "stored"    // nothing handles this event type
	OutcomeDecided   Outcome = "decided"   // a click in Slack, told to the approval that it is about
	OutcomeHandshake Outcome = "handshake" // answered a challenge
	OutcomeRejected  Outcome = "rejected"  // not proved, or not readable
	OutcomeFailed    Outcome = "failed"    // neither Temporal nor the spool could take it: 503
)

// Delivery is one HTTP attempt to a source, as the delivery log keeps it. A
// delivery that was not proved has no Sealed body and no Headers.
//
// An attempt has one entry of Part 0, whose outcome is the answer on the wire.
// One that held several signals has an entry for each beside it, of Part 1, 2 …,
// with what became of that signal; the id of such a part is the delivery's id,
// "-" and the part.
type Delivery struct {
	ID          string            `json:"id"` // UUIDv7
	Part        int               `json:"part,omitempty"`
	Source      string            `json:"source"`
	Provider    string            `json:"provider"`
	ReceivedAt  time.Time         `json:"received_at"`
	RemoteIP    string            `json:"remote_ip,omitempty"`
	EventID     string            `json:"event_id,omitempty"`
	EventType   string            `json:"event_type,omitempty"`
	Scheme      string            `json:"scheme,omitempty"`
	Assurance   string            `json:"assurance,omitempty"`
	SecretID    string            `json:"secret_id,omitempty"` // which secret matched, as providers.SecretID
	Outcome     Outcome           `json:"outcome"`
	Reason      string            `json:"reason,omitempty"` // precise, for operators
	Code        string            `json:"code,omitempty"`   // problem code, such as WEBHOOK_SIGNATURE_INVALID
	Status      int               `json:"status"`           // HTTP status answered
	Signals     int               `json:"signals"`
	WorkflowID  string            `json:"workflow_id,omitempty"`
	IncidentID  string            `json:"incident_id,omitempty"`
	Fingerprint string            `json:"fingerprint,omitempty"`
	Count       int64             `json:"count,omitempty"`   // occurrences within the window, this one included
	Headers     map[string]string `json:"headers,omitempty"` // sanitised by allow-list
	ContentType string            `json:"content_type,omitempty"`
	Size        int               `json:"size"`
	SHA256      string            `json:"sha256"`
	Sealed      []byte            `json:"sealed,omitempty"` // zstd, then AEAD with SealContext(Source, ID)
	Trace       *Trace            `json:"trace,omitempty"`
}

// PartID is the id of the entry for one of several signals of a delivery.
func PartID(deliveryID string, part int) string { return fmt.Sprintf("%s-%d", deliveryID, part) }

// Outcomes returns every outcome there is.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeAccepted, OutcomeDuplicate, OutcomeDebounced, OutcomeFolded, OutcomeLimited, OutcomeResolved,
		OutcomeIgnored, OutcomeStored, OutcomeDecided, OutcomeHandshake, OutcomeRejected, OutcomeFailed,
	}
}

// Layers of windows, as Trace.Window names them.
const (
	WindowGroup   = "group"   // what the provider says belongs together
	WindowKey     = "key"     // the alert's own key
	WindowContent = "content" // the content, where nothing else identifies a delivery
	WindowStorm   = "storm"   // the source's storm incident
)

// What makes another delivery the same one, as Trace.Identity names it.
const (
	IdentityEvent = "event" // the vendor's id for the delivery or event
	IdentityBytes = "bytes" // the bytes: a signature without a time stays right for ever
)

// Rules that decided, as Trace.Rule names them.
const (
	RuleNew      = "new"      // nothing was open for it: its incident was started
	RuleReopened = "reopened" // its window was open, its incident closed: a new one was started
	RuleWindow   = "window"   // its window was open
	RuleRunning  = "running"  // no window was open for it, but its incident ran
	RuleWorse    = "worse"    // a repeat that was worse than what its incident was known to have heard of, which was told
	RuleTaken    = "taken"    // its incident was started before, and an event starts only once

	RuleTaskStarted = "task_started" // it is the first that was heard of its task
	RuleTaskTold    = "task_told"    // its task runs, and was told
)

// Trace is what else decided about a delivery, for whoever asks why it did, or
// did not, raise an incident.
type Trace struct {
	// Key is the alert's own key, as a workflow id: the incident that it belongs to
	// may have another one, where a window or a storm folds them together.
	Key string `json:"key,omitempty"`
	// KeyKind is what the key stands for: an event, which is taken once, or an
	// alert, which may fire again.
	KeyKind incident.KeyKind `json:"key_kind,omitempty"`
	// Identity is what makes another delivery the same one: IdentityEvent or
	// IdentityBytes; empty where nothing does.
	Identity string `json:"identity,omitempty"`
	// Window is which layer folds repeats of it (section 2 of the requirements,
	// C1): one of the Window constants. WindowStart and WindowEnd are from when to
	// when it is open, zero when none was.
	Window      string    `json:"window,omitempty"`
	WindowStart time.Time `json:"window_start,omitzero"`
	WindowEnd   time.Time `json:"window_end,omitzero"`
	// Rule is the rule that decided, where Reason does not say it.
	Rule string `json:"rule,omitempty"`
	// Limit is the deliveries a minute that it was over, when it was.
	Limit int `json:"limit,omitempty"`
	// Local says that ingest decided in its own memory, because Redis was away.
	Local bool `json:"local,omitempty"`
	// Silence is the id of the silence that holds its incident back.
	Silence string `json:"silence,omitempty"`
	// SkewMS is how long before it was received the sender says that it signed,
	// in milliseconds; negative when its clock is ahead. 0: it signs no time.
	SkewMS int64 `json:"skew_ms,omitempty"`
	// Handler is what the delivery went to: one of Handlers.
	Handler string `json:"handler,omitempty"`
	// ReplayOf is the delivery that this one is a replay of. Again says that it
	// was told to make an incident of its own.
	ReplayOf string `json:"replay_of,omitempty"`
	Again    bool   `json:"again,omitempty"`
	// NotKept is how many refused deliveries before this one were not kept,
	// because there were too many a second (C6).
	NotKept int64 `json:"not_kept,omitempty"`
}

// SealContext is the associated data that binds a sealed body to its delivery.
func SealContext(source, deliveryID string) []byte {
	return []byte("nerve/delivery/" + source + "/" + deliveryID)
}

// Command is one thing to tell Temporal: exactly one of Start, Occurrence,
// Resolved and Task is set. It is what ingest does at once and what the spool keeps
// (sealed) while Temporal is slow or away.
type Command struct {
	WorkflowID string           `json:"workflow_id"`
	KeyKind    incident.KeyKind `json:"key_kind"`
	Start      *TriageInput     `json:"start,omitempty"`
	Occurrence *Occurrence      `json:"occurrence,omitempty"`
	Resolved   *Resolved        `json:"resolved,omitempty"`
	// Fallback goes with an Occurrence: what to start, under its own key, when
	// the incident to be told has closed by the time that it is told. With a Start it
	// says that the start is in the name of another event, whose occurrence this one
	// is when that was started already.
	Fallback *TriageInput `json:"fallback,omitempty"`
	// Task starts a task, or tells the one that runs.
	Task *TaskInput `json:"task,omitempty"`
}

// SpoolContext is the associated data of a sealed Command.
func SpoolContext(workflowID string) []byte { return []byte("nerve/spool/" + workflowID) }
