package activities

import (
	"context"
	"strings"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// NoteInput is a short message in an incident's thread.
type NoteInput struct {
	Thread incident.SlackRef `json:"thread"`
	// Key names the note: one that is there already is not posted again.
	Key    string `json:"key"`
	Text   string `json:"text"`
	Reason string `json:"reason,omitempty"` // as a person typed it
	Salt   []byte `json:"salt"`
}

// Note posts a note in the incident's thread. The reason is scrubbed; who
// decided is what the note is for.
func (a *Activities) Note(ctx context.Context, in NoteInput) error {
	if a.deps.Slack == nil {
		return nil
	}
	text := in.Text
	if reason := strings.Join(strings.Fields(in.Reason), " "); reason != "" {
		text += " Reason: " + a.deps.Scrubber.Text(in.Salt, reason)
	}
	return a.failed(in.Salt, "post a note in the thread", a.deps.Slack.Note(ctx, in.Thread, in.Key, text))
}

// SilencedInput asks whether a silence holds a signal back now.
type SilencedInput struct {
	Signal incident.Signal `json:"signal"` // scrubbed
	Salt   []byte          `json:"salt"`
}

// Silenced returns the silence that holds a signal back now, or nil.
func (a *Activities) Silenced(ctx context.Context, in SilencedInput) (*contract.Silencing, error) {
	if a.deps.Silences == nil {
		return nil, nil //nolint:nilnil // no silence is no error
	}
	s, err := a.deps.Silences.Silenced(ctx, in.Signal)
	return s, a.failed(in.Salt, "look for a silence", err)
}
