package admission

import "time"

// Verdict is what Admit decided.
type Verdict string

const (
	New       Verdict = "new"       // start this workflow id, then Confirm
	Pending   Verdict = "pending"   // another request claimed it and has not confirmed: start the same id, then Confirm
	Duplicate Verdict = "duplicate" // this delivery was taken already: answer 200, do nothing
	Repeat    Verdict = "repeat"    // the window is open: it counts as an occurrence of Decision.WorkflowID; see Decision.Tell
	Over      Verdict = "over"      // new, but over the rate: fold into the source's storm incident
	Refused   Verdict = "refused"   // over the hard cap: 429 with RetryAfter
)

// Claim asks to admit one signal. Times are durations from now.
type Claim struct {
	Source     string
	WorkflowID string // the id that would be started
	IncidentID string
	DeliveryID string // the vendor's delivery or event id; "" skips that layer
	Window     string // the window's name within the source: a hash, never content; "" skips that layer
	// SkipRate claims again for a storm incident what was Over: the request was
	// counted already, so neither the bucket nor the hard cap is asked, and a
	// repeat is logged as folded.
	SkipRate bool
	// Level says how bad it is, the higher the worse; 0 is no level. A repeat that is
	// worse than what its incident has been told of is told at once.
	Level  int
	Limits Limits
	Now    time.Time // zero: the clock of Options

	joined string // the window that a repeat was counted in, see For
}

// For returns the claim as the decision turned it: Confirm and Abandon act on
// the workflow that the marks belong to, which for Pending is another request's.
// A repeat owns its delivery mark only, so the window is left out, but for the
// level that is known of it.
func (c Claim) For(d Decision) Claim {
	c.WorkflowID, c.IncidentID = d.WorkflowID, d.IncidentID
	if d.Verdict == Repeat {
		c.Window, c.joined = "", c.Window
	}
	return c
}

// Limits are a source's figures. A figure that is not positive takes its default.
type Limits struct {
	DeliveryTTL time.Duration // how long a delivery id is remembered, default 24 h
	WindowTTL   time.Duration // how long a window folds repeats, default 5 min: storm debounce 5 min, fingerprint 15 min
	PendingTTL  time.Duration // the longest time to start, default 10 min
	RatePerMin  int           // token bucket refill, default 100
	Burst       int           // token bucket size, default 200
	HardCap     int           // refuse beyond this many a minute, default 20 × RatePerMin
}

// The defaults of Limits, from rows C1 and C14 of the requirements.
const (
	defaultDeliveryTTL = 24 * time.Hour
	defaultWindowTTL   = 5 * time.Minute
	defaultPendingTTL  = 10 * time.Minute
	defaultRatePerMin  = 100
	defaultBurst       = 200
	hardCapFactor      = 20
	// lastTTL is how long Lookup still finds the incident of a closed window.
	lastTTL = 7 * 24 * time.Hour
	// capWindow is the minute of HardCap; it begins with its first request.
	capWindow = time.Minute
)

// Folds is how long a window folds repeats.
func (l Limits) Folds() time.Duration { return l.withDefaults().WindowTTL }

// Cap is how many requests a minute are taken at most.
func (l Limits) Cap() int { return l.withDefaults().HardCap }

func (l Limits) withDefaults() Limits {
	l.DeliveryTTL = positive(l.DeliveryTTL, defaultDeliveryTTL)
	l.WindowTTL = positive(l.WindowTTL, defaultWindowTTL)
	l.PendingTTL = positive(l.PendingTTL, defaultPendingTTL)
	l.RatePerMin = positive(l.RatePerMin, defaultRatePerMin)
	l.Burst = positive(l.Burst, defaultBurst)
	l.HardCap = positive(l.HardCap, hardCapFactor*l.RatePerMin)
	return l
}

func positive[T int | int64 | time.Duration](n, otherwise T) T {
	if n > 0 {
		return n
	}
	return otherwise
}

// Decision is the answer to a Claim.
type Decision struct {
	Verdict    Verdict
	WorkflowID string        // whose occurrence it is (Repeat, Duplicate, Pending) or the claimed id
	IncidentID string        //
	Count      int64         // occurrences in the window, this one included; 0 when there is none to count in
	RetryAfter time.Duration // Refused only
	// Tell is set for a Repeat that the incident is told of: at a milestone
	// (contract.Milestone), or because it is Raised.
	// Its delivery stays pending: tell the incident, then Confirm, which logs it
	// too. When nothing could be told, leave the mark, so that the sender's retry
	// is not counted again but told. When the incident is closed, Abandon and
	// admit anew.
	Tell bool
	// Raised is set for a Repeat or Pending whose level is above the one that its
	// incident is known to have. That is the level of the claims that were confirmed
	// or, while none is, the lowest of those that met the window, because any of them
	// may start the incident: never more than the incident has been told.
	Raised bool
	// WindowStart and WindowEnd are from when to when the open window folds
	// repeats; zero when none was open.
	WindowStart, WindowEnd time.Time

	Local bool // decided in this process's memory, because Redis did not answer

	level int // that the window's incident is known to have
}

func (d Decision) raisedBy(c Claim) bool {
	return (d.Verdict == Repeat || d.Verdict == Pending) && c.Level > d.level
}
