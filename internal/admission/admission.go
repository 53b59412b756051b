package admission

import "time"

// Verdict is what Admit decided.
type Verdict string

const (
	New       Verdict = "new"       // start this workflow id, then Confirm
	Pending   Verdict = "pending"   // another request claimed it and has not confirmed: start the same id, then Confirm
	Duplicate Verdict = "duplicate" // this delivery was taken already: answer 200, do nothing
	Repeat    Verdict = "repeat"    // the window is open: it counts as an occurrence of Decision.WorkflowID
	Over      Verdict = "over"      // new, but over the rate: fold into the source's storm incident
	Refused   Verdict = "refused"   // over the hard cap: 429 with RetryAfter
)

// Claim asks to admit one signal. Times are durations from now.
type Claim struct {
	Source     string
	WorkflowID string // the id that would be started
	IncidentID string
	DeliveryID string // the vendor's delivery or event id; "" skips that layer
	Window     string // the window's name within the source: a hash, never content
	Limits     Limits
	Now        time.Time
}

// Limits are a source's figures.
type Limits struct {
	DeliveryTTL time.Duration // how long a delivery id is remembered, default 24 h
	WindowTTL   time.Duration // how long a window folds repeats: storm debounce 5 min, fingerprint 15 min
	PendingTTL  time.Duration // the longest time to start, default 10 min
	RatePerMin  int           // token bucket refill, default 100
	Burst       int           // token bucket size, default 200
	HardCap     int           // refuse beyond this many a minute, default 20 × RatePerMin
}

// Decision is the answer to a Claim.
type Decision struct {
	Verdict    Verdict
	WorkflowID string        // whose occurrence it is (Repeat, Duplicate, Pending) or the claimed id
	IncidentID string        //
	Count      int64         // occurrences in the window, this one included
	RetryAfter time.Duration // Refused only
	Local      bool          // decided in this process's memory, because Redis did not answer
}
