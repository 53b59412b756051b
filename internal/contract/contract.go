// Package contract is what the starter of a workflow and the worker share: task
// queues, type names, workflow ids and the structs that cross Temporal. It
// exists so that cmd/ingest links no workflow or activity code.
//
// Every struct here is stored in histories that outlive a release. Fields are
// only ever added; a golden test pins each encoding.
package contract

import (
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
)

// Task queues, one for each quota that a step draws on.
const (
	QueueTriage   = "triage"   // workflows, and activities on nerve's own stores
	QueueSlack    = "slack"    // everything that calls Slack
	QueueEvidence = "evidence" // evidence tools that read nerve's own stores
)

// Queues lists them all; each needs a worker.
var Queues = []string{QueueTriage, QueueSlack, QueueEvidence, QueueTasks, QueueEvents}

// WorkflowTriage is the registered name of workflows.Triage.
const WorkflowTriage = "Triage"

// Signals, updates and queries of Triage.
const (
	SignalOccurrence  = "occurrence"
	SignalResolved    = "resolved"
	UpdateAcknowledge = "acknowledge"
	UpdateResolve     = "resolve"
	QueryState        = "state"
)

// Search attributes. Temporal stores them in the clear: never personal data.
const (
	AttrSource      = "NerveSource"
	AttrProvider    = "NerveProvider"
	AttrSeverity    = "NerveSeverity"
	AttrStatus      = "NerveStatus"
	AttrPhase       = "NervePhase"
	AttrFingerprint = "NerveFingerprint"
)

// SearchAttributes lists them all; each is a keyword.
var SearchAttributes = []string{AttrSource, AttrProvider, AttrSeverity, AttrStatus, AttrPhase, AttrFingerprint}

// Memo keys. Memos go through the encrypting codec.
const (
	MemoIncidentID = "incident_id"
	MemoTitle      = "title"
)

// Retention is how long closed workflows must be kept for the native refusal of
// duplicates to reach as far back as the longest delivery window (96 h) plus slack.
const Retention = 7 * 24 * time.Hour

// TriageInput starts an incident.
type TriageInput struct {
	Signal incident.Signal `json:"signal"`
	// Salt keys the tokens that replace personal data, so that one value has
	// one token within the incident and none can be guessed back.
	Salt []byte `json:"salt"`
	// Window is the admission window that folds repeats into this incident; it
	// is released when the incident closes.
	Window string `json:"window,omitempty"`
	Route  Route  `json:"route"`
	// ReceivedAt is when ingest took the delivery.
	ReceivedAt time.Time `json:"received_at"`
	// Delivery names what the sender sent, the same on its retry, where the
	// vendor gives an id: a retry that meets the running incident is not counted.
	Delivery string `json:"delivery,omitempty"`
	// Silence holds the incident back from its start.
	Silence *Silencing `json:"silence,omitempty"`
	// State is set only when an incident goes on in a new run: one that has
	// lived long, or one that failed and is resolved.
	State *TriageState `json:"state,omitempty"`
}

// Route says where an incident is told and how long it stays open.
type Route struct {
	// Channel is the Slack channel for sources other than Slack; empty means
	// that nothing is posted for them.
	Channel string `json:"channel,omitempty"`
	// QuietPeriod closes an incident that nothing more was heard of.
	QuietPeriod time.Duration `json:"quiet_period"`
}

