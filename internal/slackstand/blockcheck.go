package slackstand

import (
	"encoding/json"
	"fmt"
	"net/url"
	"unicode/utf8"
)

// problems gathers what is wrong, each with a pointer to the place.
type problems struct{ list []string }

func (p *problems) add(at, format string, v ...any) {
	p.list = append(p.list, fmt.Sprintf(format, v...)+" [json-pointer:"+at+"]")
}

func (p *problems) blocks(at string, list []block) {
	if len(list) > maxBlocks {
		p.add(at, "no more than %d items allowed", maxBlocks)
		return
	}
	ids := map[string]bool{}
	for i, b := range list {
		here := fmt.Sprintf("%s/%d", at, i)
		if b.BlockID != "" && ids[b.BlockID] {
			p.add(here+"/block_id", "block_id %q is used twice", b.BlockID)
		}
		ids[b.BlockID] = true
		p.atMost(here+"/block_id", b.BlockID, maxIdentifier)
		p.block(here, b)
	}
}

func (p *problems) block(at string, b block) {
	switch b.Type {
	case "section":
		p.section(at, b)
	case "header":
		if p.text(at+"/text", b.Text, maxHeaderText) != "plain_text" {
			p.add(at+"/text/type", "must be plain_text")
		}
	case "context":
		p.elements(at, b, maxContextItems)
	case "actions":
		p.elements(at, b, maxActions)
	case "image":
		p.image(at, b)
	case "markdown":
		var text string
		if json.Unmarshal(b.Text, &text) != nil {
			p.add(at+"/text", "must provide a string")
			return
		}
		p.length(at+"/text", text, maxMarkdownTotal)
	case "rich_text":
		if len(b.Elements) == 0 {
			p.add(at, "missing required field: elements")
		}
		p.rich(at, b.Elements)
	case "divider":
	case "":
		p.add(at, "missing required field: type")
	default:
		if !otherBlocks[b.Type] {
			p.add(at+"/type", "unsupported type: %s", b.Type)
		}
	}
}

func (p *problems) section(at string, b block) {
	if b.Text == nil && len(b.Fields) == 0 {
		p.add(at, "must define either `text` or `fields`")
	}
	if b.Text != nil {
		p.text(at+"/text", b.Text, maxSectionText)
	}
	if len(b.Fields) > maxFields {
		p.add(at+"/fields", "no more than %d items allowed", maxFields)
	}
	for i, f := range b.Fields {
		p.text(fmt.Sprintf("%s/fields/%d", at, i), f, maxFieldText)
	}
	if b.Accessory != nil {
		p.element(at+"/accessory", *b.Accessory)
	}
}

func (p *problems) elements(at string, b block, limit int) {
	if len(b.Elements) == 0 {
		p.add(at, "missing required field: elements")
	}
	if len(b.Elements) > limit {
		p.add(at+"/elements", "no more than %d items allowed", limit)
	}
	for i, raw := range b.Elements {
		here := fmt.Sprintf("%s/elements/%d", at, i)
		var e block
		if json.Unmarshal(raw, &e) != nil {
			p.add(here, "must be an object")
			continue
		}
		if b.Type == "context" && (e.Type == "mrkdwn" || e.Type == "plain_text") {
			p.text(here, raw, maxSectionText)
			continue
		}
		p.element(here, e)
	}
}

// element checks a button or an image; other elements pass.
func (p *problems) element(at string, e block) {
	switch e.Type {
	case "button":
		if p.text(at+"/text", e.Text, maxButtonText) != "plain_text" {
			p.add(at+"/text/type", "must be plain_text")
		}
		p.atMost(at+"/url", e.URL, maxButtonURL)
		p.atMost(at+"/value", e.Value, maxButtonValue)
		p.atMost(at+"/action_id", e.ActionID, maxIdentifier)
		if u, err := url.Parse(e.URL); e.URL != "" && (err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "") {
			p.add(at+"/url", "must be a valid URL")
		}
	case "image":
		p.image(at, e)
	case "":
		p.add(at, "missing required field: type")
	}
}

func (p *problems) image(at string, e block) {
	p.length(at+"/alt_text", e.AltText, maxAltText)
	p.length(at+"/image_url", e.ImageURL, maxImageURL)
}

// text checks a text object and returns its type.
func (p *problems) text(at string, raw json.RawMessage, limit int) string {
	var t textObject
	switch {
	case len(raw) == 0:
		p.add(at, "missing required field: text")
		return "plain_text" // one complaint is enough
	case json.Unmarshal(raw, &t) != nil:
		p.add(at, "must be an object")
		return "plain_text"
	case t.Type != "mrkdwn" && t.Type != "plain_text":
		p.add(at+"/type", "must be one of mrkdwn, plain_text")
		return "plain_text"
	}
	before := len(p.list)
	p.length(at+"/text", t.Text, limit)
	if len(p.list) > before {
		p.add(at, "failed to match all allowed schemas")
	}
	return t.Type
}

func (p *problems) length(at, text string, limit int) {
	if text == "" {
		p.add(at, "must be more than 0 characters")
	}
	p.atMost(at, text, limit)
}

func (p *problems) atMost(at, text string, limit int) {
	if utf8.RuneCountInString(text) > limit {
		p.add(at, "must be less than %d characters", limit+1)
	}
}
