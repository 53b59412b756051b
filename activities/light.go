package activities

import (
	"context"

	"github.com/nerve-alerts/nerve/incident"
)

// Lights: the reaction on the message that an incident is about.
const (
	LightSeen         = "eyes"             // 👀 nerve has it
	LightAnswered     = "white_check_mark" // ✅ answered with a likely cause, or resolved
	LightInconclusive = "question"         // ❓ answered, but no cause was found
	LightSnoozed      = "zzz"              // 💤 somebody has snoozed it
	LightFailed       = "x"                // ❌ the workflow failed: somebody has to look
)

// LightInput sets the light on a message.
type LightInput struct {
	Message incident.SlackRef `json:"message"`
	Light   string            `json:"light"`
	Salt    []byte            `json:"salt"`
}

// SetLight puts a light on the message and takes nerve's other ones off, in
// that order, so that the message is never without one. It asks Slack which
// there are instead of trusting the workflow, because a rerun starts from a
// state before the light of the failure. A message that is gone has no light to
// set, which is no failure.
func (a *Activities) SetLight(ctx context.Context, in LightInput) error {
	if a.deps.Slack == nil {
		return nil
	}
	err := a.deps.Slack.React(ctx, in.Message, in.Light)
	if err == nil && in.Light != LightSeen {
		err = a.deps.Slack.Only(ctx, in.Message, in.Light)
	}
	if code(err) == "slack/message_not_found" {
		return nil
	}
	return a.failed(in.Salt, "set the light "+in.Light, err)
}