// TriageState is everything that a continued run needs to go on.
type TriageState struct {
	Phase          Phase               `json:"phase"`
	Status         incident.Status     `json:"status"`
	Occurrences    int64               `json:"occurrences"`
	LastSeen       time.Time           `json:"last_seen"`
	FiredAt        time.Time           `json:"fired_at,omitzero"` // when ingest last took in the alert, as far as it was told
	OpenedAt       time.Time           `json:"opened_at"`
	AcknowledgedBy string              `json:"acknowledged_by,omitempty"`
	ResolvedBy     string              `json:"resolved_by,omitempty"`
	Light          string              `json:"light,omitempty"`
	Headline       *incident.SlackRef  `json:"headline,omitempty"` // nerve's own message in the channel
	VerdictTS      string              `json:"verdict_ts,omitempty"`
	Verdict        *incident.Verdict   `json:"verdict,omitempty"`
	Evidence       []incident.Evidence `json:"evidence,omitempty"`
	Seen           []string            `json:"seen,omitempty"` // delivery ids already counted, newest last

	// Actions are what was decided about it, newest last.
	Actions []IncidentAction `json:"actions,omitempty"`
	// Snoozed is set while nothing is edited or noted, and SnoozedAt is how often
	// the alert had been seen when that began.
	Snoozed   *Snooze `json:"snoozed,omitempty"`
	SnoozedAt int64   `json:"snoozed_at,omitempty"`
	// Silence is set while the incident is held back and nobody was told of it.
	Silence *Silencing `json:"silence,omitempty"`
	// Revision is the newest IncidentRecord.Revision. It is 0 in a run that goes on
	// from one which did not keep it, until something changes.
	Revision int64 `json:"revision,omitempty"`
}

// Phase is where an incident is in its life.
type Phase string

const (
	PhaseOpening   Phase = "opening"
	PhaseSilenced  Phase = "silenced" // held back by a silence: counted, and told to nobody
	PhaseEvidence  Phase = "evidence"
	PhaseAnalysis  Phase = "analysis"
	PhaseNotifying Phase = "notifying"
	PhaseOpen      Phase = "open"   // answered; waits for what comes
	PhaseClosed    Phase = "closed" // resolved or quiet
	PhaseFailed    Phase = "failed"
)

// Occurrence tells a running incident that its alert came again.
type Occurrence struct {
	DeliveryID string    `json:"delivery_id"`
	Count      int64     `json:"count"` // occurrences so far, this one included; 0 when the sender could not count
	At         time.Time `json:"at"`
	// Severity is how bad it was this time. One above the incident's raises it.
	Severity incident.Severity `json:"severity,omitempty"`
}

// Resolved tells a running incident that the sender closed the alert.
type Resolved struct {
	DeliveryID string    `json:"delivery_id"`
	At         time.Time `json:"at"`
	// Late is set when it waited in the spool: the alert may have fired since.
	Late bool `json:"late,omitempty"`
}

// Decision is an on-call engineer's acknowledge or resolve.
type Decision struct {
	By     string `json:"by"` // as people are shown it
	Reason string `json:"reason,omitempty"`
	// Actor is the same person as the audit log names them. Without one, By
	// decided on the command line.
	Actor audit.Actor `json:"actor,omitzero"`
	// Revision is that of the incident as whoever decides has seen it; 0 is any.
	// An incident that has changed since refuses with ErrorChanged.
	Revision int64 `json:"revision,omitempty"`
	Made
}

// Made is the run that a decision was told to, and when. A rerun has Temporal tell
// the new run everything that the failed one has taken in since the step that it goes
// on from: what was decided there stays decided, and as of then.
type Made struct {
	Run string    `json:"run,omitempty"`
	At  time.Time `json:"at,omitzero"`
}

// ErrorChanged is the type of the error with which an incident refuses a decision
// that was made about an older Revision of it.
const ErrorChanged = "nerve/changed"

// ErrorState is the type of the error with which an incident refuses what cannot be
// done in the state that it is in, such as to resolve it twice.
const ErrorState = "nerve/state"

// Who is the actor of a decision.
func (d Decision) Who() audit.Actor {
	if d.Actor.Person != "" {
		return d.Actor
	}
	return audit.Actor{Person: strings.ToLower(strings.TrimSpace(d.By)), Via: audit.ViaCLI}
}

// TriageResult is how an incident ended.
type TriageResult struct {
	IncidentID  string            `json:"incident_id"`
	Outcome     string            `json:"outcome"` // resolved, quiet
	ResolvedBy  string            `json:"resolved_by,omitempty"`
	Occurrences int64             `json:"occurrences"`
	Verdict     *incident.Verdict `json:"verdict,omitempty"`
}

// Milestone reports whether an incident is told of its nth occurrence: at 2, 5,
// 10, 20, 50, 100, 200, 500 and so on, so that a storm costs a handful of
// signals however long it lasts.
func Milestone(n int64) bool {
	for n > 0 && n%10 == 0 {
		n /= 10
	}
	return n == 1 || n == 2 || n == 5
}
