package slackstand

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
)

// event is an Events API callback, ready to be signed.
type event struct {
	id   string
	body []byte
}

// callback wraps an inner event as the Events API does.
func (s *Server) callback(inner map[string]any) event {
	id := "Ev" + rand.Text()[:11]
	outer := map[string]any{
		"token": "stand-in", // Slack's deprecated verification token; nobody may rely on it
		"type":  "event_callback", "team_id": s.opt.TeamID, "context_team_id": s.opt.TeamID,
		"api_app_id": s.opt.AppID, "event_id": id, "event_time": s.opt.Now().Unix(), "event": inner,
		"is_ext_shared_channel": false,
		"authorizations": []map[string]any{{
			"enterprise_id": nil, "team_id": s.opt.TeamID, "user_id": s.opt.BotUserID,
			"is_bot": true, "is_enterprise_install": false,
		}},
	}
	raw, err := json.Marshal(outer)
	if err != nil {
		// Only strings, numbers and already valid JSON are in it.
		panic(fmt.Sprintf("slackstand: encode an event: %v", err))
	}
	return event{id: id, body: raw}
}

func (s *Server) messageEvent(channel string, private bool, m message, parentUser string) map[string]any {
	e := s.wire(&m, false)
	e["channel"], e["event_ts"], e["channel_type"] = channel, m.TS, channelType(private)
	if parentUser != "" {
		e["parent_user_id"] = parentUser
	}
	return e
}

// mentionEvent is the second event that Slack sends for a message that mentions
// the bot.
func mentionEvent(e map[string]any) map[string]any {
	m := maps.Clone(e)
	m["type"] = "app_mention"
	delete(m, "channel_type")
	return m
}

func channelType(private bool) string {
	if private {
		return "group"
	}
	return "channel"
}

// echoMessage delivers the event of a message that the bot itself posted.
func (s *Server) echoMessage(channel string, m message) {
	if s.echoes() {
		s.background(s.callback(s.messageEvent(channel, s.isPrivate(channel), m, "")))
	}
}

func (s *Server) echoEdit(channel string, before, after message) {
	if !s.echoes() {
		return
	}
	s.background(s.callback(map[string]any{
		"type": "message", "subtype": "message_changed", "hidden": true, "channel": channel,
		"channel_type": channelType(s.isPrivate(channel)),
		"ts":           after.Edited.TS, "event_ts": after.Edited.TS,
		"message": s.wire(&after, false), "previous_message": s.wire(&before, false),
	}))
}

func (s *Server) echoReaction(kind, channel, ts, author, user, name string) {
	if !s.echoes() {
		return
	}
	e := map[string]any{
		"type": kind, "user": user, "reaction": name, "event_ts": stamp(s.opt.Now()),
		"item": map[string]any{"type": "message", "channel": channel, "ts": ts},
	}
	if author != "" {
		e["item_user"] = author
	}
	s.background(s.callback(e))
}

func (s *Server) echoes() bool { return s.opt.Echo && s.opt.EventsURL != "" }

func (s *Server) isPrivate(channel string) bool {
	private := false
	_ = s.store.read(func() error {
		if r := s.store.rooms[channel]; r != nil {
			private = r.Private
		}
		return nil
	})
	return private
}

// newUUID is a random identifier of version 4.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by its contract
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
