package privacy

import (
	"strings"
)

// fence opens and closes a block of code in Markdown and Slack.
const fence = "```"

// below finds the value of a name that stands on the next line, from the end of
// the name's line at i on. The value has to be all of its line: a sentence, a
// mapping or a list that follows a line such as "invalid token:" is none.
//
// block says that the lines of a YAML block scalar follow: all of them are it.
func (sc *scan) below(named group, i int, block bool) (finding, bool) {
	text, name := sc.text, sc.text[named.start:named.end]
	breaks, escaped := 0, text[i] == '%'
	for n := lineBreak(text, i); n > 0 && breaks < 2; n = lineBreak(text, i) {
		i, breaks = i+n, breaks+1
		for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
			i++
		}
		if strings.HasPrefix(text[i:], fence) && lineBreak(text, i+len(fence)) > 0 {
			i += len(fence)
			break
		}
	}
	if n := lineBreak(text, i); n > 0 && strings.HasSuffix(text[:i], fence) {
		i += n
	}
	if breaks == 0 || i >= len(text) || block && text[i-1] != ' ' {
		return finding{}, false
	}
	start, end, rest := sc.lineValue(named, i, escaped)
	if block {
		start, end, rest = i, sc.block(i), len(text)
	}
	if start >= end || !endsLine(text, rest) && !told(name, text[start:end]) {
		return finding{}, false
	}
	value := text[start:end]
	if !isSecretValue(name, value) || !block && !sc.standsAlone(named, value) {
		return finding{}, false
	}
	return finding{start, end, kindSecret, value}, true
}

// told reports whether a word that a line goes on behind is a password all the
// same: hunter2 is, web-03.internal and main.go:12 are not.
func told(name, value string) bool {
	named := endsIn(name, "password") || endsIn(name, "passwort") || endsIn(name, "passphrase") || endsInWord(name, "pwd")
	return named && len(value) >= 6 && lettersAndDigits(value) && !strings.ContainsAny(value, "-.:/=(")
}

// standsAlone reports whether a line that is one word can be the value of the
// name on the line before. An assignment, a link and a rule of dashes are none;
// a word of letters is one below a label only.
func (sc *scan) standsAlone(named group, value string) bool {
	if strings.Contains(value, "://") || strings.Contains(strings.TrimRight(value, "="), "=") || !has(value, alnum) && only(value, ascii) {
		return false
	}
	return !only(value, letters) || sc.opensLine(named)
}

// lineValue returns the bounds of the value that a line starts with, without
// the marks of a list, a quotation or code, and where the text behind it is.
func (sc *scan) lineValue(named group, i int, escaped bool) (start, end, rest int) {
	text := sc.text
	for _, lead := range []string{"- ", "> ", "&gt; ", ">"} {
		if strings.HasPrefix(text[i:], lead) {
			i += len(lead)
			break
		}
	}
	i, _ = skipTags(text, i)
	i = run(text, i, marks)
	if endsInWord(text[named.start:named.end], "authorization") {
		if word := run(text, i, tokenish); word < len(text) && text[word] == ' ' {
			if _, known := schemes[strings.ToLower(text[i:word])]; known {
				i = word + 1
			}
		}
	}
	start, quote, slashed := sc.opening(i, escaped)
	if quote != 0 {
		end = closing(text, start, quote, slashed)
		rest = run(text, end, quotes)
	} else {
		end = bareEnd(text, start, escaped)
		rest = end
	}
	return start, end, rest
}

// endsLine reports whether nothing of weight is left of a line at i. A colon
// is: the line is a key of its own.
func endsLine(text string, i int) bool {
	for i < len(text) && (strings.IndexByte(" \t)]},.*_~`", text[i]) >= 0) {
		i++
	}
	if i < len(text) && strings.IndexByte("\"'\\", text[i]) >= 0 && lineBreak(text, i) == 0 {
		next := run(text, i, quotes)
		return next >= len(text) || !isAlnum(text[next])
	}
	return i >= len(text) || text[i] == '<' || lineBreak(text, i) > 0
}

// maxBlock bounds the block of lines that is taken for one value.
const maxBlock = 8 << 10

// block returns where the block of lines that starts at i ends: with the first
// line that is indented less.
func (sc *scan) block(i int) int {
	text, indent := sc.text, 0
	for i-indent > sc.floor && (text[i-indent-1] == ' ' || text[i-indent-1] == '\t') {
		indent++
	}
	text = text[:min(len(text), i+maxBlock)]
	end := i
	for {
		n := strings.IndexByte(text[end:], '\n')
		if n < 0 {
			return len(text)
		}
		next := end + n + 1
		for next < len(text) && next-end-n-1 < indent && (text[next] == ' ' || text[next] == '\t') {
			next++
		}
		if indent == 0 || next-end-n-1 < indent {
			return end + n
		}
		end = next
	}
}

// opensLine reports whether a name is all that its line has before the
// separator, as a label has it.
func (sc *scan) opensLine(named group) bool {
	for i := named.start; i > sc.floor; i-- {
		if c := sc.text[i-1]; c == '\n' {
			return true
		} else if n, is := escapeBefore(sc.text[sc.floor:], i-sc.floor); n > 0 && is == '\n' {
			return true
		} else if strings.IndexByte(" \t*_>\"'`{-", c) < 0 {
			return false
		}
	}
	return true
}
