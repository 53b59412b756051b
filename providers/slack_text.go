package providers

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nerve-alerts/nerve/incident"
)

// slackToken is what Slack wraps in angle brackets: links, mentions, dates.
// Anything else between < and > was typed by a person.
var slackToken = regexp.MustCompile(`<((?:https?://|mailto:|tel:|[a-z]{2,12}://|[@#!])[^<>\n]*)>`)

// slackEmoji is an emoji by name. Times such as 10:30:45 have no letter in it.
var slackEmoji = regexp.MustCompile(`:[a-z0-9_+'-]*[a-z+][a-z0-9_+'-]*:(?::skin-tone-\d:)?`)

var slackEntities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&quot;", `"`, "&#39;", "'")

// slackPlain renders Slack's mrkdwn as plain text, line breaks kept, and
// returns the links in it.
func slackPlain(text string) (string, []incident.Link) {
	if strings.IndexByte(text, '<') < 0 {
		return plainStyle(text), nil
	}
	var links []incident.Link
	text = slackToken.ReplaceAllStringFunc(text, func(token string) string {
		shown, url := slackTokenText(token[1 : len(token)-1])
		if url != "" {
			title := shown
			if title == url {
				title = ""
			}
			links = append(links, incident.Link{Title: plainStyle(title), URL: url})
		}
		return shown
	})
	return plainStyle(text), links
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
	if strings.Count(text, ":") < 2 {
		return text
	}
	var b strings.Builder
	last := 0
	for _, at := range slackEmoji.FindAllStringIndex(text, -1) {
		before, _ := utf8.DecodeLastRuneInString(text[:at[0]])
		after, _ := utf8.DecodeRuneInString(text[at[1]:])
		if at[0] > 0 && wordRune(before) || at[1] < len(text) && wordRune(after) {
			continue
		}
		b.WriteString(text[last:at[0]])
		last = at[1]
	}
	b.WriteString(text[last:])
	return b.String()
}

// stripPaired removes a mark where it opens and closes a span on one line, as
// Slack reads it: snake_case and 2*3*4 keep theirs.
func stripPaired(text string, mark byte) string {
	if strings.IndexByte(text, mark) < 0 {
		return text
	}
	drop := make(map[int]bool)
	for start := 0; start < len(text); {
		end := strings.IndexByte(text[start:], '\n')
		if end < 0 {
			end = len(text)
		} else {
			end += start
		}
		pairMarks(text, start, end, mark, drop)
		start = end + 1
	}
	if len(drop) == 0 {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		if !drop[i] {
			out = append(out, text[i])
		}
	}
	return string(out)
}

// pairMarks finds the spans of one line in a single pass: once an opening mark
// has no partner, no later one on the line has.
func pairMarks(text string, start, end int, mark byte, drop map[int]bool) {
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
			return
		}
		drop[i], drop[partner] = true, true
		i = partner
	}
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
