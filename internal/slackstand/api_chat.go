package slackstand

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Slack truncates a posted text over the first limit; refusing it here shows a
// caller that relies on that. The second is the documented limit of chat.update.
const (
	maxPostText    = 40_000
	maxUpdateText  = 4_000
	maxAttachments = 100
)

// content is what chat.postMessage and chat.update share.
type content struct {
	text                          string
	blocks, attachments, metadata json.RawMessage
}

func readContent(a args, textLimit int) (content, error) {
	c := content{text: a["text"]}
	var err error
	if c.blocks, err = checkBlocks(a["blocks"]); err != nil {
		return content{}, err
	}
	if c.attachments, err = checkAttachments(a["attachments"]); err != nil {
		return content{}, err
	}
	if c.metadata, err = checkMetadata(a["metadata"]); err != nil {
		return content{}, err
	}
	if utf8.RuneCountInString(c.text) > textLimit {
		return content{}, refuse("msg_too_long")
	}
	if strings.TrimSpace(c.text) == "" && isEmptyList(c.blocks) && isEmptyList(c.attachments) {
		return content{}, refuse("no_text")
	}
	return c, nil
}

func checkMetadata(raw string) (json.RawMessage, error) {
	if raw == "" {
		return nil, nil
	}
	var m struct {
		EventType    string          `json:"event_type"`
		EventPayload *map[string]any `json:"event_payload"`
	}
	if err := json.Unmarshal([]byte(raw), &m); err != nil {
		return nil, refuse("invalid_metadata_format")
	}
	if m.EventType == "" || m.EventPayload == nil {
		return nil, refuse("invalid_metadata_schema")
	}
	return json.RawMessage(raw), nil
}

func isEmptyList(raw json.RawMessage) bool {
	var list []json.RawMessage
	return len(raw) == 0 || json.Unmarshal(raw, &list) == nil && len(list) == 0
}

func (s *Server) chatPostMessage(c call) (map[string]any, error) {
	var out map[string]any
	var posted message
	var channel string
	err := s.store.write(func() error {
		r, err := s.memberRoomL(c.args["channel"])
		if err != nil {
			return err
		}
		if r.Archived {
			return refuse("is_archived")
		}
		body, err := readContent(c.args, maxPostText)
		if err != nil {
			return err
		}
		if err := s.limits.allow(r.ID, s.opt.Now()); err != nil {
			return err
		}
		m := &message{
			User: s.opt.BotUserID, BotID: s.opt.BotID, AppID: s.opt.AppID, Username: c.args["username"],
			Text: body.text, TS: s.store.nextTSL(), Blocks: body.blocks, Attachments: body.attachments,
			Metadata: body.metadata,
		}
		// A reply to a message that is not there lands in the channel, as in
		// Slack: only the missing thread_ts in the answer tells.
		if parent := r.find(c.args["thread_ts"]); parent != nil {
			m.ThreadTS = parent.root()
			m.Broadcast = c.args.truth("reply_broadcast")
			if m.Broadcast {
				m.Subtype = "thread_broadcast"
			}
		}
		r.add(m)
		s.store.noteMessageL(r, m)
		posted, channel = *m, r.ID
		out = map[string]any{"channel": r.ID, "ts": m.TS, "message": s.wireL(r, m, true)}
		return nil
	})
	if err == nil {
		s.echoMessage(channel, posted)
	}
	return out, err
}

// root is the timestamp that a reply to this message belongs under.
func (m *message) root() string {
	if m.ThreadTS != "" {
		return m.ThreadTS
	}
	return m.TS
}

func (s *Server) chatUpdate(c call) (map[string]any, error) {
	var out map[string]any
	var before, after message
	var channel string
	err := s.store.write(func() error {
		r, err := s.memberRoomL(c.args["channel"])
		if err != nil {
			return err
		}
		m := r.find(c.args["ts"])
		if m == nil {
			return refuse("message_not_found")
		}
		if m.BotID != s.opt.BotID {
			return refuse("cant_update_message")
		}
		body, err := readContent(c.args, maxUpdateText)
		if err != nil {
			return err
		}
		before, channel = *m, r.ID
		s.applyUpdateL(m, c.args, body)
		s.store.noteMessageL(r, m)
		after = *m
		out = map[string]any{"channel": r.ID, "ts": m.TS, "text": m.Text, "message": s.wireL(r, m, true)}
		return nil
	})
	if err == nil {
		s.echoEdit(channel, before, after)
	}
	return out, err
}

// applyUpdateL changes what the call names. Blocks, attachments and metadata
// that it does not name stay, as Slack documents; an empty list removes them.
func (s *Server) applyUpdateL(m *message, a args, body content) {
	if a.has("text") {
		m.Text = body.text
	}
	if body.blocks != nil {
		m.Blocks = body.blocks
	}
	if body.attachments != nil {
		m.Attachments = body.attachments
	}
	if body.metadata != nil {
		m.Metadata = body.metadata
	}
	m.Edited = &edited{User: s.opt.BotUserID, TS: stamp(s.opt.Now())}
}

func (s *Server) chatGetPermalink(c call) (map[string]any, error) {
	var out map[string]any
	err := s.store.read(func() error {
		r, err := s.roomL(c.args["channel"])
		if err != nil {
			return err
		}
		m := r.find(c.args["message_ts"])
		if m == nil {
			return refuse("message_not_found")
		}
		link := c.base + "/archives/" + r.ID + "/p" + strings.Replace(m.TS, ".", "", 1)
		if m.ThreadTS != "" {
			link += "?thread_ts=" + m.ThreadTS + "&cid=" + r.ID
		}
		out = map[string]any{"channel": r.ID, "permalink": link}
		return nil
	})
	return out, err
}
