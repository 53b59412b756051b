package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/incident"
)

// NotifyInput tells people about an incident.
type NotifyInput struct {
	WorkflowID string          `json:"workflow_id"`
	Report     incident.Report `json:"report"`
	// Channel gets a headline when the incident did not come from Slack.
	Channel string `json:"channel,omitempty"`
	// Known is the headline that is there already.
	Known *incident.SlackRef `json:"known,omitempty"`
	// Thread is where the answer goes, and AnswerTS the answer that is there.
	Thread   incident.SlackRef `json:"thread"`
	AnswerTS string            `json:"answer_ts,omitempty"`
	Salt     []byte            `json:"salt"`
}

// Headline posts the message that opens an incident's thread, or edits the one
// that is there, and returns where it is.
func (a *Activities) Headline(ctx context.Context, in NotifyInput) (incident.SlackRef, error) {
	if a.deps.Slack == nil {
		return incident.SlackRef{}, noSlack()
	}
	in.Report.WorkflowURL = a.workflowURL(in.WorkflowID)
	ref, err := a.deps.Slack.Headline(ctx, in.Channel, in.Known, in.Report)
	return ref, a.failed(in.Salt, "post the headline", err)
}

// Notify posts the answer in the incident's thread, or edits the one that is
// there, and returns its ts. It looks for an earlier answer of the same
// incident first, so a repeat never posts twice.
func (a *Activities) Notify(ctx context.Context, in NotifyInput) (string, error) {
	if a.deps.Slack == nil {
		return "", noSlack()
	}
	in.Report.WorkflowURL = a.workflowURL(in.WorkflowID)
	ts, err := a.deps.Slack.Answer(ctx, in.Thread, in.AnswerTS, in.Report)
	return ts, a.failed(in.Salt, "post the answer in the thread", err)
}

func noSlack() error {
	return temporal.NewNonRetryableApplicationError(
		"this worker has no Slack token: set SLACK_BOT_TOKEN and rerun the incident", ErrorNoSlack, nil)
}

// code is an adapter error's stable name, or "".
func code(err error) string {
	if c, ok := errors.AsType[classified](err); ok {
		return c.Code()
	}
	return ""
}
