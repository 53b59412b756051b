package slackstand

import (
	"regexp"
	"slices"
	"strings"
)

// Slack's limits for reactions on one message.
const (
	maxReactionsOfOne = 23
	maxEmoji          = 50
)

// emojiShape is what a name looks like, which is all that is known of the custom
// emoji in what is imported.
var emojiShape = regexp.MustCompile(`^[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?$`)

var emojiTone = regexp.MustCompile(`^skin-tone-[2-6]$`)

// emojiName reports whether Slack knows an emoji by a name. It does not look at
// whether the emoji has a skin.
func emojiName(name string) bool {
	base, tone, toned := strings.Cut(name, "::")
	_, known := emoji()[base]
	return known && (!toned || emojiTone.MatchString(tone))
}

func (s *Server) reactionsAdd(c call) (map[string]any, error) {
	return s.react(c, s.opt.BotUserID, func(m *message, name string) error {
		return m.addReaction(name, s.opt.BotUserID)
	}, "reaction_added")
}

func (s *Server) reactionsRemove(c call) (map[string]any, error) {
	return s.react(c, s.opt.BotUserID, func(m *message, name string) error {
		return m.removeReaction(name, s.opt.BotUserID)
	}, "reaction_removed")
}

func (s *Server) react(c call, user string, change func(*message, string) error, event string) (map[string]any, error) {
	name := c.args["name"]
	var channel, author, ts string
	err := s.store.write(func() error {
		if !emojiName(name) {
			return refuse("invalid_name")
		}
		r, m, err := s.itemL(c.args)
		if err != nil {
			return err
		}
		if r.Archived {
			return refuse("is_archived")
		}
		channel, author, ts = r.ID, m.User, m.TS
		if err := change(m, name); err != nil {
			return err
		}
		s.store.noteMessageL(r, m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.echoReaction(event, channel, ts, author, user, name)
	return map[string]any{}, nil
}

// itemL is the message that a reaction is about.
func (s *Server) itemL(a args) (*room, *message, error) {
	ts := a["timestamp"]
	if a["channel"] == "" || ts == "" {
		return nil, nil, refuse("no_item_specified")
	}
	if !validTS(ts) {
		return nil, nil, refuse("bad_timestamp")
	}
	r, err := s.memberRoomL(a["channel"])
	if err != nil {
		return nil, nil, err
	}
	m := r.find(ts)
	if m == nil {
		return nil, nil, refuse("message_not_found")
	}
	return r, m, nil
}

func (s *Server) reactionsGet(c call) (map[string]any, error) {
	var out map[string]any
	err := s.store.read(func() error {
		r, m, err := s.itemL(c.args)
		if err != nil {
			return err
		}
		out = map[string]any{"type": "message", "channel": r.ID, "message": s.wireL(r, m, false)}
		return nil
	})
	return out, err
}

func (m *message) addReaction(name, user string) error {
	own := 0
	at := -1
	for i, r := range m.Reactions {
		if slices.Contains(r.Users, user) {
			own++
		}
		if r.Name == name {
			at = i
		}
	}
	switch {
	case at >= 0 && slices.Contains(m.Reactions[at].Users, user):
		return refuse("already_reacted")
	case own >= maxReactionsOfOne:
		return refuse("too_many_reactions")
	case at < 0 && len(m.Reactions) >= maxEmoji:
		return refuse("too_many_emoji")
	case at < 0:
		m.Reactions = append(m.Reactions, reaction{Name: name, Users: []string{user}})
	default:
		m.Reactions[at].Users = append(m.Reactions[at].Users, user)
	}
	return nil
}

func (m *message) removeReaction(name, user string) error {
	for i, r := range m.Reactions {
		at := slices.Index(r.Users, user)
		if r.Name != name || at < 0 {
			continue
		}
		if len(r.Users) == 1 {
			m.Reactions = slices.Delete(m.Reactions, i, i+1)
		} else {
			m.Reactions[i].Users = slices.Delete(r.Users, at, at+1)
		}
		return nil
	}
	return refuse("no_reaction")
}
