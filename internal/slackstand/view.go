package slackstand

import (
	"slices"
	"time"
)

// What the page shows: of a channel its newest messages, and of the thread that
// is open in the channel its newest replies.
const (
	shownMessages = 200
	shownReplies  = 20
	// groupWithin joins messages of one author under one name, as Slack does.
	groupWithin = 5 * time.Minute
	shades      = 8 // colours of avatars in style.css
)

type pageView struct {
	Team     string
	Channels []channelView
	Channel  *channelView // nil when there is none yet
	Rows     []rowView
	Older    int // messages of the channel that are not shown
	Thread   *threadView
	Notice   string
}

type channelView struct {
	ID, Name, Topic string
	Private         bool
	Current         bool
	Count           int // messages, replies included
}

type rowView struct {
	Day string // set where a new day begins
	Msg messageView
}

type threadView struct {
	TS      string
	Parent  messageView
	Replies []messageView
}

type messageView struct {
	TS, Author, Initial string
	Anchor              string // "" where the message is on the page a second time
	Shade               int
	Own, App            bool // by the bot that nerve is; by any app
	Clock, Full         string
	Joined              bool // goes on under the author above
	Gone                bool
	Only                string // the one person who sees it
	Edited              bool
	Body                []node
	Blocks              []blockView
	Attachments         []attachmentView
	Reactions           []reactionView
	Replies             int
	LastReply           string
	Open                []messageView // replies shown in the channel
	Hidden              int           // replies before those
}

type reactionView struct {
	Glyph, Name, Who string
	Count            int
	Own              bool
	Text             bool // no glyph is known
}

// viewer builds views. It is used under the store's read lock.
type viewer struct {
	s *Server
	n names
}

func (s *Server) viewerL() viewer {
	return viewer{s: s, n: names{
		user: func(id string) string {
			if id == s.opt.BotUserID {
				return s.opt.BotName
			}
			return s.store.users[id].Name
		},
		channel: func(id string) string {
			if r := s.store.rooms[id]; r != nil {
				return r.Name
			}
			return ""
		},
	}}
}

// page is the view of one channel, and of one thread when threadTS names it.
func (s *Server) page(channel, threadTS string) (pageView, bool) {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	out := pageView{Team: s.opt.TeamName}
	v := s.viewerL()
	for _, r := range s.store.sortedL() {
		c := channelView{
			ID: r.ID, Name: r.Name, Topic: r.Topic, Private: r.Private,
			Current: r.ID == channel, Count: len(r.Messages),
		}
		out.Channels = append(out.Channels, c)
		if c.Current {
			out.Channel = &c
		}
	}
	r := s.store.rooms[channel]
	if r == nil {
		return out, channel == "" && len(out.Channels) == 0
	}
	threads := r.threads()
	if parent := r.find(threadTS); parent != nil && parent.ThreadTS == "" {
		out.Thread = v.thread(parent, threads[parent.TS])
	}
	v.rows(&out, r, threads)
	return out, true
}

func (v viewer) thread(parent *message, t *thread) *threadView {
	out := &threadView{TS: parent.TS, Parent: v.message(parent, nil)}
	out.Parent.Anchor = ""
	if t != nil {
		out.Replies = v.series(t.Replies)
	}
	return out
}

func (v viewer) rows(out *pageView, r *room, threads map[string]*thread) {
	var top []*message
	newest := "" // the parent of the newest reply
	newestTS := "0.0"
	for _, m := range r.Messages {
		if m.ThreadTS == "" || m.Broadcast {
			top = append(top, m)
		}
		if m.ThreadTS != "" && compareTS(m.TS, newestTS) > 0 {
			newest, newestTS = m.ThreadTS, m.TS
		}
	}
	top = append(top, v.s.store.whispers[r.ID]...)
	slices.SortStableFunc(top, func(a, b *message) int { return compareTS(a.TS, b.TS) })
	if over := len(top) - shownMessages; over > 0 {
		out.Older, top = over, top[over:]
	}
	day := ""
	var last *message
	for _, m := range top {
		row := rowView{Day: v.day(m.TS)}
		if row.Day == day {
			row.Day = ""
		} else {
			day, last = row.Day, nil
		}
		row.Msg = v.message(m, last)
		last = m
		if t := threads[m.TS]; t != nil && m.ThreadTS == "" {
			v.replies(&row.Msg, t, out.Thread == nil && m.TS == newest)
			last = nil
		}
		out.Rows = append(out.Rows, row)
	}
}

// replies says how many there are, and shows them in the channel when open.
func (v viewer) replies(m *messageView, t *thread, open bool) {
	m.Replies = len(t.Replies)
	m.LastReply = v.clock(t.Replies[len(t.Replies)-1].TS)
	if !open {
		return
	}
	shown := t.Replies
	if over := len(shown) - shownReplies; over > 0 {
		m.Hidden, shown = over, shown[over:]
	}
	m.Open = v.series(shown)
}

// series are replies under each other. One that was broadcast is in the channel
// too, and has its anchor there.
func (v viewer) series(replies []*message) []messageView {
	out := make([]messageView, len(replies))
	var last *message
	for i, m := range replies {
		out[i] = v.message(m, last)
		if m.Broadcast {
			out[i].Anchor = ""
		}
		last = m
	}
	return out
}
