package contract

import "time"

// WorkflowWatch is the registered name of workflows.Watch, and WatchID the id of
// its one run: there is one for each nerve, however many workers.
const (
	WorkflowWatch = "Watch"
	WatchID       = "nerve:watch"
	QueryWatch    = "watch"
)

// FindingKind is what is wrong with a sender.
type FindingKind string

// What can be wrong with a sender. The first three are rates over five minutes.
const (
	FindingSignatures FindingKind = "invalid_signatures"
	FindingReplays    FindingKind = "replays"
	FindingErrors     FindingKind = "handler_errors"
	FindingSkew       FindingKind = "clock_skew"
	FindingUnknownKey FindingKind = "unknown_key" // no secret matches any more
	FindingSilent     FindingKind = "silent"      // nothing comes, against its own cadence
)

// Finding is something that is wrong with a sender.
type Finding struct {
	Source string      `json:"source"`
	Kind   FindingKind `json:"kind"`
	Text   string      `json:"text"` // what, with its figures
	Since  time.Time   `json:"since"`
	// Told says that the operators know, and Missed how many checks in a row no
	// longer found it.
	Told   bool `json:"told,omitempty"`
	Missed int  `json:"missed,omitempty"`
}

// WatchState is what Watch knows, and goes on with in its next run.
type WatchState struct {
	Standing []Finding `json:"standing,omitempty"`
	Checks   int64     `json:"checks"`
	Checked  time.Time `json:"checked,omitzero"` // when the last check worked
	// Untold is what could not be told yet, of findings that are over.
	Untold []Finding `json:"untold,omitempty"`
}

// WatchQuery asks what is wrong with senders now.
type WatchQuery struct {
	Now      time.Time `json:"now"`
	Standing []Finding `json:"standing,omitempty"`
	// Cadence has every source's cadence looked at, which is dearer than the rest.
	Cadence bool `json:"cadence,omitempty"`
}

// WatchReport is what is wrong now.
type WatchReport struct {
	Findings []Finding `json:"findings,omitempty"`
}
