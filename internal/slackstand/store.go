package slackstand

import (
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"
)

// channelCap bounds the messages kept of one channel; the oldest go first.
const channelCap = 10_000

// room is a channel and its messages, replies included, in order of time.
type room struct {
	Channel
	Created  int64      `json:"created"`
	Messages []*message `json:"messages"`
}

// store holds the workspace. Every exported step locks by itself; what has an
// "L" at the end of its name expects the lock.
type store struct {
	mu       sync.RWMutex
	opt      Options
	rooms    map[string]*room
	users    map[string]User
	bots     map[string]Bot
	whispers map[string][]*message // by channel: what one person alone sees
	lastTS   int64                 // microseconds of the newest timestamp handed out
	seq      int64                 // of the newest change
	noted    []change              // by the step that holds the lock
	journal  *journal              // nil keeps all in memory
	onChange func()                // after each change, without the lock
}

func newStore(opt Options) *store {
	st := &store{
		opt: opt, rooms: map[string]*room{}, users: map[string]User{}, bots: map[string]Bot{}, whispers: map[string][]*message{},
		onChange: func() {},
	}
	st.addOwnBotL()
	return st
}

func (st *store) addOwnBotL() {
	st.bots[st.opt.BotID] = Bot{
		ID: st.opt.BotID, Name: st.opt.BotName, AppID: st.opt.AppID, UserID: st.opt.BotUserID,
	}
}

// write runs f under the lock, brings what it noted into the journal, and
// announces the change when f made one. A change that cannot be kept is an
// error, although it has happened: like Slack, the stand-in can fail after the
// work.
func (st *store) write(f func() error) error {
	changed, err := st.locked(f)
	if changed {
		st.onChange()
	}
	return err
}

func (st *store) locked(f func() error) (changed bool, _ error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.noted = st.noted[:0]
	if err := f(); err != nil {
		return false, err
	}
	if st.journal == nil || len(st.noted) == 0 {
		return true, nil
	}
	return true, st.journal.add(st.noted)
}

// noteL says what a step changed. What it points at is read before the lock is
// given up.
func (st *store) noteL(c change) {
	st.seq++
	c.Seq, c.LastTS = st.seq, st.lastTS
	st.noted = append(st.noted, c)
}

// noteMessageL says that a message is new or changed.
func (st *store) noteMessageL(r *room, m *message) { st.noteL(change{Room: r.ID, Message: m}) }

// read runs f under the read lock.
func (st *store) read(f func() error) error {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return f()
}

// nextTSL hands out a timestamp that no message has: Slack's are unique in a
// channel, these are unique in the workspace.
func (st *store) nextTSL() string {
	now := st.opt.Now().UnixMicro()
	if now <= st.lastTS {
		now = st.lastTS + 1
	}
	st.lastTS = now
	return fmt.Sprintf("%d.%06d", now/1e6, now%1e6)
}

func (st *store) putChannel(c Channel) error {
	return st.write(func() error {
		if c.Name == "" {
			c.Name = nameOf(c.ID)
		}
		st.roomL(c.ID).Channel = c
		st.noteL(change{Channel: &c})
		return nil
	})
}

func (st *store) putUser(u User) error {
	return st.write(func() error {
		if u.Name == "" {
			u.Name = nameOf(u.ID)
		}
		st.putUserL(u)
		return nil
	})
}

func (st *store) putUserL(u User) {
	st.users[u.ID] = u
	st.noteL(change{User: &u})
}

// roomL is the channel of that id, made on demand.
func (st *store) roomL(id string) *room {
	r := st.rooms[id]
	if r == nil {
		r = &room{Channel: Channel{ID: id, Name: nameOf(id)}, Created: st.opt.Now().Unix()}
		st.rooms[id] = r
	}
	return r
}

// sawL makes the author of a message known, so that the page can name them.
func (st *store) sawL(m *message) {
	if m.BotID != "" {
		if _, ok := st.bots[m.BotID]; !ok && validID(m.BotID) {
			name := m.Username
			if name == "" {
				name = nameOf(m.BotID)
			}
			b := Bot{ID: m.BotID, Name: name, AppID: m.AppID, UserID: m.User}
			st.bots[b.ID] = b
			st.noteL(change{Bot: &b})
		}
		return
	}
	if _, ok := st.users[m.User]; !ok && validID(m.User) {
		st.putUserL(User{ID: m.User, Name: nameOf(m.User)})
	}
}

// sortedL are the channels by name.
func (st *store) sortedL() []*room {
	rooms := make([]*room, 0, len(st.rooms))
	for _, r := range st.rooms {
		rooms = append(rooms, r)
	}
	sort.Slice(rooms, func(i, j int) bool {
		if rooms[i].Name != rooms[j].Name {
			return rooms[i].Name < rooms[j].Name
		}
		return rooms[i].ID < rooms[j].ID
	})
	return rooms
}

func (r *room) find(ts string) *message {
	if !validTS(ts) {
		return nil
	}
	i, ok := r.search(ts)
	if !ok {
		return nil
	}
	return r.Messages[i]
}

func (r *room) search(ts string) (int, bool) {
	return slices.BinarySearchFunc(r.Messages, ts, func(m *message, ts string) int { return compareTS(m.TS, ts) })
}

// add stores a message at its place in time. It must not be known yet.
func (r *room) add(m *message) {
	i, _ := r.search(m.TS)
	r.Messages = slices.Insert(r.Messages, i, m)
	if over := len(r.Messages) - channelCap; over > 0 {
		r.Messages = slices.Delete(r.Messages, 0, over)
	}
}

func (r *room) remove(ts string) {
	if i, ok := r.search(ts); ok {
		r.Messages = slices.Delete(r.Messages, i, i+1)
	}
}

// thread is what a page or an answer says about the replies to a message.
type thread struct {
	Replies []*message
	Users   []string
}

// threads are the replies of every thread of the channel, by parent.
func (r *room) threads() map[string]*thread {
	all := map[string]*thread{}
	for _, m := range r.Messages {
		if m.ThreadTS == "" {
			continue
		}
		t := all[m.ThreadTS]
		if t == nil {
			t = &thread{}
			all[m.ThreadTS] = t
		}
		t.Replies = append(t.Replies, m)
		if who := m.author(); !slices.Contains(t.Users, who) {
			t.Users = append(t.Users, who)
		}
	}
	return all
}

func (m *message) author() string {
	if m.User != "" {
		return m.User
	}
	return m.BotID
}

// stamp is a moment as Slack writes one.
func stamp(t time.Time) string {
	us := t.UnixMicro()
	return fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
}
