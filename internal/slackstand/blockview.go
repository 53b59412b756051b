package slackstand

import (
	"encoding/json"
)

// blockView is a Block Kit block, ready to be shown.
type blockView struct {
	Kind      string // section, header, context, divider, actions, image, rich, other
	Name      string // of the type, when it is other
	Text      []node
	Fields    [][]node
	Elements  []elementView
	Accessory *elementView
	// Click is where its buttons lead, and Clickers whom they can be pressed as;
	// empty for buttons that are only shown.
	Click    string
	Clickers []User
}

type elementView struct {
	Kind  string // text, button, image, other
	Text  []node
	Href  string
	Style string // primary, danger
	// Action is the action id of a button that can be pressed.
	Action string
}

func (v viewer) blocks(raw json.RawMessage) []blockView {
	list, err := decodeBlocks(raw)
	if err != nil {
		return nil
	}
	var out []blockView
	for _, b := range list {
		out = append(out, v.block(b))
	}
	return out
}

func (v viewer) block(b block) blockView {
	switch b.Type {
	case "section":
		out := blockView{Kind: "section", Text: v.text(b.Text)}
		for _, f := range b.Fields {
			out.Fields = append(out.Fields, v.text(f))
		}
		if b.Accessory != nil {
			e := v.element(*b.Accessory, nil)
			out.Accessory = &e
		}
		return out
	case "header":
		return blockView{Kind: "header", Text: v.text(b.Text)}
	case "divider":
		return blockView{Kind: "divider"}
	case "context", "actions":
		out := blockView{Kind: b.Type}
		for _, raw := range b.Elements {
			var e block
			if json.Unmarshal(raw, &e) == nil {
				out.Elements = append(out.Elements, v.element(e, raw))
			}
		}
		return out
	case "image":
		e := v.element(b, nil)
		return blockView{Kind: "image", Elements: []elementView{e}}
	case "rich_text":
		return blockView{Kind: "rich", Text: v.rich(b.Elements)}
	case "markdown":
		var text string
		_ = json.Unmarshal(b.Text, &text)
		return blockView{Kind: "section", Text: v.n.plain(text)}
	}
	return blockView{Kind: "other", Name: b.Type}
}

// text renders a text object.
func (v viewer) text(raw json.RawMessage) []node {
	var t textObject
	if len(raw) == 0 || json.Unmarshal(raw, &t) != nil {
		return nil
	}
	if t.Type == "mrkdwn" {
		return v.n.mrkdwn(t.Text)
	}
	return v.n.plain(t.Text)
}

func (v viewer) element(e block, raw json.RawMessage) elementView {
	switch e.Type {
	case "mrkdwn", "plain_text":
		return elementView{Kind: "text", Text: v.text(raw)}
	case "button":
		style := ""
		_ = json.Unmarshal(e.Style, &style)
		if style != "primary" && style != "danger" {
			style = "plain"
		}
		return elementView{Kind: "button", Text: v.text(e.Text), Href: safeURL(e.URL), Style: style, Action: e.ActionID}
	case "image":
		alt := e.AltText
		if alt == "" {
			alt = "image"
		}
		return elementView{Kind: "image", Text: v.n.plain(alt), Href: safeURL(e.ImageURL)}
	}
	return elementView{Kind: "other", Text: []node{{Kind: "text", Text: e.Type}}}
}
