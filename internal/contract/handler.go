package contract

// What becomes of a source's events.
const (
	HandlerTriage = "triage" // raises incidents: workflows.Triage
	HandlerStore  = "store"  // keeps the delivery, and nothing else
)

// Handlers are the names that a source's handler and handlers may give.
var Handlers = []string{HandlerTriage, HandlerStore}
