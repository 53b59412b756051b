package slack

import (
	"context"
	"slices"

	slackgo "github.com/slack-go/slack"

	"github.com/nerve-alerts/nerve/incident"
)

// noteMarker is the type of the metadata on a note. It is another one than an
// answer's, so that a note is never taken for the answer and edited over.
const noteMarker = "nerve_note"

// Note posts a short text in a thread, or in the channel where the ref names no
// thread, once for each key: one that is there already is a success.
func (c *Client) Note(ctx context.Context, where incident.SlackRef, key, text string) error {
	there, err := c.noted(ctx, where, key)
	if there || err != nil {
		return err
	}
	text = incident.Cut(text, maxPlain)
	p := newPage()
	p.add(p.rest(), words(text)) // a reason that somebody typed is no markup
	opts := []slackgo.MsgOption{
		slackgo.MsgOptionText(escape(clean(text)), false), slackgo.MsgOptionBlocks(p.end()...),
		noPreviews,
		slackgo.MsgOptionMetadata(slackgo.SlackMetadata{EventType: noteMarker, EventPayload: map[string]any{"key": key}}),
	}
	if where.ThreadTS != "" {
		opts = append(opts, slackgo.MsgOptionTS(where.ThreadTS))
	}
	_, _, err = c.api.PostMessageContext(ctx, where.ChannelID, opts...)
	return translate("chat.postMessage", err)
}

// noted reports whether a note is there already.
func (c *Client) noted(ctx context.Context, where incident.SlackRef, key string) (bool, error) {
	if where.ThreadTS != "" {
		found := false
		err := c.replies(ctx, where, func(m slackgo.Message) bool {
			found = isNote(m, key)
			return !found
		})
		if is(err, "thread_not_found") {
			return false, nil // the message was deleted: then the channel gets it
		}
		return found, err
	}
	h, err := c.api.GetConversationHistoryContext(ctx, &slackgo.GetConversationHistoryParameters{
		ChannelID: where.ChannelID, Limit: historyLimit, IncludeAllMetadata: true,
	})
	if err != nil {
		return false, translate("conversations.history", err)
	}
	return slices.ContainsFunc(h.Messages, func(m slackgo.Message) bool { return isNote(m, key) }), nil
}

func isNote(m slackgo.Message, key string) bool {
	return m.Metadata.EventType == noteMarker && m.Metadata.EventPayload["key"] == key
}
