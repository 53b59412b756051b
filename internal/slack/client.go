package slack

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/nerve-alerts/nerve/incident"
)

// How much of a thread or channel is looked through, in messages. Slack gives a
// thread oldest first, so its end is on the last page.
const (
	threadLimit  = 999 // a page; Slack takes less than 1,000
	threadPages  = 10
	threadTail   = 50 // what Thread returns at most
	historyLimit = 100
)

// Eyes is the reaction that says that nerve has an alert.
const Eyes = "eyes"

// marker is the type of the metadata that nerve puts on its own messages.
const marker = "nerve_incident"

// Client calls Slack's Web API with a bot token.
type Client struct {
	api *slackgo.Client

	mu    sync.Mutex
	known *Self
}

// New returns a client. apiURL is "" for Slack itself, or the base URL of a
// stand-in ("http://127.0.0.1:3001/api/"). httpClient may be nil.
func New(token, apiURL string, httpClient *http.Client) (*Client, error) {
	if strings.TrimSpace(token) == "" {
		return nil, errors.New("slack: no bot token: set SLACK_BOT_TOKEN")
	}
	if httpClient == nil {
		httpClient = &http.Client{Timeout: 10 * time.Second}
	}
	opts := []slackgo.Option{slackgo.OptionHTTPClient(httpClient)}
	if apiURL != "" {
		opts = append(opts, slackgo.OptionAPIURL(strings.TrimSuffix(apiURL, "/")+"/"))
	}
	return &Client{api: slackgo.New(token, opts...)}, nil
}

// Self is who the token belongs to.
type Self struct {
	BotID, UserID, TeamID string
	// Scopes are what the token may do, where Slack says so.
	Scopes []string
}

// Scopes are the bot scopes that nerve cannot do without.
var Scopes = []string{
	"app_mentions:read", "channels:history", "chat:write", "groups:history", "metadata.message:read", "reactions:read", "reactions:write",
}

// self is Self, asked once.
func (c *Client) self(ctx context.Context) (Self, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known != nil {
		return *c.known, nil
	}
	self, err := c.Self(ctx)
	if err == nil {
		c.known = &self
	}
	return self, err
}

// Self asks Slack who the token belongs to.
func (c *Client) Self(ctx context.Context) (Self, error) {
	a, err := c.api.AuthTestContext(ctx)
	if err != nil {
		return Self{}, translate("auth.test", err)
	}
	self := Self{BotID: a.BotID, UserID: a.UserID, TeamID: a.TeamID}
	for scope := range strings.SplitSeq(a.Header.Get("X-OAuth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			self.Scopes = append(self.Scopes, scope)
		}
	}
	return self, nil
}

// React puts an emoji on the message. One that is there already is a success.
func (c *Client) React(ctx context.Context, ref incident.SlackRef, emoji string) error {
	err := translate("reactions.add", c.api.AddReactionContext(ctx, emoji, slackgo.NewRefToMessage(ref.ChannelID, ref.MessageTS)))
	if is(err, "already_reacted") {
		return nil
	}
	return err
}

// Only takes nerve's own reactions but one off the message.
func (c *Client) Only(ctx context.Context, ref incident.SlackRef, emoji string) error {
	item := slackgo.NewRefToMessage(ref.ChannelID, ref.MessageTS)
	reacted, err := c.api.GetReactionsContext(ctx, item, slackgo.GetReactionsParameters{Full: true})
	if err != nil {
		return translate("reactions.get", err)
	}
	self, err := c.self(ctx)
	if err != nil {
		return err
	}
	for _, r := range reacted.Reactions {
		if r.Name == emoji || !slices.Contains(r.Users, self.UserID) {
			continue
		}
		err := translate("reactions.remove", c.api.RemoveReactionContext(ctx, r.Name, item))
		if err != nil && !is(err, "no_reaction") {
			return err
		}
	}
	return nil
}

// Headline posts the incident's headline in a channel, or edits the one that is
// there, and returns where it is.
func (c *Client) Headline(ctx context.Context, channel string, known *incident.SlackRef, r incident.Report) (incident.SlackRef, error) {
	ts := ""
	if known != nil {
		ts = known.MessageTS
	} else {
		found, err := c.findInChannel(ctx, channel, r.Signal.IncidentID)
		if err != nil {
			return incident.SlackRef{}, err
		}
		ts = found
	}
	ts, err := c.put(ctx, channel, "", ts, r.Signal.IncidentID, headline(r))
	if err != nil {
		return incident.SlackRef{}, err
	}
	return incident.SlackRef{ChannelID: channel, MessageTS: ts, ThreadTS: ts}, nil
}

