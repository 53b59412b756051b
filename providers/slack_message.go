package providers

import (
	"regexp"
	"strings"

	"github.com/nerve-alerts/nerve/incident"
)

// slackContent is what a message shows, whichever of Slack's three ways its
// sender used: plain text, legacy attachments, Block Kit, or several at once.
type slackContent struct {
	// Candidates for the title, the first of each sort.
	attachmentTitle, header, section, fallback, pretext, attachmentText, text string

	lines  []string // what a reader sees, in order, as plain text
	pairs  []slackPair
	links  []incident.Link
	colour string // danger, warning or good
	green  bool   // a colour that tools use for "resolved", not merely some green
	emoji  string // the first emoji that says how bad it is

	read map[string]markers // titles already taken apart
	size int                // bytes of text read so far

	fromText bool // the title is the beginning of a text
}

// Bounds on one message. Slack allows 50 blocks, 100 attachments and 40,000
// characters of text.
const (
	maxSlackNodes = 400      // attachments, blocks, fields or elements in one list
	maxMessage    = 64 << 10 // bytes of text
)

// readSlackMessage collects the content of a message object.
func readSlackMessage(m object) *slackContent {
	c := &slackContent{}
	raw := head(m.text("text"), maxText)
	for i, b := range m.objects("blocks") {
		if i < maxSlackNodes {
			c.block(b)
		}
	}
	// With blocks, Slack shows text only in notifications.
	shown := len(c.lines) == 0 && c.header == ""
	plain, links := slackPlain(raw)
	c.text = head(titleLine(plain), maxLine)
	c.noteEmoji(raw)
	c.links = append(c.links, links...)
	if shown && raw != "" {
		c.paragraph(raw)
	}
	for i, a := range m.objects("attachments") {
		// What Slack unfurled from a link in the text is not the sender's.
		unfurled := a.text("from_url") != "" && (raw != "" || !shown)
		if i < maxSlackNodes && !unfurled {
			c.attachment(a)
		}
	}
	return c
}

func (c *slackContent) empty() bool {
	return len(c.lines) == 0 && c.title() == ""
}

// title picks the title: what the sender named as one, then what stands first,
// then the summary for notifications, then the text.
func (c *slackContent) title() string {
	fallback := c.fallback
	if c.text != "" && strings.TrimSpace(fallback) == c.attachmentText {
		fallback = "" // Slack made it from the attachment's text: it adds nothing
	}
	candidates := []string{
		c.attachmentTitle, c.header, c.section, fallback,
		meaningful(c.text), c.pretext, c.attachmentText, c.text,
	}
	const firstTextCandidate = 4
	if len(c.lines) > 0 {
		candidates = append(candidates, firstLine(c.lines[0]))
	}
	best := ""
	for i, t := range candidates {
		c.fromText = i >= firstTextCandidate
		if t = trimTitle(strings.TrimSpace(t)); t == "" {
			continue
		}
		if _, stateOnly := parseStatus(t); !stateOnly && c.marks(t).subject != "" {
			return t
		}
		setFirst(&best, t) // "[FIRING]" alone is a title only when nothing else is
	}
	return best
}

// marks takes a line apart, once.
func (c *slackContent) marks(line string) markers {
	m, done := c.read[line]
	if !done {
		m = readMarkers(line)
		if c.read == nil {
			c.read = map[string]markers{}
		}
		c.read[line] = m
	}
	return m
}

// meaningful drops a text that only calls people, such as "<!here>".
func meaningful(text string) string {
	for word := range strings.FieldsSeq(text) {
		if !strings.HasPrefix(word, "@") {
			return text
		}
	}
	return ""
}

var broadcast = regexp.MustCompile(`^(?:@(?:here|channel|everyone)\b[:,]?\s*)+`)

// trimTitle takes off what a title does not need: mentions by id and leading
// emoji.
func trimTitle(t string) string {
	shorter := t
	if strings.IndexByte(t, '@') >= 0 {
		shorter = plainMention.ReplaceAllString(broadcast.ReplaceAllString(t, ""), "")
	}
	shorter = strings.TrimLeftFunc(strings.Join(strings.Fields(shorter), " "), func(r rune) bool { return isEmoji(r) || r == ' ' })
	if shorter != "" {
		t = shorter
	}
	return t
}

