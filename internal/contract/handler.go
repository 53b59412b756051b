package contract

// Handlers: what becomes of a source's events (row P5). This is the one place
// that names them; ingest acts on them, and the configuration checks against them.
const (
	HandlerTriage = "triage" // raises incidents: workflows.Triage
	HandlerStore  = "store"  // keeps the delivery, and nothing else (row P8)
	// HandlerTaskResult follows a task that somebody's model works on, up to its
	// output and its credits: workflows.TaskResult.
	HandlerTaskResult = "task_result"
)

// Handlers are the names that a source's handler and handlers may give.
var Handlers = []string{HandlerTriage, HandlerStore, HandlerTaskResult}
