package slackstand

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// node is a piece of rendered text. The template turns it into HTML, so that
// every character passes through html/template's escaping.
type node struct {
	Kind string // text, b, i, s, code, pre, quote, br, link, mention, emoji
	Text string
	Href string
	Kids []node
}

// names resolves the identifiers of mentions.
type names struct {
	user, channel func(id string) string
}

// maxNesting bounds bold in italic in bold …
const maxNesting = 6

// mrkdwn parses Slack's markup.
func (n names) mrkdwn(text string) []node {
	var out []node
	for {
		open := strings.Index(text, "```")
		if open < 0 {
			break
		}
		end := strings.Index(text[open+3:], "```")
		if end < 0 {
			break
		}
		out = append(out, n.lines(strings.TrimSuffix(text[:open], "\n"))...)
		code := strings.Trim(text[open+3:open+3+end], "\n")
		out = append(out, node{Kind: "pre", Text: unescape(n.plainLinks(code))})
		text = strings.TrimPrefix(text[open+3+end+3:], "\n")
	}
	return append(out, n.lines(text)...)
}

// plain renders a plain_text object: no markup, only emoji.
func (n names) plain(text string) []node {
	p := inline{names: n, depth: maxNesting}
	var out []node
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			out = append(out, node{Kind: "br"})
		}
		out = append(out, p.emojis(line)...)
	}
	return out
}

// lines gathers quoted lines and breaks the others.
func (n names) lines(text string) []node {
	if text == "" {
		return nil
	}
	var out []node
	var quote []node
	flush := func() {
		if quote != nil {
			out = append(out, node{Kind: "quote", Kids: quote})
			quote = nil
		}
	}
	fresh := true // nothing on this line yet
	for line := range strings.SplitSeq(text, "\n") {
		if rest, ok := cutQuote(line); ok {
			if quote != nil {
				quote = append(quote, node{Kind: "br"})
			}
			quote = append(quote, inline{names: n}.parse(rest)...)
			if quote == nil {
				quote = []node{}
			}
			fresh = true
			continue
		}
		flush()
		if !fresh {
			out = append(out, node{Kind: "br"})
		}
		out = append(out, inline{names: n}.parse(line)...)
		fresh = false
	}
	flush()
	return out
}

func cutQuote(line string) (string, bool) {
	for _, mark := range []string{"&gt;", ">"} {
		if rest, ok := strings.CutPrefix(line, mark); ok {
			return strings.TrimPrefix(rest, " "), true
		}
	}
	return line, false
}

// inline parses the markup inside one line.
type inline struct {
	names
	depth int
}

var (
	emojiMark = regexp.MustCompile(`:[a-z0-9_+'-]{1,100}:(?::skin-tone-[2-6]:)?`)
	bareURL   = regexp.MustCompile(`^https?://[^\s<>|"]+`)
	spans     = map[byte]string{'*': "b", '_': "i", '~': "s", '`': "code"}
)

func (p inline) parse(line string) []node {
	var out []node
	start := 0
	hopeless := [256]bool{} // no closing mark in the rest of the line
	flush := func(to int) {
		if to > start {
			out = append(out, p.emojis(unescape(line[start:to]))...)
		}
	}
	for i := 0; i < len(line); {
		c := line[i]
		var n node
		length := 0
		switch {
		case c == '<':
			n, length = p.angle(line[i:])
		case spans[c] != "" && !hopeless[c] && p.depth < maxNesting && opens(line, i):
			end := closing(line, i)
			if end < 0 {
				hopeless[c] = true
				break
			}
			length = end + 1 - i
			n = p.span(c, line[i+1:end])
		case c == 'h' && boundary(line, i):
			if u := strings.TrimRight(bareURL.FindString(line[i:]), ".,;:!?)]'*_~`"); u != "" {
				length = len(u)
				n = link(unescape(u), []node{{Kind: "text", Text: unescape(u)}})
			}
		}
		if length == 0 {
			i++
			continue
		}
		flush(i)
		out = append(out, n)
		i += length
		start = i
	}
	flush(len(line))
	return out
}

func (p inline) span(mark byte, inner string) node {
	if mark == '`' {
		return node{Kind: "code", Text: unescape(p.plainLinks(inner))}
	}
	return node{Kind: spans[mark], Kids: inline{names: p.names, depth: p.depth + 1}.parse(inner)}
}

// boundary says that a word does not go on from before i.
func boundary(line string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(line[:i])
	return i == 0 || !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

func opens(line string, i int) bool {
	if i+1 >= len(line) || !boundary(line, i) || i > 0 && line[i-1] == line[i] {
		return false
	}
	next, _ := utf8.DecodeRuneInString(line[i+1:])
	return !unicode.IsSpace(next) && line[i+1] != line[i]
}

// closing finds the mark that ends the span which opens at i.
func closing(line string, i int) int {
	mark := line[i]
	for j := i + 2; j < len(line); j++ {
		if line[j] != mark {
			continue
		}
		before, _ := utf8.DecodeLastRuneInString(line[:j])
		after, _ := utf8.DecodeRuneInString(line[j+1:])
		end := j+1 == len(line) || !unicode.IsLetter(after) && !unicode.IsDigit(after)
		if end && (mark == '`' || !unicode.IsSpace(before)) {
			return j
		}
	}
	return -1
}

// emojis splits plain text at emoji names that have a glyph.
func (p inline) emojis(text string) []node {
	var out []node
	start := 0
	for _, at := range emojiMark.FindAllStringIndex(text, -1) {
		name := strings.Trim(text[at[0]:at[1]], ":")
		g := glyph(name)
		if strings.HasPrefix(g, ":") {
			continue
		}
		if at[0] > start {
			out = append(out, node{Kind: "text", Text: text[start:at[0]]})
		}
		out = append(out, node{Kind: "emoji", Text: g, Href: name})
		start = at[1]
	}
	if start < len(text) {
		out = append(out, node{Kind: "text", Text: text[start:]})
	}
	return out
}

var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// unescape undoes the three entities that Slack uses.
func unescape(s string) string { return entities.Replace(s) }
