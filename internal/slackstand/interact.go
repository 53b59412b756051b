package slackstand

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// maxWhispers bounds the messages for one person that a channel keeps. Like
// Slack's they are in no history and gone with the server.
const maxWhispers = 20

// ErrNoButton means that a message has no such button.
var ErrNoButton = errors.New("slackstand: there is no such button")

// Click presses a button of a message as a person, and delivers the signed
// interaction to Options.InteractiveURL. Slack never tries a click again: the
// error is ErrRefused when the receiver did not take it.
func (s *Server) Click(ctx context.Context, ts, user, actionID string) (Delivery, error) {
	if s.opt.InteractiveURL == "" {
		return Delivery{}, errors.New("slackstand: there is no URL for interactions")
	}
	if !validID(user) {
		return Delivery{}, fmt.Errorf("slackstand: %q is not a user id", user)
	}
	payload, err := s.interaction(ts, user, actionID)
	if err != nil {
		return Delivery{}, err
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		return Delivery{}, fmt.Errorf("slackstand: encode an interaction: %w", err)
	}
	d := Delivery{EventID: "click"}
	body := []byte(url.Values{"payload": {string(raw)}}.Encode())
	res, err := s.sendTo(ctx, s.opt.InteractiveURL, "application/x-www-form-urlencoded", body, func(http.Header) {})
	if err != nil {
		d.Failure = failureOf(err)
	} else {
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, answerLimit))
		if d.Status = res.StatusCode; d.Status/100 != 2 {
			d.Failure = reasonStatus
		}
	}
	if !d.Taken() {
		s.log.Warn("slackstand: click not taken", "reason", d.Reason())
		return d, fmt.Errorf("%w: %s", ErrRefused, d.Reason())
	}
	return d, nil
}

// interaction is what Slack posts for a button that was pressed.
func (s *Server) interaction(ts, user, actionID string) (map[string]any, error) {
	var payload map[string]any
	err := s.store.read(func() error {
		r, m := s.store.messageL(ts)
		if m == nil {
			return fmt.Errorf("%w: no message %s", ErrNoButton, ts)
		}
		blocks, err := decodeBlocks(m.Blocks)
		if err != nil {
			return err
		}
		button, blockID := pressed(blocks, actionID)
		if button == nil {
			return ErrNoButton
		}
		name := cmp.Or(s.store.users[user].Name, nameOf(user))
		at := stamp(s.opt.Now())
		action := map[string]any{"type": "button", "action_id": actionID, "block_id": blockID, "text": button.Text, "value": button.Value, "action_ts": at}
		if button.Style != nil {
			action["style"] = button.Style
		}
		payload = map[string]any{
			"type": "block_actions", "token": "stand-in", "api_app_id": s.opt.AppID, "trigger_id": rand.Text(),
			"user": map[string]any{"id": user, "username": name, "name": name, "team_id": s.opt.TeamID},
			"team": map[string]any{"id": s.opt.TeamID, "domain": "stand-in"}, "enterprise": nil, "is_enterprise_install": false,
			"channel":   map[string]any{"id": r.ID, "name": r.Name},
			"container": map[string]any{"type": "message", "message_ts": m.TS, "channel_id": r.ID, "is_ephemeral": false},
			"message":   s.wireL(r, m, true), "state": map[string]any{"values": map[string]any{}},
			"actions": []any{action},
		}
		return nil
	})
	return payload, err
}

// pressed finds a button by its action id.
func pressed(blocks []block, actionID string) (button *block, blockID string) {
	for _, b := range blocks {
		elements := b.Elements
		if b.Accessory != nil && b.Accessory.Type == "button" && b.Accessory.ActionID == actionID {
			return b.Accessory, b.BlockID
		}
		if b.Type != "actions" {
			continue
		}
		for _, raw := range elements {
			var e block
			if json.Unmarshal(raw, &e) == nil && e.Type == "button" && e.ActionID == actionID {
				return &e, b.BlockID
			}
		}
	}
	return nil, ""
}

// messageL finds a message by its timestamp, which is unique in the workspace.
func (st *store) messageL(ts string) (*room, *message) {
	for _, r := range st.rooms {
		if m := r.find(ts); m != nil {
			return r, m
		}
	}
	return nil, nil
}

// serveClick presses a button for whoever looks at the page.
func (s *Server) serveClick(w http.ResponseWriter, r *http.Request) {
	ts := r.PathValue("ts")
	var channel string
	_ = s.store.read(func() error {
		if room, m := s.store.messageL(ts); m != nil {
			channel = room.ID
		}
		return nil
	})
	if channel == "" {
		http.NotFound(w, r)
		return
	}
	target := url.URL{Path: "/channel/" + channel}
	_, err := s.Click(r.Context(), ts, cmp.Or(r.PostFormValue("user"), Composer), r.PostFormValue("action"))
	switch {
	case errors.Is(err, ErrRefused):
		target.RawQuery = url.Values{"notice": {"unclicked"}}.Encode()
	case errors.Is(err, ErrNoButton):
		target.RawQuery = url.Values{"notice": {"nobutton"}}.Encode()
	case err != nil:
		s.log.Error("slackstand: click not made", "error", err)
		http.Error(w, "the button was not pressed", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
}

// chatPostEphemeral shows a message to one person, who must be known.
func (s *Server) chatPostEphemeral(c call) (map[string]any, error) {
	var out map[string]any
	err := s.store.write(func() error {
		r, err := s.memberRoomL(c.args["channel"])
		if err != nil {
			return err
		}
		user := c.args["user"]
		if !validID(user) {
			return refuse("user_not_in_channel")
		}
		body, err := readContent(c.args, maxPostText)
		if err != nil {
			return err
		}
		m := &message{
			User: s.opt.BotUserID, BotID: s.opt.BotID, AppID: s.opt.AppID, Text: body.text, TS: s.store.nextTSL(),
			Blocks: body.blocks, Attachments: body.attachments, only: user,
		}
		list := append(s.store.whispers[r.ID], m)
		s.store.whispers[r.ID] = list[max(0, len(list)-maxWhispers):]
		out = map[string]any{"message_ts": m.TS}
		return nil
	})
	return out, err
}

// Whispers are the texts that one person alone was shown in a channel.
func (s *Server) Whispers(channel, user string) []string {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	var all []string
	for _, m := range s.store.whispers[channel] {
		if m.only == user {
			all = append(all, m.Text)
		}
	}
	return all
}

// clickers are whom the page can press a button as.
func (v viewer) clickers() []User {
	known := maps.Clone(v.s.store.users)
	if _, has := known[Composer]; !has {
		known[Composer] = User{ID: Composer, Name: nameOf(Composer)}
	}
	delete(known, v.s.opt.BotUserID)
	delete(known, "USLACKBOT")
	all := slices.Collect(maps.Values(known))
	slices.SortFunc(all, func(a, b User) int {
		switch Composer { // whoever looks comes first
		case a.ID:
			return -1
		case b.ID:
			return 1
		}
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return all
}
