package contract

import (
	"slices"
	"strings"
)

// Handlers: where the deliveries of a source go (row P5). This is the one place
// that names them; ingest acts on them, and the configuration checks against them.
const (
	// HandlerTriage makes incidents of what a delivery says: workflows.Triage.
	HandlerTriage = "triage"
	// HandlerStore keeps the delivery in the log and starts nothing (row P8).
	HandlerStore = "store"
	// HandlerTaskResult follows a task that somebody's model works on, up to its
	// output and its credits: workflows.TaskResult.
	HandlerTaskResult = "task_result"
)

// Handlers returns the names of all handlers, the default first.
func Handlers() []string { return []string{HandlerTriage, HandlerStore, HandlerTaskResult} }

// Handling says which handler a source's deliveries go to.
type Handling struct {
	// Default is for event types that ByType does not name; "" is HandlerTriage.
	Default string
	// ByType is by event type as the provider names it. A name that ends in *
	// stands for every type that begins so; the longest that fits counts.
	ByType map[string]string
}

// For returns the handler of an event type.
func (h Handling) For(eventType string) string {
	if exact, ok := h.ByType[eventType]; ok {
		return exact
	}
	best, handler := -1, h.Default
	for pattern, name := range h.ByType {
		prefix, wild := strings.CutSuffix(pattern, "*")
		if wild && len(prefix) > best && strings.HasPrefix(eventType, prefix) {
			best, handler = len(prefix), name
		}
	}
	if handler == "" {
		return HandlerTriage
	}
	return handler
}

// Uses reports whether any event type of the source goes to a handler.
func (h Handling) Uses(handler string) bool {
	if h.Default == handler || h.Default == "" && handler == HandlerTriage {
		return true
	}
	for _, name := range h.ByType {
		if name == handler {
			return true
		}
	}
	return false
}

// KnownHandler reports whether a name is one of Handlers.
func KnownHandler(name string) bool { return slices.Contains(Handlers(), name) }
