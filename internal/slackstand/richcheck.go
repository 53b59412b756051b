package slackstand

import (
	"encoding/json"
	"fmt"
)

// richParts are the elements that a rich_text block is made of.
var richParts = map[string]bool{
	"rich_text_section": true, "rich_text_list": true, "rich_text_preformatted": true, "rich_text_quote": true,
}

// richText is an element of rich text, as far as what it must have goes.
type richText struct {
	Type      string            `json:"type"`
	Elements  []json.RawMessage `json:"elements"`
	Text      *string           `json:"text"`
	URL       string            `json:"url"`
	Name      string            `json:"name"`
	Timestamp json.RawMessage   `json:"timestamp"`
	Format    string            `json:"format"`
}

// rich checks the parts of a rich_text block.
func (p *problems) rich(at string, parts []json.RawMessage) {
	for i, raw := range parts {
		here := fmt.Sprintf("%s/elements/%d", at, i)
		var e richText
		switch {
		case json.Unmarshal(raw, &e) != nil:
			p.add(here, "must be an object")
		case !richParts[e.Type]:
			p.add(here+"/type", "unsupported type: %s", e.Type)
		case e.Type == "rich_text_list":
			p.rich(here, e.Elements)
		default:
			for j, inner := range e.Elements {
				p.richElement(fmt.Sprintf("%s/elements/%d", here, j), inner)
			}
		}
	}
}

// richElement checks a piece of text. Elements that nerve does not write pass.
func (p *problems) richElement(at string, raw json.RawMessage) {
	var e richText
	if json.Unmarshal(raw, &e) != nil {
		p.add(at, "must be an object")
		return
	}
	switch e.Type {
	case "text":
		if e.Text == nil || *e.Text == "" {
			p.add(at+"/text", "must be more than 0 characters")
		}
	case "link":
		p.length(at+"/url", e.URL, maxButtonURL)
	case "emoji":
		p.length(at+"/name", e.Name, maxIdentifier)
	case "date":
		var seconds int64
		if json.Unmarshal(e.Timestamp, &seconds) != nil {
			p.add(at+"/timestamp", "must provide an integer")
		}
		p.length(at+"/format", e.Format, maxIdentifier)
	case "":
		p.add(at, "missing required field: type")
	}
}
