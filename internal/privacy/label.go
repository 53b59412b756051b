package privacy

import (
	"strings"
)

// lineBreaks are the forms of a line's end that alerts really hold.
var lineBreaks = []string{"\n", "\r\n", `\n`, `\r\n`, "%0A", "%0a", "%0D%0A", "%0d%0a", "<br>", "<br/>", "<br />"}

// lineBreak returns the length of the line's end at i, or 0.
func lineBreak(text string, i int) int {
	if i < len(text) && strings.IndexByte("\n\r\\%<", text[i]) >= 0 {
		for _, b := range lineBreaks {
			if strings.HasPrefix(text[i:], b) {
				return len(b)
			}
		}
	}
	return 0
}

// maxTag bounds the HTML tag that is skipped beside a label, with its brackets.
const maxTag = 64

// tag returns the length of the HTML tag at i, or 0. <SECRET_1> is none.
func tag(text string, i int) int {
	if !strings.HasPrefix(text[i:], "<") {
		return 0
	}
	rest := text[i:min(len(text), i+maxTag)]
	name := strings.TrimPrefix(rest[1:], "/")
	if end := run(name, 0, alnum); end == 0 || end >= len(name) || strings.IndexByte(" />", name[end]) < 0 {
		return 0
	}
	return strings.IndexByte(rest, '>') + 1
}

// tagBefore returns the length of the closing tag that ends at i, or 0.
func tagBefore(text string, floor, i int) int {
	if i <= floor || text[i-1] != '>' {
		return 0
	}
	from := max(floor, i-maxTag)
	if n := strings.LastIndex(text[from:i], "</"); n >= 0 && tag(text, from+n) == i-from-n {
		return i - from - n
	}
	return 0
}

// afterLabel skips what closes a label behind its separator: Markdown's and
// Slack's marks in *Password:* and **Password:**, and the tags in
// <b>Password:</b> and <td>Password:</td><td>. A mark counts where the label
// opened with it.
func (sc *scan) afterLabel(named group, i int) int {
	text := sc.text
	if end := run(text, i, marks); end > i && end-i <= 3 && (end == len(text) || isSpace(text[end]) || lineBreak(text, end) > 0) &&
		strings.IndexByte(text[max(sc.floor, named.start-maxName):named.end], text[i]) >= 0 {
		return end
	}
	blank := i
	for blank < len(text) && text[blank] == ' ' {
		blank++
	}
	if strings.HasPrefix(text[blank:], "</") {
		i, _ = skipTags(text, blank)
	}
	return i
}

// maxTags bounds how many tags are between a label and its value.
const maxTags = 6

// skipTags returns where the tags and the blanks between them end, and whether
// the last tag opens an element.
func skipTags(text string, i int) (end int, opens bool) {
	for range maxTags {
		next := run(text, i, spaces)
		n := tag(text, next)
		if n == 0 {
			break
		}
		i, opens = next+n, text[next+1] != '/'
	}
	return i, opens
}

// cell finds the value in the element behind the one that holds a secret's
// name: <td>Password</td><td>hunter2</td>, and the <key> and <string> of a
// property list. The closing tag is at i.
func (sc *scan) cell(i int) (finding, bool) {
	if !strings.HasPrefix(sc.text[i:], "</") || i <= sc.floor || !isAlnum(sc.text[i-1]) {
		return finding{}, false
	}
	named := sc.name(i)
	if secretName(sc.text[named.start:named.end]) == notSecret {
		return finding{}, false
	}
	start, opens := skipTags(sc.text, i)
	if !opens {
		return finding{}, false
	}
	f, ok := sc.value(named, start, false)
	return f, ok && !only(f.value, letters)
}

// blockScalar returns the end of the mark of YAML's block scalar behind the
// spaces at i: |, >-, |2+. Without one, and without the line's end behind it,
// it returns i.
func blockScalar(text string, i int) int {
	at := i
	for at < len(text) && text[at] == ' ' {
		at++
	}
	if i == 0 || text[i-1] != ':' || at >= len(text) || text[at] != '|' && text[at] != '>' {
		return i
	}
	end := at + 1
	for end < len(text) && strings.IndexByte("+-123456789", text[end]) >= 0 {
		end++
	}
	if lineBreak(text, end) == 0 {
		return i
	}
	return end
}
