package slackstand

import (
	"cmp"
	"hash/fnv"
	"time"
	"unicode"
	"unicode/utf8"
)

func (v viewer) message(m, before *message) messageView {
	out := messageView{
		TS: m.TS, Anchor: "m" + m.TS, Author: v.author(m), Own: m.BotID == v.s.opt.BotID, App: m.BotID != "",
		Clock: v.clock(m.TS), Full: timeOf(m.TS).Format("Monday, 2 January 2006 at 15:04:05 MST"),
		Edited: m.Edited != nil, Gone: m.Subtype == tombstone,
		Attachments: v.attachments(m.Attachments), Reactions: v.reactions(m),
	}
	out.Initial, out.Shade = initial(out.Author), shade(m.author())
	if out.Blocks = v.blocks(m.Blocks); len(out.Blocks) == 0 {
		out.Body = v.n.mrkdwn(m.Text)
	}
	v.clickable(&out, m)
	if out.Only = m.only; out.Only != "" {
		out.Only = cmp.Or(v.n.user(m.only), m.only)
		if m.only == Composer {
			out.Only = "you"
		}
	}
	out.Joined = before != nil && before.author() == m.author() && len(before.Reactions) == 0 &&
		timeOf(m.TS).Sub(timeOf(before.TS)) < groupWithin
	return out
}

// clickable makes the buttons of nerve's own messages ones that can be pressed.
func (v viewer) clickable(out *messageView, m *message) {
	if v.s.opt.InteractiveURL == "" || m.BotID != v.s.opt.BotID || m.only != "" {
		return
	}
	for i := range out.Blocks {
		if out.Blocks[i].Kind == "actions" {
			out.Blocks[i].Click, out.Blocks[i].Clickers = "/click/"+m.TS, v.clickers()
		}
	}
}

func (v viewer) author(m *message) string {
	switch {
	case m.BotID == v.s.opt.BotID && m.Username == "":
		return v.s.opt.BotName
	case m.Username != "":
		return m.Username
	case m.BotID != "":
		return v.s.store.bots[m.BotID].Name
	case m.User == "USLACKBOT":
		return "Slackbot"
	}
	if name := v.n.user(m.User); name != "" {
		return name
	}
	return "unknown"
}

func (v viewer) reactions(m *message) []reactionView {
	out := make([]reactionView, 0, len(m.Reactions))
	for _, r := range m.Reactions {
		view := reactionView{Name: r.Name, Glyph: glyph(r.Name), Count: len(r.Users)}
		view.Text = view.Glyph[0] == ':'
		for i, u := range r.Users {
			if i > 0 {
				view.Who += ", "
			}
			name := v.n.user(u)
			if name == "" {
				name = u
			}
			view.Who += name
			view.Own = view.Own || u == v.s.opt.BotUserID
		}
		out = append(out, view)
	}
	return out
}

func (v viewer) clock(ts string) string { return timeOf(ts).Format("15:04") }

func (v viewer) day(ts string) string {
	t, now := timeOf(ts), v.s.opt.Now().Local()
	switch date := t.Format(time.DateOnly); {
	case date == now.Format(time.DateOnly):
		return "Today"
	case date == now.AddDate(0, 0, -1).Format(time.DateOnly):
		return "Yesterday"
	case t.Year() == now.Year():
		return t.Format("Monday, 2 January")
	}
	return t.Format("Monday, 2 January 2006")
}

func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	if r, _ := utf8.DecodeRuneInString(name); name != "" && unicode.IsGraphic(r) {
		return string(r)
	}
	return "?"
}

func shade(author string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(author))
	return int(h.Sum32() % shades)
}
