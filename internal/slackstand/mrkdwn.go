package slackstand

import (
	"net/url"
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
	for _, line := range strings.Split(text, "\n") {
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

// angle parses <…>: a link, a mention, or a special word.
func (p inline) angle(s string) (node, int) {
	end := strings.IndexByte(s, '>')
	if end < 2 || strings.ContainsRune(s[1:end], '<') {
		return node{}, 0
	}
	target, label, labelled := strings.Cut(s[1:end], "|")
	label = unescape(label)
	length := end + 1
	switch target[:1] {
	case "@":
		return p.mention("@", p.user, target[1:], strings.TrimPrefix(label, "@")), length
	case "#":
		return p.mention("#", p.channel, target[1:], strings.TrimPrefix(label, "#")), length
	case "!":
		return special(target[1:], label), length
	}
	href := unescape(target)
	if safeURL(href) == "" {
		// Not a link: show what was written.
		return node{Kind: "text", Text: "<" + unescape(s[1:end]) + ">"}, length
	}
	if !labelled || label == "" {
		label = strings.TrimPrefix(href, "mailto:")
	}
	return link(href, p.emojis(label)), length
}

func (p inline) mention(sign string, name func(string) string, id, label string) node {
	if n := name(id); n != "" {
		label = n
	}
	if label == "" {
		label = id
	}
	return node{Kind: "mention", Text: sign + label}
}

// special is <!here>, <!subteam^ID|@name>, <!date^…|fallback> and the like.
func special(word, label string) node {
	name, _, _ := strings.Cut(word, "^")
	switch {
	case name == "here" || name == "channel" || name == "everyone":
		return node{Kind: "mention", Text: "@" + name}
	case name == "date":
		return node{Kind: "text", Text: label}
	case label != "":
		return node{Kind: "mention", Text: label}
	default:
		return node{Kind: "mention", Text: "@" + name}
	}
}

// link is a link if its target is safe, else its label.
func link(href string, label []node) node {
	return node{Kind: "link", Href: safeURL(href), Kids: label}
}

// safeURL is the URL if a page may link to it, else "".
func safeURL(raw string) string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return ""
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		if u.Host != "" {
			return u.String()
		}
	case "mailto":
		return u.String()
	}
	return ""
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

var angleMark = regexp.MustCompile(`<(https?://[^|>\s]+)(?:\|([^>]*))?>`)

// plainLinks writes links inside code as their label.
func (n names) plainLinks(code string) string {
	return angleMark.ReplaceAllStringFunc(code, func(m string) string {
		parts := angleMark.FindStringSubmatch(m)
		if parts[2] != "" {
			return parts[2]
		}
		return parts[1]
	})
}

var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// unescape undoes the three entities that Slack uses.
func unescape(s string) string { return entities.Replace(s) }
