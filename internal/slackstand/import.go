package slackstand

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
)

// Imported says which message an event body is about.
type Imported struct {
	Channel string `json:"channel"` // "" when the event is about no message
	TS      string `json:"ts"`
	New     bool   `json:"new"` // the message was not known before
}

// tombstone is Slack's subtype for a parent whose text is not available.
const tombstone = "tombstone"

// inbound is the part of an event body that Import reads.
type inbound struct {
	Event inboundEvent `json:"event"`
	outgoing
}

// outgoing is a legacy outgoing webhook, which tells of a message without the
// envelope of an event.
type outgoing struct {
	ChannelID string `json:"channel_id"`
	Timestamp string `json:"timestamp"`
	UserID    string `json:"user_id"`
	BotID     string `json:"bot_id"`
	Text      string `json:"text"`
	Trigger   string `json:"trigger_word"`
}

func (o outgoing) message() inboundMessage {
	m := inboundMessage{BotID: o.BotID, Text: o.Text, TS: o.Timestamp}
	if user, err := json.Marshal(o.UserID); err == nil && o.UserID != "" {
		m.User = user
	}
	return m
}

// readInbound reads a body as Slack posts it: JSON, with the event in its envelope
// or without, or the form of an outgoing webhook. A form with something else, such
// as a click, is about no message.
func readInbound(body []byte) (in inbound, err error) {
	if err = json.Unmarshal(body, &in); err == nil {
		if in.Event.Type == "" { // an event without its envelope
			err = json.Unmarshal(body, &in.Event)
		}
		return in, err
	}
	form, notForm := url.ParseQuery(string(body))
	if notForm != nil || !form.Has("payload") && !form.Has("token") {
		return in, fmt.Errorf("slackstand: import: %w", err)
	}
	in.outgoing = outgoing{
		ChannelID: form.Get("channel_id"), Timestamp: form.Get("timestamp"), UserID: form.Get("user_id"),
		BotID: form.Get("bot_id"), Text: form.Get("text"), Trigger: form.Get("trigger_word"),
	}
	return in, nil
}

type inboundEvent struct {
	inboundMessage
	Type      string          `json:"type"`
	Channel   json.RawMessage `json:"channel"` // an object in some events that are no messages
	Message   *inboundMessage `json:"message"`
	DeletedTS string          `json:"deleted_ts"`
	Reaction  string          `json:"reaction"`
	Item      struct {
		Channel string `json:"channel"`
		TS      string `json:"ts"`
	} `json:"item"`
}

type inboundMessage struct {
	Subtype     string          `json:"subtype"`
	User        json.RawMessage `json:"user"` // an object in some events that are no messages
	BotID       string          `json:"bot_id"`
	AppID       string          `json:"app_id"`
	Username    string          `json:"username"`
	BotProfile  *Bot            `json:"bot_profile"`
	Text        string          `json:"text"`
	TS          string          `json:"ts"`
	ThreadTS    string          `json:"thread_ts"`
	Blocks      json.RawMessage `json:"blocks"`
	Attachments json.RawMessage `json:"attachments"`
}

// Import makes the channel and the message of an Events API body known, or of a
// legacy outgoing webhook, so that the bot can react to a message that was sent
// to its webhook directly. An edit,
// a deletion or a reaction is applied. A body about no message changes nothing
// and is no error. It delivers nothing.
func (s *Server) Import(eventBody []byte) (Imported, error) {
	in, err := readInbound(eventBody)
	if err != nil {
		return Imported{}, err
	}
	if o := in.outgoing; o.Trigger != "" && validID(o.ChannelID) {
		return s.importMessage(o.ChannelID, o.message(), false)
	}
	e := in.Event
	var channel string
	_ = json.Unmarshal(e.Channel, &channel) // an object: not a message
	switch {
	case (e.Type == "reaction_added" || e.Type == "reaction_removed") && validID(e.Item.Channel):
		return s.importReaction(e)
	case e.Type != "message" && e.Type != "app_mention" || !validID(channel):
		return Imported{}, nil
	case e.Subtype == "message_deleted":
		return s.importDeletion(channel, e.DeletedTS)
	case e.Subtype == "message_changed" && e.Message != nil:
		return s.importMessage(channel, *e.Message, true)
	default:
		return s.importMessage(channel, e.inboundMessage, false)
	}
}

var errBadTS = errors.New("slackstand: import: the event has no valid ts")

func (s *Server) importMessage(channel string, in inboundMessage, edit bool) (Imported, error) {
	if !validTS(in.TS) || in.ThreadTS != "" && !validTS(in.ThreadTS) {
		return Imported{}, errBadTS
	}
	m := in.build()
	out := Imported{Channel: channel, TS: in.TS}
	err := s.store.write(func() error {
		r := s.store.roomL(channel)
		if known := r.find(in.TS); known != nil {
			if edit || known.Subtype == tombstone {
				known.Text, known.Blocks, known.Attachments = m.Text, m.Blocks, m.Attachments
				known.Subtype, known.User, known.BotID, known.Username = m.Subtype, m.User, m.BotID, m.Username
				s.store.sawL(known)
			}
			if edit {
				known.Edited = &edited{User: m.User, TS: stamp(s.opt.Now())}
			}
			s.store.noteMessageL(r, known)
			return nil
		}
		if m.ThreadTS != "" && r.find(m.ThreadTS) == nil {
			lost := &message{Subtype: tombstone, User: "USLACKBOT", Text: "This message is not known here.", TS: m.ThreadTS}
			r.add(lost)
			s.store.noteMessageL(r, lost)
		}
		out.New = true
		s.store.sawL(m)
		r.add(m)
		s.store.noteMessageL(r, m)
		return nil
	})
	return out, err
}

func (in inboundMessage) build() *message {
	m := &message{
		Subtype: in.Subtype, BotID: in.BotID, AppID: in.AppID, Username: in.Username,
		Text: in.Text, TS: in.TS, Blocks: listOrNil(in.Blocks), Attachments: listOrNil(in.Attachments),
	}
	_ = json.Unmarshal(in.User, &m.User)
	if in.ThreadTS != in.TS {
		m.ThreadTS = in.ThreadTS
	}
	m.Broadcast = in.Subtype == "thread_broadcast"
	if m.Username == "" && in.BotProfile != nil {
		m.Username = in.BotProfile.Name
	}
	return m
}

func listOrNil(raw json.RawMessage) json.RawMessage {
	if isEmptyList(raw) {
		return nil
	}
	return raw
}

func (s *Server) importDeletion(channel, ts string) (Imported, error) {
	if !validTS(ts) {
		return Imported{}, errBadTS
	}
	return Imported{Channel: channel, TS: ts}, s.store.write(func() error {
		s.store.roomL(channel).remove(ts)
		s.store.noteL(change{Room: channel, Removed: ts})
		return nil
	})
}

func (s *Server) importReaction(e inboundEvent) (Imported, error) {
	var user string
	_ = json.Unmarshal(e.User, &user)
	if !validTS(e.Item.TS) || !emojiShape.MatchString(e.Reaction) {
		return Imported{}, errBadTS
	}
	out := Imported{Channel: e.Item.Channel, TS: e.Item.TS}
	return out, s.store.write(func() error {
		r := s.store.roomL(e.Item.Channel)
		m := r.find(e.Item.TS)
		if m == nil {
			return nil
		}
		// Having it already, or not having it, is what the event says too.
		if e.Type == "reaction_added" {
			_ = m.addReaction(e.Reaction, user)
		} else {
			_ = m.removeReaction(e.Reaction, user)
		}
		s.store.noteMessageL(r, m)
		return nil
	})
}
