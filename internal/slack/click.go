package slack

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Click is a press on a button of an approval.
type Click struct {
	Approval string // its id
	RunID    string // the run that the button was shown for
	Grant    bool
	UserID   string // who pressed it
	TeamID   string
	Channel  string
	Message  string // ts of the message that has the button
	At       string // ts of the press: another one is another decision
}

// ErrNoClick means that an interaction is nothing that nerve has asked for.
var ErrNoClick = errors.New("slack: not a click on a button of an approval")

// Pressed reports whether what Socket Mode received is a button that was pressed,
// which goes another way than events do.
func Pressed(payload []byte) bool {
	var p struct{ Type string }
	return json.Unmarshal(payload, &p) == nil && p.Type == blockActions
}

// AsForm is a payload as Slack posts it where there is no socket.
func AsForm(payload []byte) []byte {
	return []byte(url.Values{"payload": {string(payload)}}.Encode())
}

const blockActions = "block_actions"

// maxClickPart bounds each part of a click; Slack's own are far shorter.
const maxClickPart = 200

// ParseClick reads the body of an interaction: a form with a payload, or the
// payload itself as Socket Mode has it. It fails with ErrNoClick for any other
// interaction. The caller has proved that Slack sent it.
func ParseClick(body []byte) (Click, error) {
	payload := body
	if trimmed := strings.TrimSpace(string(body)); !strings.HasPrefix(trimmed, "{") {
		form, err := url.ParseQuery(trimmed)
		if err != nil || form.Get("payload") == "" {
			return Click{}, errors.New("slack: an interaction without a payload")
		}
		payload = []byte(form.Get("payload"))
	}
	var p struct {
		Type string `json:"type"`
		User struct {
			ID     string `json:"id"`
			TeamID string `json:"team_id"`
		} `json:"user"`
		Team      struct{ ID string } `json:"team"`
		Channel   struct{ ID string } `json:"channel"`
		Container struct {
			ChannelID string `json:"channel_id"`
			MessageTS string `json:"message_ts"`
		} `json:"container"`
		Actions []struct {
			ActionID string `json:"action_id"`
			BlockID  string `json:"block_id"`
			Value    string `json:"value"`
			ActionTS string `json:"action_ts"`
		} `json:"actions"`
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		return Click{}, errors.New("slack: an interaction that is not JSON") // the error would quote it
	}
	if p.Type != blockActions {
		return Click{}, ErrNoClick
	}
	for _, a := range p.Actions {
		if a.BlockID != approvalBlock || a.ActionID != actionGrant && a.ActionID != actionDeny {
			continue
		}
		id, run, ok := strings.Cut(a.Value, "/")
		c := Click{
			Approval: id, RunID: run, Grant: a.ActionID == actionGrant, UserID: p.User.ID, TeamID: p.Team.ID,
			Channel: cmp.Or(p.Channel.ID, p.Container.ChannelID), Message: p.Container.MessageTS, At: a.ActionTS,
		}
		if !ok || id == "" || run == "" || c.UserID == "" {
			return Click{}, errors.New("slack: a click without an approval or a person")
		}
		for _, part := range []string{c.Approval, c.RunID, c.UserID, c.TeamID, c.Channel, c.Message, c.At} {
			if len(part) > maxClickPart {
				return Click{}, fmt.Errorf("slack: a click with a part of more than %d bytes", maxClickPart)
			}
		}
		return c, nil
	}
	return Click{}, ErrNoClick
}
