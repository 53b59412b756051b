package slackstand

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// Channel is a conversation. The bot is a member unless Outside is set.
type Channel struct {
	ID       string `json:"id"`
	Name     string `json:"name,omitempty"` // without "#"; "" is derived from the id
	Topic    string `json:"topic,omitempty"`
	Private  bool   `json:"private,omitempty"`
	Archived bool   `json:"archived,omitempty"`
	Outside  bool   `json:"outside,omitempty"` // the bot is not a member: not_in_channel, or channel_not_found when private
}

// User is a person in the workspace.
type User struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"` // "" is derived from the id
}

// Bot is the author of a message that another app posts. With a UserID the
// event has the shape of a current app (user, bot_id, bot_profile); without one
// that of an incoming webhook (subtype bot_message, username).
type Bot struct {
	ID     string `json:"id,omitempty"` // "" is derived from the name
	Name   string `json:"name"`
	AppID  string `json:"app_id,omitempty"`
	UserID string `json:"user_id,omitempty"`
}

// message is what is stored. Blocks, attachments and metadata keep the bytes
// that the caller sent.
type message struct {
	Subtype     string          `json:"subtype,omitempty"`
	User        string          `json:"user,omitempty"`
	BotID       string          `json:"bot_id,omitempty"`
	AppID       string          `json:"app_id,omitempty"`
	Username    string          `json:"username,omitempty"`
	Text        string          `json:"text"`
	TS          string          `json:"ts"`
	ThreadTS    string          `json:"thread_ts,omitempty"` // set on replies only
	ClientMsgID string          `json:"client_msg_id,omitempty"`
	Broadcast   bool            `json:"broadcast,omitempty"`
	Blocks      json.RawMessage `json:"blocks,omitempty"`
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	Edited      *edited         `json:"edited,omitempty"`
	Reactions   []reaction      `json:"reactions,omitempty"`

	only string // the one person who sees it; never stored
}

type edited struct {
	User string `json:"user"`
	TS   string `json:"ts"`
}

type reaction struct {
	Name  string   `json:"name"`
	Users []string `json:"users"`
}

var (
	idPattern = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,31}$`)
	tsPattern = regexp.MustCompile(`^[0-9]{1,12}\.[0-9]{1,6}$`)
)

func validID(id string) bool { return idPattern.MatchString(id) }
func validTS(ts string) bool { return tsPattern.MatchString(ts) }

// compareTS orders two timestamps by time. Both are valid.
func compareTS(a, b string) int {
	as, af, _ := strings.Cut(a, ".")
	bs, bf, _ := strings.Cut(b, ".")
	as, bs = strings.TrimLeft(as, "0"), strings.TrimLeft(bs, "0")
	if len(as) != len(bs) {
		return len(as) - len(bs)
	}
	if c := strings.Compare(as, bs); c != 0 {
		return c
	}
	return strings.Compare((af + "000000")[:6], (bf + "000000")[:6])
}

// timeOf is the moment that a timestamp names, to the second.
func timeOf(ts string) time.Time {
	sec, _, _ := strings.Cut(ts, ".")
	var n int64
	for _, r := range sec {
		n = n*10 + int64(r-'0')
	}
	return time.Unix(n, 0)
}

// nameOf derives a readable name from an identifier: C0ALERTS01 gives "alerts".
func nameOf(id string) string {
	name := strings.ToLower(strings.Trim(id[1:], "0123456789_"))
	if len(name) < 2 {
		return strings.ToLower(id)
	}
	return name
}

// botIDOf derives a stable identifier from a bot's name.
func botIDOf(name string) string {
	var b strings.Builder
	b.WriteString("B0")
	for _, r := range strings.ToUpper(name) {
		if (r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') && b.Len() < 12 {
			b.WriteRune(r)
		}
	}
	return b.String()
}
