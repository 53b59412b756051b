package evidence

import (
	"context"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/slack"
)

// maxThread is how many of a thread's last messages are evidence.
const maxThread = 10

// threadReader reads a Slack thread.
type threadReader interface {
	Thread(ctx context.Context, ref incident.SlackRef) ([]slack.ThreadMessage, error)
}

// Thread is what people and bots said in the incident's thread already.
type Thread struct {
	Slack threadReader
}

// Fetch returns the last messages of the thread, oldest first.
func (t Thread) Fetch(ctx context.Context, q contract.EvidenceQuery) ([]incident.Evidence, error) {
	if q.Signal.Slack == nil {
		return nil, nil
	}
	msgs, err := t.Slack.Thread(ctx, *q.Signal.Slack)
	if err != nil {
		return nil, err
	}
	if len(msgs) > maxThread {
		msgs = msgs[len(msgs)-maxThread:]
	}
	var found []incident.Evidence
	for _, m := range msgs {
		if m.Text == "" {
			continue
		}
		found = append(found, incident.Evidence{Title: "In the thread, " + m.Author, Text: m.Text, At: m.At})
	}
	return found, nil
}