// paragraph adds a text as lines, with the labelled values in it.
func (c *slackContent) paragraph(raw string) string {
	raw = head(raw, min(maxText, maxMessage-c.size))
	c.size += len(raw)
	plain, links := slackPlain(raw)
	if plain == "" {
		return ""
	}
	c.noteEmoji(raw)
	c.lines = append(c.lines, plain)
	c.links = append(c.links, links...)
	for line := range strings.SplitSeq(raw, "\n") {
		c.linePairs(line)
	}
	return plain
}

// field adds a labelled value. Both sides may be missing.
func (c *slackContent) field(name, rawValue string) {
	rawValue = head(rawValue, min(maxText, maxMessage-c.size))
	c.size += len(rawValue) + len(name)
	if c.size > maxMessage {
		return
	}
	name, _ = slackPlain(head(name, maxLine))
	value, links := slackPlain(rawValue)
	name = strings.TrimRight(strings.TrimSpace(name), ":： ")
	for i := range links {
		if links[i].Title == "" {
			links[i].Title = name
		}
	}
	if len(links) == 0 {
		links = bareLinks(value, name)
	}
	c.links = append(c.links, links...)
	switch {
	case name == "" && value == "":
	case name == "":
		c.paragraph(rawValue)
	case value == "":
		c.lines = append(c.lines, name)
	default:
		c.lines = append(c.lines, name+": "+value)
		c.pairs = append(c.pairs, slackPair{name, value})
	}
}

func (c *slackContent) attachment(a object) {
	title, titleLinks := slackPlain(head(a.text("title"), maxLine))
	setFirst(&c.attachmentTitle, firstLine(title))
	link := a.text("title_link")
	if link == "" && len(titleLinks) > 0 {
		link = titleLinks[0].URL
	}
	if link != "" {
		c.links = append(c.links, incident.Link{Title: firstLine(title), URL: slackEntities.Replace(link)})
	}
	c.noteColour(a.text("color"))
	c.noteEmoji(head(a.text("title"), maxLine))
	if fallback, _ := slackPlain(head(a.text("fallback"), maxLine)); fallback != "" && !strings.EqualFold(fallback, "[no preview available]") {
		setFirst(&c.fallback, fallbackTitle(fallback))
	}
	setFirst(&c.pretext, titleLine(c.paragraph(a.text("pretext"))))
	if title != "" {
		c.lines = append(c.lines, title)
	}
	setFirst(&c.attachmentText, titleLine(c.paragraph(a.text("text"))))
	for i, f := range a.objects("fields") {
		if i < maxSlackNodes {
			c.field(f.text("title"), f.text("value"))
		}
	}
	for i, b := range a.objects("blocks") {
		if i < maxSlackNodes {
			c.block(b)
		}
	}
	for _, action := range a.objects("actions") {
		c.button(action)
	}
}

// fallbackTitle takes off the address that many senders append to a fallback.
func fallbackTitle(fallback string) string {
	line := firstLine(fallback)
	if !strings.Contains(line, "://") {
		return line
	}
	if before, after, found := strings.Cut(line, " | "); found && strings.HasPrefix(after, "http") {
		line = before
	}
	return strings.TrimSpace(bareURL.ReplaceAllString(line, ""))
}

func (c *slackContent) button(b object) {
	if url := b.text("url", "title_url"); url != "" {
		label, _ := slackPlain(textOf(b["text"]))
		c.links = append(c.links, incident.Link{Title: label, URL: slackEntities.Replace(url)})
	}
}

func (c *slackContent) noteColour(colour string) {
	c.green = c.green || resolvedColours[strings.TrimPrefix(strings.ToLower(colour), "#")]
	found := slackColour(colour)
	if colourRank[found] > colourRank[c.colour] {
		c.colour = found
	}
}

func (c *slackContent) noteEmoji(raw string) {
	if c.emoji == "" {
		c.emoji = alertEmoji(raw)
	}
}

func setFirst(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// textOf reads a text that is a string or a text object.
func textOf(v any) string {
	if o := asObject(v); o != nil {
		return o.text("text")
	}
	return scalar(v)
}
