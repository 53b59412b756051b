package slackstand

import (
	"encoding/json"
	"strings"
)

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
			var code strings.Builder
			for _, n := range v.richInline(e.Elements) {
				code.WriteString(n.flat())
			}
			out = append(out, node{Kind: "pre", Text: code.String()})
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
