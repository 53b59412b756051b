package slackstand

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// Page sizes as Slack documents them: conversations.replies gives out more than
// conversations.history where the caller names no limit.
const (
	pageDefault    = 100
	pageMax        = 999
	repliesDefault = 1000
)

func (s *Server) conversationsHistory(c call) (map[string]any, error) {
	var out map[string]any
	err := s.store.read(func() error {
		r, err := s.memberRoomL(c.args["channel"])
		if err != nil {
			return err
		}
		p, err := readPaging(c.args, "next_ts")
		if err != nil {
			return err
		}
		var found []*message
		for _, m := range slices.Backward(r.Messages) { // newest first
			if (m.ThreadTS == "" || m.Broadcast) && p.covers(m.TS) && (p.cursor == "" || compareTS(m.TS, p.cursor) < 0) {
				found = append(found, m)
			}
		}
		out = s.pageL(r, found, p, "next_ts", c.args)
		out["pin_count"] = 0
		return nil
	})
	return out, err
}

func (s *Server) conversationsReplies(c call) (map[string]any, error) {
	var out map[string]any
	err := s.store.read(func() error {
		r, err := s.memberRoomL(c.args["channel"])
		if err != nil {
			return err
		}
		root := r.find(c.args["ts"])
		if root == nil {
			return refuse("thread_not_found")
		}
		p, err := readPaging(c.args, "next_ts")
		if err != nil {
			return err
		}
		if v := c.args["limit"]; v == "" || v == "0" {
			p.limit = repliesDefault
		}
		var found []*message
		for _, m := range r.Messages { // oldest first, the parent before its replies
			inThread := m == root || root.ThreadTS == "" && m.ThreadTS == root.TS
			if inThread && (m == root || p.covers(m.TS)) && (p.cursor == "" || compareTS(m.TS, p.cursor) > 0) {
				found = append(found, m)
			}
		}
		out = s.pageL(r, found, p, "next_ts", c.args)
		return nil
	})
	return out, err
}

// paging is the part of the arguments that cuts a list.
type paging struct {
	limit          int
	cursor         string // the timestamp, or id, of the last item given out
	oldest, latest string
	inclusive      bool
}

func readPaging(a args, kind string) (paging, error) {
	p := paging{limit: pageDefault, inclusive: a.truth("inclusive")}
	if v := a["limit"]; v != "" && v != "0" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return p, refuse("invalid_limit")
		}
		p.limit = min(n, pageMax)
	}
	if v := a["cursor"]; v != "" {
		raw, err := base64.StdEncoding.DecodeString(v)
		last, ok := strings.CutPrefix(string(raw), kind+":")
		if err != nil || !ok || kind == "next_ts" && !validTS(last) {
			return p, refuse("invalid_cursor")
		}
		p.cursor = last
	}
	for name, into := range map[string]*string{"oldest": &p.oldest, "latest": &p.latest} {
		v := a[name]
		if v == "" || v == "0" || v == "now" {
			continue
		}
		if !strings.Contains(v, ".") {
			v += ".000000"
		}
		if !validTS(v) {
			return p, refuse("invalid_ts_" + name)
		}
		*into = v
	}
	return p, nil
}

func (p paging) covers(ts string) bool {
	within := func(c int) bool { return c > 0 || c == 0 && p.inclusive }
	return (p.oldest == "" || within(compareTS(ts, p.oldest))) &&
		(p.latest == "" || within(compareTS(p.latest, ts)))
}

// pageL is one page of messages, with the cursor to the next.
func (s *Server) pageL(r *room, found []*message, p paging, kind string, a args) map[string]any {
	more := len(found) > p.limit
	if more {
		found = found[:p.limit]
	}
	list := make([]map[string]any, len(found))
	for i, m := range found {
		list[i] = s.wireL(r, m, a.truth("include_all_metadata"))
	}
	out := map[string]any{"messages": list, "has_more": more}
	if more {
		out["response_metadata"] = map[string]any{"next_cursor": cursor(kind, found[len(found)-1].TS)}
	}
	return out
}

func cursor(kind, last string) string {
	return base64.StdEncoding.EncodeToString([]byte(kind + ":" + last))
}

func (s *Server) conversationsInfo(c call) (map[string]any, error) {
	var out map[string]any
	err := s.store.read(func() error {
		r, err := s.roomL(c.args["channel"])
		if err != nil {
			return err
		}
		out = map[string]any{"channel": channelWire(r)}
		return nil
	})
	return out, err
}

func (s *Server) conversationsList(c call) (map[string]any, error) {
	p, err := readPaging(c.args, "id")
	if err != nil {
		return nil, err
	}
	types := strings.Split(c.args["types"], ",")
	if c.args["types"] == "" {
		types = []string{"public_channel"}
	}
	var out map[string]any
	err = s.store.read(func() error {
		list := []map[string]any{}
		next := ""
		passed := p.cursor == ""
		for _, r := range s.store.sortedL() {
			kind := "public_channel"
			if r.Private {
				kind = "private_channel"
			}
			hidden := r.Private && r.Outside || r.Archived && c.args.truth("exclude_archived")
			switch {
			case !passed:
				passed = r.ID == p.cursor
			case hidden || !slices.Contains(types, kind):
			case len(list) == p.limit:
				next = cursor("id", list[len(list)-1]["id"].(string))
			default:
				list = append(list, channelWire(r))
			}
			if next != "" {
				break
			}
		}
		out = map[string]any{"channels": list, "response_metadata": map[string]any{"next_cursor": next}}
		return nil
	})
	return out, err
}

func channelWire(r *room) map[string]any {
	return map[string]any{
		"id": r.ID, "name": r.Name, "name_normalized": r.Name, "created": r.Created,
		"is_channel": !r.Private, "is_group": r.Private, "is_im": false, "is_mpim": false,
		"is_private": r.Private, "is_archived": r.Archived, "is_member": !r.Outside,
		"is_general": false, "is_shared": false, "is_ext_shared": false, "is_org_shared": false,
		"topic":   map[string]any{"value": r.Topic, "creator": "", "last_set": 0},
		"purpose": map[string]any{"value": "", "creator": "", "last_set": 0},
	}
}
