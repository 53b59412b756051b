package providers

import (
	"iter"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nerve-alerts/nerve/incident"
)

// slackToken is how the inside of what Slack wraps in angle brackets begins:
// links, mentions, dates. Anything else between < and > was typed by a person.
var slackToken = regexp.MustCompile(`^(?:https?://|mailto:|tel:|[a-z]{2,12}://|[@#!])`)

var slackEntities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&quot;", `"`, "&#39;", "'")

// slackPlain renders Slack's mrkdwn as plain text, line breaks kept, and
// returns the links in it.
func slackPlain(text string) (string, []incident.Link) {
	if strings.IndexByte(text, '<') < 0 {
		return plainStyle(text), nil
	}
	var (
		links []incident.Link
		b     strings.Builder
	)
	for {
		open := strings.IndexByte(text, '<')
		if open < 0 {
			break
		}
		b.WriteString(text[:open])
		text = text[open:]
		length := strings.IndexAny(text[1:], "<>\n") + 1
		if length == 0 || text[length] != '>' || !slackToken.MatchString(text[1:length]) {
			b.WriteByte('<')
			text = text[1:]
			continue
		}
		shown, url := slackTokenText(text[1:length])
		b.WriteString(shown)
		text = text[length+1:]
		if url == "" {
			continue
		}
		title := shown
		if title == url {
			title = ""
		}
		links = append(links, incident.Link{Title: plainStyle(title), URL: url})
	}
	b.WriteString(text)
	return plainStyle(b.String()), links
}

// slackTokenText returns what a reader sees of a token, and its address.
func slackTokenText(token string) (shown, url string) {
	target, label, _ := strings.Cut(token, "|")
	label = strings.TrimSpace(label)
	switch {
	case strings.HasPrefix(token, "@"), strings.HasPrefix(token, "#"):
		if label == "" {
			return target, ""
		}
		return token[:1] + strings.TrimLeft(label, "@#"), ""
	case strings.HasPrefix(token, "!"):
		if label != "" {
			return label, ""
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(target, "!"), "^")
		return "@" + name, ""
	}
	target = slackEntities.Replace(target)
	if !strings.HasPrefix(target, "http") {
		url = ""
		target = strings.TrimPrefix(strings.TrimPrefix(target, "mailto:"), "tel:")
	} else {
		url = target
	}
	if label == "" {
		label = target
	}
	return label, url
}

// plainStyle removes emphasis, code marks and emoji names, and unescapes.
func plainStyle(text string) string {
	text = strings.ReplaceAll(text, "```", "\n")
	text = strings.ReplaceAll(text, "`", "")
	for _, mark := range []byte("**_~") {
		text = stripPaired(text, mark)
	}
	text = stripEmoji(text)
	text = slackEntities.Replace(text)
	lines := strings.Split(text, "\n")
	kept := lines[:0]
	for _, l := range lines {
		if l = strings.TrimRightFunc(l, unicode.IsSpace); l != "" || len(kept) > 0 && kept[len(kept)-1] != "" {
			kept = append(kept, l)
		}
	}
	return strings.TrimSpace(strings.Join(kept, "\n"))
}

func stripEmoji(text string) string {
	if strings.IndexByte(text, ':') < 0 {
		return text
	}
	var b strings.Builder
	last := 0
	for start, end := range emojiNames(text) {
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if start > 0 && wordRune(before) || end < len(text) && wordRune(after) {
			continue
		}
		b.WriteString(text[last:start])
		last = end
	}
	if last == 0 {
		return text
	}
	b.WriteString(text[last:])
	return b.String()
}

// emojiNames yields where a text has emoji by name, ":fire:" or
// ":wave::skin-tone-2:": from the first colon to behind the last.
func emojiNames(text string) iter.Seq2[int, int] {
	return func(yield func(start, end int) bool) {
		for at := 0; ; {
			colon := strings.IndexByte(text[at:], ':')
			if colon < 0 {
				return
			}
			start := at + colon
			length := emojiLength(text[start:])
			if length > 0 && !yield(start, start+length) {
				return
			}
			at = start + max(length, 1)
		}
	}
}

var skinTone = regexp.MustCompile(`^:skin-tone-[0-9]:`)

// emojiLength is how long the emoji is that a text begins with, or 0. Times such
// as 10:30:45 are none, because a name has a letter or a plus.
func emojiLength(text string) int {
	end, named := 1, false
	for ; end < len(text) && emojiByte(text[end]); end++ {
		named = named || text[end] == '+' || text[end] >= 'a'
	}
	if !named || end == len(text) || text[end] != ':' {
		return 0
	}
	end++
	return end + len(skinTone.FindString(text[end:]))
}

func emojiByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '+' || c == '\'' || c == '-'
}

// stripPaired removes a mark where it opens and closes a span on one line, as
// Slack reads it: snake_case and 2*3*4 keep theirs.
func stripPaired(text string, mark byte) string {
	if strings.IndexByte(text, mark) < 0 {
		return text
	}
	var drop []int // where, in order
	for start := 0; start < len(text); {
		end := strings.IndexByte(text[start:], '\n')
		if end < 0 {
			end = len(text)
		} else {
			end += start
		}
		drop = pairMarks(text, start, end, mark, drop)
		start = end + 1
	}
	if len(drop) == 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	last := 0
	for _, at := range drop {
		b.WriteString(text[last:at])
		last = at + 1
	}
	b.WriteString(text[last:])
	return b.String()
}

// pairMarks finds the spans of one line in a single pass: once an opening mark
// has no partner, no later one on the line has.
func pairMarks(text string, start, end int, mark byte, drop []int) []int {
	for i := start; i < end; i++ {
		if text[i] != mark || i+1 >= end || text[i+1] == ' ' || i > start && wordByte(text[i-1]) {
			continue
		}
		partner := -1
		for j := i + 2; j < end; j++ {
			if text[j] == mark && text[j-1] != ' ' && (j+1 == end || !wordByte(text[j+1])) {
				partner = j
				break
			}
		}
		if partner < 0 {
			break
		}
		drop = append(drop, i, partner)
		i = partner
	}
	return drop
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// firstLine returns the first line that has text.
func firstLine(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}
