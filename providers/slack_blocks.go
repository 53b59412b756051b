package providers

import "strings"

// block reads one Block Kit block. Types that are not known are read for their
// text, so that a block Slack adds tomorrow still says something.
func (c *slackContent) block(b object) {
	switch b.text("type") {
	case "header":
		raw := head(textOf(b["text"]), maxLine)
		plain, _ := slackPlain(raw)
		setFirst(&c.header, firstLine(plain))
		c.noteEmoji(raw)
		if plain != "" {
			c.lines = append(c.lines, plain)
		}
	case "divider", "image", "file", "input":
	case "rich_text":
		setFirst(&c.section, titleLine(c.paragraph(richText(b["elements"], 0))))
	case "table":
		c.table(b)
	case "actions":
		c.buttons(b)
	case "context":
		for _, e := range b.objects("elements") {
			c.paragraph(textOf(e["text"]))
		}
	default: // section, markdown, video and the unknown
		setFirst(&c.section, titleLine(c.paragraph(textOf(b["text"]))))
		for _, f := range b.objects("fields") {
			c.sectionField(textOf(f["text"]))
		}
		c.button(b.object("accessory"))
		c.buttons(b)
	}
}

func (c *slackContent) buttons(b object) {
	for i, e := range b.objects("elements") {
		if i < maxSlackNodes {
			c.button(e)
		}
	}
}

// sectionField reads "*Service:*\ncheckout", "*Service*\ncheckout" and
// "*Service:* checkout".
func (c *slackContent) sectionField(raw string) {
	name, value, found := strings.Cut(raw, "\n")
	label := strings.TrimSpace(name)
	bold := strings.HasPrefix(label, "*") && strings.HasSuffix(strings.TrimRight(label, ": "), "*")
	if found && strings.TrimSpace(value) != "" && (bold || strings.HasSuffix(label, ":")) {
		c.field(name, value)
		return
	}
	c.paragraph(raw)
}

func (c *slackContent) table(b object) {
	rows, _ := b["rows"].([]any)
	for i, row := range rows {
		cells, _ := row.([]any)
		var shown []string
		for _, cell := range cells {
			o := asObject(cell)
			text := textOf(o["text"])
			if text == "" {
				text = richText(o["elements"], 0)
			}
			if text = strings.TrimSpace(text); text != "" {
				shown = append(shown, text)
			}
		}
		if len(shown) > 0 && i < maxSlackNodes {
			c.paragraph(strings.Join(shown, " | "))
		}
	}
}

// richText renders the elements of a rich text block as mrkdwn, so that one
// reader serves both.
func richText(v any, depth int) string {
	elements, _ := v.([]any)
	if depth > 8 || len(elements) > 2000 {
		return ""
	}
	var b strings.Builder
	for _, e := range elements {
		o := asObject(e)
		switch kind := o.text("type"); kind {
		case "text":
			b.WriteString(styled(o))
		case "link":
			b.WriteString("<" + o.text("url"))
			if label := o.text("text"); label != "" {
				b.WriteString("|" + label)
			}
			b.WriteString(">")
		case "emoji":
			b.WriteString(" :" + o.text("name") + ": ")
		case "user":
			b.WriteString("<@" + o.text("user_id") + ">")
		case "usergroup":
			b.WriteString("<!subteam^" + o.text("usergroup_id") + ">")
		case "channel":
			b.WriteString("<#" + o.text("channel_id") + ">")
		case "broadcast":
			b.WriteString("<!" + o.text("range") + ">")
		case "date":
			b.WriteString(o.text("fallback"))
		case "rich_text_list":
			for _, item := range o.objects("elements") {
				b.WriteString("• " + richText(item["elements"], depth+1) + "\n")
			}
		default: // sections, quotes, preformatted text
			b.WriteString(richText(o["elements"], depth+1) + "\n")
		}
	}
	return b.String()
}

// styled keeps bold marks, because a bold "Severity:" is how labels are written.
func styled(o object) string {
	text, _ := o["text"].(string)
	trimmed := strings.TrimSpace(text)
	if !o.object("style").flag("bold") || trimmed == "" || strings.Contains(trimmed, "\n") {
		return cleanText(text)
	}
	return strings.Replace(cleanText(text), trimmed, "*"+trimmed+"*", 1)
}
