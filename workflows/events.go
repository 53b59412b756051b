package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// schedule is the waits between attempts at a batch, as Standard Webhooks has
// them: a subscriber has a bit more than a day to come back. A subscriber's own
// Retry-After takes the place of a shorter wait.
var schedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
}

// DeliverEvents delivers a batch of events to one subscriber, however long that
// is away within the schedule. What it never takes ends here: the delivery log
// has it. It never fails, because nobody would mend it.
func DeliverEvents(ctx workflow.Context, in contract.EventsInput) (contract.EventsResult, error) {
	var result contract.EventsResult
	left := in.Events
	for attempt := 0; len(left) > 0; {
		var sent contract.EventsSent
		err := workflow.ExecuteActivity(with(ctx, stepSend, "Events to "+in.Subscriber), acts.SendEvents, contract.EventsInput{
			Subscriber: in.Subscriber, Events: left,
		}).Get(ctx, &sent)
		if err != nil {
			if ctx.Err() != nil {
				return result, err
			}
			workflow.GetLogger(ctx).Error("events not delivered", "subscriber", in.Subscriber, "events", len(left), "error", err)
			break
		}
		result.Delivered += sent.Delivered
		left = slices.DeleteFunc(slices.Clone(left), func(e contract.Event) bool { return !slices.Contains(sent.Left, e.ID) })
		if sent.Gone {
			result.Gone = true
			lost(ctx, in, "It answered 410, so it gets no more events. Remove it from events.subscribers; or, when that was "+
				"a mistake: nerve events start "+in.Subscriber)
			break
		}
		if sent.Forbidden {
			workflow.GetLogger(ctx).Error("subscriber must not be called", "subscriber", in.Subscriber, "events", len(left), "why", sent.Why)
			lost(ctx, in, "nerve must not call its address ("+sent.Why+"), and does not try again. Correct its url, "+
				"or name its network in outbound.allow if it is your own. The delivery log has what they told of.")
			break
		}
		if len(left) == 0 || sent.More && sent.Delivered > 0 {
			continue
		}
		if attempt == len(schedule) {
			workflow.GetLogger(ctx).Error("subscriber never took events", "subscriber", in.Subscriber, "events", len(left), "why", sent.Why)
			lost(ctx, in, "It took no events for more than a day ("+sent.Why+"). The delivery log has what they told of.")
			break
		}
		wait := max(schedule[attempt], sent.After)
		attempt++
		if err := workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: "Try again: " + sent.Why}).Get(ctx, nil); err != nil {
			return result, err
		}
	}
	result.Refused = len(left)
	return result, nil
}

// lost tells people of a subscriber that misses events: one message for each
// subscriber, however many batches it misses.
func lost(ctx workflow.Context, in contract.EventsInput, why string) {
	if in.Channel == "" {
		return
	}
	now := workflow.Now(ctx)
	err := workflow.ExecuteActivity(with(ctx, stepTell, "Notice in Slack"), acts.Tell, activities.TellInput{
		WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID, Channel: in.Channel,
		Report: incident.Report{Status: incident.StatusFiring, Occurrences: 1, LastSeen: now, Signal: incident.Signal{
			IncidentID: "events_lost_" + in.Subscriber, Source: "nerve", Severity: incident.SeverityMedium, Timestamp: now,
			Title: "Subscriber " + in.Subscriber + " misses events", Description: why,
		}},
	}).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Warn("notice not posted", "error", err)
	}
}
