package contract

import (
	"time"

	"github.com/nerve-alerts/nerve/internal/audit"
)

// What else Triage takes in.
const (
	// UpdateSnooze holds back every edit and note until a time.
	UpdateSnooze = "snooze"
	// SignalAction tells an incident of a decision that was carried out
	// elsewhere, such as a rerun; it takes an IncidentAction.
	SignalAction = "action"
	// SignalSilenceEnded ends a silence before its time; it takes a SilenceEnded.
	SignalSilenceEnded = "silence_ended"
)

// Snooze holds an incident's edits and notes back. Counting goes on.
type Snooze struct {
	Actor  audit.Actor `json:"actor"`
	Until  time.Time   `json:"until"`
	Reason string      `json:"reason,omitempty"`
	// Revision is that of the incident as whoever snoozes has seen it, as in a
	// Decision.
	Revision int64 `json:"revision,omitempty"`
	Made
}

// How long a snooze may be, from the moment that it is asked for.
const (
	MinSnooze = time.Minute
	MaxSnooze = 7 * 24 * time.Hour
)

// Silencing says that an incident is quiet until its silence ends.
type Silencing struct {
	ID    string    `json:"id"`
	Until time.Time `json:"until"`
	// Ended says who ended it before its time, until the incident is raised or
	// another silence holds it.
	Ended *SilenceEnded `json:"ended,omitempty"`
	// Worse is set when the alert came again, and worse, until it is known whether
	// that is silenced, too.
	Worse bool `json:"worse,omitempty"`
}

// SilenceEnded says who ended a silence early.
type SilenceEnded struct {
	ID     string      `json:"id"`
	Actor  audit.Actor `json:"actor"`
	Reason string      `json:"reason,omitempty"`
}

// ActionKind is what was decided about an incident, or what became of a decision.
type ActionKind string

// What can happen to an incident. The value is also the action of the entry in
// the audit log, for those that a person decided.
const (
	ActionAcknowledged ActionKind = "incident.acknowledge"
	ActionResolved     ActionKind = "incident.resolve"
	ActionSnoozed      ActionKind = "incident.snooze"
	ActionRerun        ActionKind = "incident.rerun"
	ActionReopened     ActionKind = "incident.reopen"      // it fired after it was resolved
	ActionRaised       ActionKind = "incident.raise"       // it came again, and worse
	ActionSnoozeEnded  ActionKind = "incident.snooze_end"  // by itself
	ActionSilenced     ActionKind = "incident.silence"     // a silence holds it back
	ActionSilenceEnded ActionKind = "incident.silence_end" // by a person, or by itself
)

// IncidentAction is one thing that somebody decided about an incident, or that became of
// it: when, who, and why.
type IncidentAction struct {
	// Ref names it: a second one of the same name is the same one. It is the Ref
	// of the entry in the audit log.
	Ref    string      `json:"ref,omitempty"`
	Kind   ActionKind  `json:"kind"`
	At     time.Time   `json:"at"`
	Actor  audit.Actor `json:"actor"`
	Reason string      `json:"reason,omitempty"`
	Until  time.Time   `json:"until,omitzero"`   // of a snooze or a silence
	Target string      `json:"target,omitempty"` // the id of a silence; of a raise, the severity since
}

// Decided reports whether a person decided it: such an action is kept in the
// audit log.
func (a IncidentAction) Decided() bool {
	return a.Actor.Person != "" && a.Actor.Via != audit.ViaSystem && a.Ref != ""
}

// MaxActions is how many actions an incident remembers, newest last.
const MaxActions = 50
