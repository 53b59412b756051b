package slackstand

import (
	"encoding/json"
	"regexp"
	"strconv"
	"time"
)

// blockView is a Block Kit block, ready to be shown.
type blockView struct {
	Kind      string // section, header, context, divider, actions, image, rich, other
	Name      string // of the type, when it is other
	Text      []node
	Fields    [][]node
	Elements  []elementView
	Accessory *elementView
}

type elementView struct {
	Kind  string // text, button, image, other
	Text  []node
	Href  string
	Style string // primary, danger
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
		return elementView{Kind: "button", Text: v.text(e.Text), Href: safeURL(e.URL), Style: style}
	case "image":
		alt := e.AltText
		if alt == "" {
			alt = "image"
		}
		return elementView{Kind: "image", Text: v.n.plain(alt), Href: safeURL(e.ImageURL)}
	}
	return elementView{Kind: "other", Text: []node{{Kind: "text", Text: e.Type}}}
}

// rich renders the elements of a rich_text block.
func (v viewer) rich(elements []json.RawMessage) []node {
	var out []node
	for _, raw := range elements {
		var e block
		if json.Unmarshal(raw, &e) != nil {
			continue
		}
		style := ""
		_ = json.Unmarshal(e.Style, &style) // an object elsewhere
		switch e.Type {
		case "rich_text_list":
			kind := "ul"
			if style == "ordered" {
				kind = "ol"
			}
			list := node{Kind: kind}
			for _, item := range e.Elements {
				list.Kids = append(list.Kids, node{Kind: "li", Kids: v.rich([]json.RawMessage{item})})
			}
			out = append(out, list)
		case "rich_text_preformatted":
			var code string
			for _, n := range v.richInline(e.Elements) {
				code += n.flat()
			}
			out = append(out, node{Kind: "pre", Text: code})
		case "rich_text_quote":
			out = append(out, node{Kind: "quote", Kids: v.richInline(e.Elements)})
		default:
			out = append(out, node{Kind: "part", Kids: v.richInline(e.Elements)})
		}
	}
	return out
}

// flat is the text of a node without its form.
func (n node) flat() string {
	out := n.Text
	if n.Kind == "br" {
		out = "\n"
	}
	for _, k := range n.Kids {
		out += k.flat()
	}
	return out
}

func (v viewer) richInline(elements []json.RawMessage) []node {
	var out []node
	for _, raw := range elements {
		var e block
		if json.Unmarshal(raw, &e) != nil {
			continue
		}
		var text string
		_ = json.Unmarshal(e.Text, &text)
		p := inline{names: v.n}
		var kids []node
		switch e.Type {
		case "text":
			kids = v.n.plain(text)
		case "link":
			if text == "" {
				text = e.URL
			}
			kids = []node{link(e.URL, v.n.plain(text))}
		case "emoji":
			kids = []node{{Kind: "emoji", Text: glyph(e.Name), Href: e.Name}}
		case "user":
			kids = []node{p.mention("@", v.n.user, e.UserID, "")}
		case "channel":
			kids = []node{p.mention("#", v.n.channel, e.ChannelID, "")}
		case "broadcast":
			kids = []node{{Kind: "mention", Text: "@" + e.Range}}
		default:
			kids = v.n.plain(e.Fallback)
		}
		out = append(out, styled(e.Style, kids)...)
	}
	return out
}

func styled(raw json.RawMessage, kids []node) []node {
	var style struct {
		Bold, Italic, Strike, Code bool
	}
	if len(raw) == 0 || json.Unmarshal(raw, &style) != nil {
		return kids
	}
	for _, x := range []struct {
		on   bool
		kind string
	}{{style.Code, "codes"}, {style.Strike, "s"}, {style.Italic, "i"}, {style.Bold, "b"}} {
		if x.on {
			kids = []node{{Kind: x.kind, Kids: kids}}
		}
	}
	return kids
}

