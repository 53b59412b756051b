package slackstand

import "slices"

// wireL is a message as the API and the events carry it. Metadata is shown only
// to those who ask for it.
func (s *Server) wireL(r *room, m *message, metadata bool) map[string]any {
	out := s.wire(m, metadata)
	if len(m.Reactions) > 0 {
		list := make([]map[string]any, len(m.Reactions))
		for i, x := range m.Reactions {
			list[i] = map[string]any{"name": x.Name, "users": slices.Clone(x.Users), "count": len(x.Users)}
		}
		out["reactions"] = list
	}
	if m.ThreadTS != "" {
		if parent := r.find(m.ThreadTS); parent != nil && parent.User != "" {
			out["parent_user_id"] = parent.User
		}
		return out
	}
	t := r.threads()[m.TS]
	if t != nil {
		out["thread_ts"] = m.TS
		out["reply_count"] = len(t.Replies)
		out["reply_users"] = t.Users
		out["reply_users_count"] = len(t.Users)
		out["latest_reply"] = t.Replies[len(t.Replies)-1].TS
		out["is_locked"] = false
		out["subscribed"] = false
	}
	return out
}

// wire is the part of a message that does not depend on its channel.
func (s *Server) wire(m *message, metadata bool) map[string]any {
	out := map[string]any{"type": "message", "ts": m.TS, "text": m.Text}
	if m.Subtype != "bot_message" {
		out["team"] = s.opt.TeamID
	}
	for key, v := range map[string]string{
		"subtype": m.Subtype, "user": m.User, "bot_id": m.BotID, "app_id": m.AppID,
		"username": m.Username, "thread_ts": m.ThreadTS, "client_msg_id": m.ClientMsgID,
	} {
		if v != "" {
			out[key] = v
		}
	}
	if m.Blocks != nil && !isEmptyList(m.Blocks) {
		out["blocks"] = m.Blocks
	}
	if m.Attachments != nil && !isEmptyList(m.Attachments) {
		out["attachments"] = m.Attachments
	}
	if metadata && m.Metadata != nil {
		out["metadata"] = m.Metadata
	}
	if m.Edited != nil {
		out["edited"] = map[string]any{"user": m.Edited.User, "ts": m.Edited.TS}
	}
	if m.BotID != "" && m.Subtype != "bot_message" {
		name := m.Username
		if m.BotID == s.opt.BotID {
			name = s.opt.BotName
		}
		out["bot_profile"] = map[string]any{
			"id": m.BotID, "app_id": m.AppID, "name": name, "team_id": s.opt.TeamID, "deleted": false,
		}
	}
	return out
}
