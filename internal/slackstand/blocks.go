package slackstand

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Slack's documented limits for Block Kit in a message, in characters or items.
const (
	maxBlocks        = 50
	maxSectionText   = 3000
	maxHeaderText    = 150
	maxFields        = 10
	maxFieldText     = 2000
	maxContextItems  = 10
	maxActions       = 25
	maxButtonText    = 75
	maxButtonURL     = 3000
	maxButtonValue   = 2000
	maxIdentifier    = 255
	maxImageURL      = 3000
	maxAltText       = 2000
	maxMarkdownTotal = 12_000

	// maxMessageBlocks bounds the blocks of a message, as JSON. Slack does not
	// document it; people met it at about 13,200 characters, see slackapi/bolt-js
	// issues 2509 and 2867.
	maxMessageBlocks = 13_200
)

// block is a Block Kit block, or an element of one, as far as the stand-in looks
// at it. Elements stay raw: what they are depends on the block.
type block struct {
	Type      string            `json:"type"`
	BlockID   string            `json:"block_id"`
	ActionID  string            `json:"action_id"`
	Text      json.RawMessage   `json:"text"` // an object, or a string in a text element and a markdown block
	Fields    []json.RawMessage `json:"fields"`
	Accessory *block            `json:"accessory"`
	Elements  []json.RawMessage `json:"elements"`
	URL       string            `json:"url"`
	Value     string            `json:"value"`
	Style     json.RawMessage   `json:"style"` // a string on a button and a list, an object in rich text
	ImageURL  string            `json:"image_url"`
	AltText   string            `json:"alt_text"`
	Title     json.RawMessage   `json:"title"`
	// in rich text
	Name      string `json:"name"`
	UserID    string `json:"user_id"`
	ChannelID string `json:"channel_id"`
	Range     string `json:"range"`
	Fallback  string `json:"fallback"`
	Indent    int    `json:"indent"`
}

// textObject is Slack's mrkdwn or plain_text object.
type textObject struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// otherBlocks are block types that are accepted and not looked into.
var otherBlocks = map[string]bool{
	"file": true, "video": true, "table": true, "call": true,
	"context_actions": true, "input": true, "share_shortcut": true,
}

// checkBlocks returns the blocks of a call, or Slack's refusal of them.
func checkBlocks(raw string) (json.RawMessage, error) {
	if raw == "" {
		return nil, nil
	}
	list, err := decodeBlocks(json.RawMessage(raw))
	if err != nil {
		return nil, refuse("invalid_blocks_format")
	}
	p := &problems{}
	p.blocks("/blocks", list)
	if len(p.list) > 0 {
		return nil, refuse("invalid_blocks", p.list...)
	}
	if long(raw) {
		return nil, refuse("msg_blocks_too_long")
	}
	return json.RawMessage(raw), nil
}

// long reports whether blocks are more than a message holds, however they are
// escaped.
func long(raw string) bool {
	var b bytes.Buffer
	var v any
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if json.Unmarshal([]byte(raw), &v) != nil || e.Encode(v) != nil {
		return false // it was read before
	}
	return utf8.RuneCount(b.Bytes()) > maxMessageBlocks
}

func decodeBlocks(raw json.RawMessage) ([]block, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var list []block
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	return list, nil
}

// checkAttachments returns the attachments of a call, or Slack's refusal.
func checkAttachments(raw string) (json.RawMessage, error) {
	if raw == "" {
		return nil, nil
	}
	var list []struct {
		Blocks []block `json:"blocks"`
	}
	if err := json.Unmarshal([]byte(raw), &list); err != nil {
		return nil, refuse("invalid_attachments")
	}
	if len(list) > maxAttachments {
		return nil, refuse("too_many_attachments")
	}
	p := &problems{}
	for i, a := range list {
		p.blocks(fmt.Sprintf("/attachments/%d/blocks", i), a.Blocks)
	}
	if len(p.list) > 0 {
		return nil, refuse("invalid_attachments", p.list...)
	}
	return json.RawMessage(raw), nil
}