// attachmentView is a legacy attachment.
type attachmentView struct {
	Color              string // #rrggbb
	Pretext            []node
	Author, AuthorHref string
	Title              []node
	TitleHref          string
	Text               []node
	Fields             []fieldView
	Blocks             []blockView
	Actions            []elementView
	ImageHref          string
	Footer, Clock      string
}

type fieldView struct {
	Title string
	Value []node
	Short bool
}

type attachment struct {
	Color      string          `json:"color"`
	Pretext    string          `json:"pretext"`
	Fallback   string          `json:"fallback"`
	AuthorName string          `json:"author_name"`
	AuthorLink string          `json:"author_link"`
	Title      string          `json:"title"`
	TitleLink  string          `json:"title_link"`
	Text       string          `json:"text"`
	ImageURL   string          `json:"image_url"`
	Footer     string          `json:"footer"`
	TS         json.RawMessage `json:"ts"` // a number, or a number in a string
	Blocks     json.RawMessage `json:"blocks"`
	Fields     []struct {
		Title string          `json:"title"`
		Value json.RawMessage `json:"value"` // a string, though some senders write numbers
		Short bool            `json:"short"`
	} `json:"fields"`
	Actions []struct {
		Text  string `json:"text"`
		URL   string `json:"url"`
		Style string `json:"style"`
	} `json:"actions"`
}

func (v viewer) attachments(raw json.RawMessage) []attachmentView {
	var each []json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &each) != nil {
		return nil
	}
	var out []attachmentView
	for _, one := range each {
		var a attachment
		// A field of a wrong type spoils itself, not the attachment.
		_ = json.Unmarshal(one, &a)
		out = append(out, v.attachment(a))
	}
	return out
}

func (v viewer) attachment(a attachment) attachmentView {
	out := attachmentView{
		Color: colour(a.Color), Pretext: v.n.mrkdwn(a.Pretext), Author: unescape(a.AuthorName),
		AuthorHref: safeURL(a.AuthorLink), Title: v.n.mrkdwn(a.Title), TitleHref: safeURL(a.TitleLink),
		Text: v.n.mrkdwn(a.Text), Blocks: v.blocks(a.Blocks), ImageHref: safeURL(a.ImageURL),
		Footer: unescape(a.Footer), Clock: attachmentClock(a.TS),
	}
	for _, f := range a.Fields {
		value := ""
		if json.Unmarshal(f.Value, &value) != nil {
			value = string(f.Value)
		}
		out.Fields = append(out.Fields, fieldView{Title: unescape(f.Title), Value: v.n.mrkdwn(value), Short: f.Short})
	}
	for _, x := range a.Actions {
		style := "plain"
		if x.Style == "primary" || x.Style == "danger" {
			style = x.Style
		}
		out.Actions = append(out.Actions, elementView{Kind: "button", Text: v.n.plain(x.Text), Href: safeURL(x.URL), Style: style})
	}
	if out.empty() {
		out.Text = v.n.mrkdwn(a.Fallback)
	}
	return out
}

func (a attachmentView) empty() bool {
	return a.Pretext == nil && a.Title == nil && a.Text == nil && a.Fields == nil && a.Blocks == nil && a.ImageHref == ""
}

func attachmentClock(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = string(raw)
	}
	secs, err := strconv.ParseFloat(s, 64)
	if err != nil || secs < 1e8 || secs > 1e11 {
		return ""
	}
	return time.Unix(int64(secs), 0).Format("2 Jan 2006 15:04")
}

var hexColour = regexp.MustCompile(`^#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})$`)

// colour is the bar of an attachment: one of Slack's three names, or hex digits.
func colour(c string) string {
	switch c {
	case "good":
		return "#2eb886"
	case "warning":
		return "#daa038"
	case "danger":
		return "#a30200"
	}
	if m := hexColour.FindStringSubmatch(c); m != nil {
		return "#" + m[1]
	}
	return "#c8c8cc"
}
