package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Subscribers are where events go.
type Subscribers interface {
	// Send delivers a batch in order and says what is left; it calls alive
	// before each event.
	Send(ctx context.Context, subscriber string, list []contract.Event, alive func()) (contract.EventsSent, error)
}

// Failures tells subscribers of incidents that failed.
type Failures interface {
	Failed(ctx context.Context, rec contract.IncidentRecord, at time.Time)
}

// ErrorNoSubscriber is the type of the error for events to a subscriber that is
// not configured any more.
const ErrorNoSubscriber = "events/unknown_subscriber"

// SendEvents delivers a batch to one subscriber and says what is left to try
// again. What a subscriber answers is no error of the activity.
func (a *Activities) SendEvents(ctx context.Context, in contract.EventsInput) (contract.EventsSent, error) {
	if a.deps.Subscribers == nil {
		return contract.EventsSent{}, temporal.NewNonRetryableApplicationError("this worker has no subscribers", ErrorNoSubscriber, nil)
	}
	sent, err := a.deps.Subscribers.Send(ctx, in.Subscriber, in.Events, func() { activity.RecordHeartbeat(ctx) })
	return sent, a.failed(nil, "tell the subscriber", err)
}
