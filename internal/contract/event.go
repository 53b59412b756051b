package contract

import "time"

// WorkflowDeliverEvents is the registered name of workflows.DeliverEvents.
const WorkflowDeliverEvents = "DeliverEvents"

// QueueEvents is for events on their way out: a subscriber that is slow must not
// hold up anything of nerve's own.
const QueueEvents = "events"

// Types of the events that go out (row P10).
const (
	EventReceived  = "webhook.received"
	EventVerified  = "webhook.verified"
	EventProcessed = "webhook.processed"
	EventFailed    = "webhook.failed"
)

// EventTypes returns all types of events.
func EventTypes() []string {
	return []string{EventReceived, EventVerified, EventProcessed, EventFailed}
}

// Event is something that happened to a delivery or to the incident that it
// became: metadata, never content.
type Event struct {
	ID   string    `json:"id"` // the same on every attempt to deliver it
	Type string    `json:"type"`
	At   time.Time `json:"at"`
	Data EventData `json:"data"`
}

// EventData is the data of an event, as subscribers get it.
type EventData struct {
	DeliveryID string  `json:"delivery_id,omitempty"`
	Source     string  `json:"source"`
	Provider   string  `json:"provider"`
	EventType  string  `json:"event_type,omitempty"` // the vendor's
	Outcome    Outcome `json:"outcome,omitempty"`
	Code       string  `json:"code,omitempty"`   // problem code
	Status     int     `json:"status,omitempty"` // HTTP status that was answered
	Signals    int     `json:"signals,omitempty"`
	WorkflowID string  `json:"workflow_id,omitempty"`
	IncidentID string  `json:"incident_id,omitempty"`
}

// EventsInput has a batch of events delivered to one subscriber. Its address and
// secret stay in the worker's configuration, where its name leads to them.
type EventsInput struct {
	Subscriber string  `json:"subscriber"`
	Events     []Event `json:"events"`
	// Channel is the Slack channel that hears of a subscriber that is lost.
	Channel string `json:"channel,omitempty"`
}

// EventsSent is what one attempt at a batch came to.
type EventsSent struct {
	Delivered int `json:"delivered"`
	// Left are the ids of events that have to be sent again.
	Left []string `json:"left,omitempty"`
	// More says that Left only waits for its turn, and nothing failed.
	More bool `json:"more,omitempty"`
	// After is how long the subscriber asks to wait.
	After time.Duration `json:"after,omitempty"`
	// Gone says that it answered 410: it wants no more.
	Gone bool `json:"gone,omitempty"`
	// Forbidden says that nerve must not call its address: no retry changes that.
	Forbidden bool `json:"forbidden,omitempty"`
	// Why is the stable name of the last failure, such as outbound/http_500.
	Why string `json:"why,omitempty"`
}

// EventsResult is what became of a batch.
type EventsResult struct {
	Delivered int `json:"delivered"`
	// Refused is how many the subscriber never took.
	Refused int `json:"refused,omitempty"`
	// Gone says that it answered 410: it wants no more.
	Gone bool `json:"gone,omitempty"`
}

// StoppedSubscriber is one that gets no events until somebody starts it again.
type StoppedSubscriber struct {
	Name      string    `json:"name"`
	Why       string    `json:"why"` // stable name, such as outbound/http_410
	StoppedAt time.Time `json:"stopped_at"`
}
