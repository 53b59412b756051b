package slack

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	slackgo "github.com/slack-go/slack"
)

// page gathers the blocks of a message inside Slack's limits.
type page struct {
	blocks []slackgo.Block
	last   []slackgo.Block
	lines  []slackgo.RichTextSectionElement // of the block that is being filled
	chars  int                              // of their text
	spent  int                              // characters of JSON, of everything so far
	full   bool                             // something did not fit
}

// more is said on a page that is full.
const more = "_More was found than one message holds: see the workflow._"

// newPage begins a message, and keeps room for what ends it.
func newPage(last ...slackgo.Block) *page {
	p := &page{last: last, spent: size(contextBlock(more))}
	for _, b := range last {
		p.spent += size(b)
	}
	return p
}

// block adds a block as it is.
func (p *page) block(b slackgo.Block) {
	p.flush()
	p.blocks = append(p.blocks, b)
	p.spent += size(b)
}

// add adds lines that take at most n characters of JSON together. One that does
// not fit is left out, and the page says so.
func (p *page) add(n int, lines ...line) {
	for _, l := range lines {
		cost, chars := size(slackgo.NewRichTextSection(l...)), 1
		for _, e := range l {
			chars += textOf(e)
		}
		if len(l) == 0 {
			continue
		}
		if cost > n || len(p.blocks)+len(p.last) >= maxBlocks {
			p.full = true
			continue
		}
		n -= cost
		p.spent += cost
		if p.chars+chars > maxSection {
			p.flush()
		}
		if len(p.lines) > 0 {
			p.lines = append(p.lines, span("\n", nil)...)
		}
		p.lines = append(p.lines, l...)
		p.chars += chars
	}
}

// gap leaves a line empty before what comes next.
func (p *page) gap() {
	if len(p.lines) > 0 {
		p.lines = append(p.lines, span("\n", nil)...)
	}
}

// rest is how much the message still holds.
func (p *page) rest() int { return maxMessage - p.spent }

// flush ends the block that is being filled.
func (p *page) flush() {
	if len(p.lines) > 0 {
		section := slackgo.NewRichTextSection(merged(p.lines)...)
		p.blocks = append(p.blocks, slackgo.NewRichTextBlock("", section))
	}
	p.lines, p.chars = nil, 0
}

// end closes the message.
func (p *page) end() []slackgo.Block {
	p.flush()
	if p.full {
		p.blocks = append(p.blocks, contextBlock(more))
	}
	return append(p.blocks, p.last...)
}

// merged puts neighbours without a style together.
func merged(elements []slackgo.RichTextSectionElement) []slackgo.RichTextSectionElement {
	var out []slackgo.RichTextSectionElement
	for _, e := range elements {
		text, ok := e.(*slackgo.RichTextSectionTextElement)
		if !ok || text.Style != nil || len(out) == 0 {
			out = append(out, e)
			continue
		}
		before, ok := out[len(out)-1].(*slackgo.RichTextSectionTextElement)
		if !ok || before.Style != nil {
			out = append(out, e)
			continue
		}
		out[len(out)-1] = slackgo.NewRichTextSectionTextElement(before.Text+text.Text, nil)
	}
	return out
}

// textOf is how many characters of text an element has.
func textOf(e slackgo.RichTextSectionElement) int {
	switch e := e.(type) {
	case *slackgo.RichTextSectionTextElement:
		return utf8.RuneCountInString(e.Text)
	case *slackgo.RichTextSectionLinkElement:
		return utf8.RuneCountInString(e.Text) + utf8.RuneCountInString(e.URL)
	}
	return len(dateFallback)
}

// size is how many characters something takes in a request.
func size(v any) int {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return maxMessage
	}
	return utf8.RuneCount(b.Bytes())
}