// Answer posts the report in the thread, or edits the answer that is there, and
// returns its ts. known is the ts of an earlier answer, or "".
func (c *Client) Answer(ctx context.Context, thread incident.SlackRef, known string, r incident.Report) (string, error) {
	if known == "" {
		found, err := c.findInThread(ctx, thread, r.Signal.IncidentID)
		if err != nil {
			return "", err
		}
		known = found
	}
	return c.put(ctx, thread.ChannelID, thread.ThreadTS, known, r.Signal.IncidentID, answer(r))
}

// ThreadMessage is one message of a thread, as text.
type ThreadMessage struct {
	Author string // a user or bot id
	Text   string
	At     time.Time
}

// Thread reads the last messages of a thread other than nerve's own and the one
// that the incident is about, oldest first.
func (c *Client) Thread(ctx context.Context, ref incident.SlackRef) ([]ThreadMessage, error) {
	var last []slackgo.Message
	err := c.replies(ctx, ref, func(m slackgo.Message) bool {
		if m.Timestamp == ref.MessageTS || m.Metadata.EventType == marker || m.Metadata.EventType == noteMarker {
			return true
		}
		if len(last) == threadTail {
			last = slices.Delete(last, 0, 1)
		}
		last = append(last, m)
		return true
	})
	if err != nil {
		return nil, err
	}
	found := make([]ThreadMessage, 0, len(last))
	for _, m := range last {
		author := m.User
		if author == "" {
			author = m.BotID
		}
		found = append(found, ThreadMessage{Author: author, Text: messageText(m), At: tsTime(m.Timestamp)})
	}
	return found, nil
}

// noPreviews keeps Slack from fetching, and showing, what an alert links to: a page, or
// a picture of which Slack makes a preview unless it is told not to.
var noPreviews = slackgo.MsgOptionCompose(slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl())

// put posts a message, or edits the one at ts. A message that was deleted
// meanwhile is posted again.
func (c *Client) put(ctx context.Context, channel, thread, ts, incidentID string, m message) (string, error) {
	opts := []slackgo.MsgOption{
		slackgo.MsgOptionText(m.Text, false),
		slackgo.MsgOptionBlocks(m.Blocks...),
		noPreviews,
		slackgo.MsgOptionMetadata(slackgo.SlackMetadata{
			EventType:    marker,
			EventPayload: map[string]any{"incident_id": incidentID},
		}),
	}
	if ts != "" {
		_, _, _, err := c.api.UpdateMessageContext(ctx, channel, ts, opts...)
		err = translate("chat.update", err)
		if !is(err, "message_not_found") {
			return ts, err
		}
	}
	if thread != "" {
		opts = append(opts, slackgo.MsgOptionTS(thread))
	}
	_, posted, err := c.api.PostMessageContext(ctx, channel, opts...)
	return posted, translate("chat.postMessage", err)
}

func (c *Client) findInThread(ctx context.Context, ref incident.SlackRef, incidentID string) (string, error) {
	found := ""
	err := c.replies(ctx, ref, func(m slackgo.Message) bool {
		// A headline is not the answer in its own thread.
		if m.Timestamp != ref.MessageTS && isOwn(m, incidentID) {
			found = m.Timestamp
		}
		return found == ""
	})
	if is(err, "thread_not_found") {
		// Somebody deleted the message. Slack then posts what was meant for its
		// thread in the channel, which is better than silence.
		return "", nil
	}
	return found, err
}

// replies calls each with the messages of a thread, oldest first, until it
// returns false.
func (c *Client) replies(ctx context.Context, ref incident.SlackRef, each func(slackgo.Message) bool) error {
	cursor := ""
	for range threadPages {
		msgs, more, next, err := c.api.GetConversationRepliesContext(ctx, &slackgo.GetConversationRepliesParameters{
			ChannelID: ref.ChannelID, Timestamp: ref.ThreadTS, Cursor: cursor, Limit: threadLimit, IncludeAllMetadata: true,
		})
		if err != nil {
			return translate("conversations.replies", err)
		}
		for _, m := range msgs {
			if !each(m) {
				return nil
			}
		}
		if cursor = next; !more || cursor == "" {
			return nil
		}
	}
	return nil
}

func (c *Client) findInChannel(ctx context.Context, channel, incidentID string) (string, error) {
	h, err := c.api.GetConversationHistoryContext(ctx, &slackgo.GetConversationHistoryParameters{
		ChannelID: channel, Limit: historyLimit, IncludeAllMetadata: true,
	})
	if err != nil {
		return "", translate("conversations.history", err)
	}
	for _, m := range h.Messages {
		if isOwn(m, incidentID) {
			return m.Timestamp, nil
		}
	}
	return "", nil
}

// isOwn reports whether nerve posted the message for an incident.
func isOwn(m slackgo.Message, incidentID string) bool {
	return m.Metadata.EventType == marker && m.Metadata.EventPayload["incident_id"] == incidentID
}
