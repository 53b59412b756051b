package slackstand

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Message is one message by a person (User) or another app (Bot) in a channel.
type Message struct {
	User string // id of the person; made known on demand
	Bot  *Bot
	Text string // mrkdwn as Slack carries it: &, < and > escaped
	// Blocks and Attachments are anything that encodes as a JSON array, such as
	// []slack.Attachment or json.RawMessage; nil is none.
	Blocks      any
	Attachments any
	ThreadTS    string // makes it a reply
	// StoreOnly keeps the message without delivering its event. Posted.EventBody
	// is still what would have been delivered.
	StoreOnly bool
}

// Posted says what became of a Message.
type Posted struct {
	Channel    string
	TS         string
	EventID    string
	EventBody  []byte     // the Events API callback, as delivered
	Deliveries []Delivery // one for each event; a message that mentions the bot makes two
}

// ErrRefused means that the message was stored, and that the receiver of events
// did not take it at the first attempt.
var ErrRefused = errors.New("slackstand: the receiver did not take the event")

// Post stores a message and delivers its event, signed, to Options.EventsURL. The
// channel is made on demand. Post waits for the first attempt; retries, where
// Options.RetryDelays asks for them, go on in the background. When the first
// attempt fails, the error is ErrRefused and Posted is still filled.
func (s *Server) Post(ctx context.Context, channel string, in Message) (Posted, error) {
	m, err := in.build()
	if err != nil {
		return Posted{}, err
	}
	if !validID(channel) {
		return Posted{}, fmt.Errorf("slackstand: %q is not a channel id", channel)
	}
	var parent string
	var private bool
	err = s.store.write(func() error {
		r := s.store.roomL(channel)
		private = r.Private
		if in.ThreadTS != "" {
			if p := r.find(in.ThreadTS); p != nil {
				m.ThreadTS, parent = p.root(), p.User
			}
		}
		m.TS = s.store.nextTSL()
		s.store.sawL(m)
		r.add(m)
		s.store.noteMessageL(r, m)
		return nil
	})
	if err != nil {
		return Posted{}, err
	}
	event := s.messageEvent(channel, private, *m, parent)
	first := s.callback(event)
	out := Posted{Channel: channel, TS: m.TS, EventID: first.id, EventBody: first.body}
	if in.StoreOnly || s.opt.EventsURL == "" {
		return out, nil
	}
	out.Deliveries = append(out.Deliveries, s.deliver(ctx, first))
	if m.User != "" && strings.Contains(m.Text, "<@"+s.opt.BotUserID) {
		out.Deliveries = append(out.Deliveries, s.deliver(ctx, s.callback(mentionEvent(event))))
	}
	for _, d := range out.Deliveries {
		if !d.Taken() {
			return out, fmt.Errorf("%w: %s", ErrRefused, d.Reason())
		}
	}
	return out, nil
}

func (in Message) build() (*message, error) {
	m := &message{Text: in.Text}
	switch {
	case in.User != "" && in.Bot != nil || in.User == "" && in.Bot == nil:
		return nil, errors.New("slackstand: a message is by a person or by a bot")
	case in.User != "":
		if !validID(in.User) {
			return nil, fmt.Errorf("slackstand: %q is not a user id", in.User)
		}
		m.User, m.ClientMsgID = in.User, newUUID()
	default:
		b := *in.Bot
		if b.ID == "" {
			b.ID = botIDOf(b.Name)
		}
		if b.Name == "" || !validID(b.ID) {
			return nil, errors.New("slackstand: a bot has a name, and an id such as B0EXAMPLE1")
		}
		m.BotID, m.AppID, m.User, m.Username = b.ID, b.AppID, b.UserID, b.Name
		if b.UserID == "" {
			m.Subtype = "bot_message"
		}
	}
	var err error
	if m.Blocks, err = encodeList(in.Blocks); err != nil {
		return nil, fmt.Errorf("slackstand: blocks: %w", err)
	}
	if m.Attachments, err = encodeList(in.Attachments); err != nil {
		return nil, fmt.Errorf("slackstand: attachments: %w", err)
	}
	if m.Text == "" && isEmptyList(m.Blocks) && isEmptyList(m.Attachments) {
		return nil, errors.New("slackstand: the message is empty")
	}
	return m, nil
}

// encodeList encodes a list; it need not respect Slack's limits, because real
// alerts are tested with it too.
func encodeList(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	return raw, nil
}
