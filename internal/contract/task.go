package contract

import (
	"time"

	"github.com/nerve-alerts/nerve/task"
)

// WorkflowTaskResult is the registered name of workflows.TaskResult, and
// SignalTaskEvent, which carries another TaskInput, and QueryTask are its signal
// and its query.
const (
	WorkflowTaskResult = "TaskResult"
	SignalTaskEvent    = "task_event"
	QueryTask          = "task"
)

// AuditTaskRerun is the action of a task's rerun in the audit log.
const AuditTaskRerun = "task.rerun"

// QueueTasks is for steps that fetch a task's output or call the billing system:
// what is slow there must not hold up incidents.
const QueueTasks = "tasks"

// TaskInput starts the life of a task, or tells a running one of an event. It is
// the same whichever it turns out to be, so that whoever sends it need not know.
type TaskInput struct {
	// Name is the task's id where its vendor minted it, and a hash of it where a
	// customer could have typed it. It is what is stored and shown.
	Name string `json:"name"`
	// Source and Provider are where its events come from.
	Source   string `json:"source"`
	Provider string `json:"provider"`
	// Event is what was heard; Event.ID is the sender's own id, which only the
	// billing system is told.
	Event  task.Event `json:"event"`
	Policy TaskPolicy `json:"policy"`
	// Channel is the Slack channel that is told; empty means none.
	Channel string `json:"channel,omitempty"`
	// KnownOnly does not start a task: its event is dropped unless the task runs.
	KnownOnly bool   `json:"known_only,omitempty"`
	Salt      []byte `json:"salt"`
	// Delivery is the delivery that the event came with.
	Delivery   string    `json:"delivery,omitempty"`
	ReceivedAt time.Time `json:"received_at"`
	// Timings are those of ingest, in milliseconds by step (row T6).
	Timings map[string]float64 `json:"timings,omitempty"`
}

// TaskPolicy bounds what is fetched for a task and who hears of it.
type TaskPolicy struct {
	// Hosts are those that an output may be fetched from: a name, *.name for
	// every name below it, either with :port. None means that nothing is fetched.
	Hosts []string `json:"hosts,omitempty"`
	// Types are the content types that are kept, such as image/png or image/*.
	Types []string `json:"types,omitempty"`
	// MaxBytes bounds an output as it is stored, decompressed.
	MaxBytes int64 `json:"max_bytes,omitempty"`
	// Notices is who hears of it in the channel: NoticesAll, NoticesFailures, NoticesNone.
	Notices string `json:"notices,omitempty"`
	// Patience fails a task of which nothing more was heard.
	Patience time.Duration `json:"patience,omitempty"`
}

// What the channel is told of tasks. A failed recovery is told in any case.
const (
	NoticesAll      = "all"
	NoticesFailures = "failures"
	NoticesNone     = "none"
)

// TaskOutput is where a task's result is kept.
type TaskOutput struct {
	Key         string `json:"key"` // in the blob store: permanent, by task and content
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"`
	// DownloadMS and UploadMS are how long each took, in milliseconds.
	DownloadMS float64 `json:"download_ms,omitempty"`
	UploadMS   float64 `json:"upload_ms,omitempty"`
	// Inline says that the output came within its event.
	Inline bool `json:"inline,omitempty"`
}

// OutputQuery says which output is to be kept, and within which bounds.
type OutputQuery struct {
	Source string     `json:"source"`
	Name   string     `json:"name"`   // of the task
	Output string     `json:"output"` // a URL or a data: URI
	Policy TaskPolicy `json:"policy"`
}

// Charge is what a billing system is told of a task.
type Charge struct {
	WorkflowID     string      `json:"workflow_id"`
	TaskID         string      `json:"task_id"` // the sender's own id, under which the credits were reserved
	Source         string      `json:"source"`
	State          task.State  `json:"state"`
	Failure        string      `json:"failure,omitempty"`
	PredictSeconds float64     `json:"predict_seconds,omitempty"`
	Output         *TaskOutput `json:"output,omitempty"`
	At             time.Time   `json:"at"` // when the task ended
}

// Credits is what became of the credits that were reserved for a task.
type Credits string

// What can become of them.
const (
	CreditsNone       Credits = "none"       // no billing system is configured
	CreditsReserved   Credits = "reserved"   // the task is not over yet
	CreditsSettled    Credits = "settled"    // success: confirmed
	CreditsReversed   Credits = "reversed"   // failure: given back
	CreditsUnsettled  Credits = "unsettled"  // success, and the billing system never took it
	CreditsUnreversed Credits = "unreversed" // failure, and the billing system never took it
)

// TaskRecord is a task's state as the record keeps it. An older Revision never
// replaces a newer one.
type TaskRecord struct {
	ID             string             `json:"id"` // "<source>:<name>"
	Source         string             `json:"source"`
	Provider       string             `json:"provider"`
	WorkflowID     string             `json:"workflow_id"`
	RunID          string             `json:"run_id"`
	Revision       int64              `json:"revision"`
	State          task.State         `json:"state"`
	Credits        Credits            `json:"credits"`
	Output         *TaskOutput        `json:"output,omitempty"`
	Outputs        int                `json:"outputs,omitempty"`
	Failure        string             `json:"failure,omitempty"`
	PredictSeconds float64            `json:"predict_seconds,omitempty"`
	Timings        map[string]float64 `json:"timings,omitempty"` // milliseconds by step
	StartedAt      time.Time          `json:"started_at"`
	FinishedAt     time.Time          `json:"finished_at,omitzero"`
}

// TaskResult is how a task ended.
type TaskResult struct {
	State   task.State         `json:"state"`
	Credits Credits            `json:"credits"`
	Output  *TaskOutput        `json:"output,omitempty"`
	Failure string             `json:"failure,omitempty"`
	Timings map[string]float64 `json:"timings,omitempty"`
}

// TaskWorkflowID is the workflow id of a task.
func TaskWorkflowID(source, name string) string { return "task:" + source + ":" + name }
