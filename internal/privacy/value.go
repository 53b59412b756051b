package privacy

import (
	"strings"
)

// schemes are the words that may stand between an Authorization header's name
// and its credential; true: the credential is a list that fills the line.
var schemes = map[string]bool{
	"bearer": false, "basic": false, "token": false, "apikey": false, "negotiate": false, "geniekey": false,
	"splunk": false, "bot": false, "ssws": false, "aws": false, "dpop": false, "key": false, "sharedkey": false, "googlelogin": false, "digest": true, "aws4-hmac-sha256": true, "hawk": true, "signature": true,
}

// value finds the secret that is assigned to a name, from i on. escaped says
// that the text is percent-encoded.
func (sc *scan) value(named group, i int, escaped bool) (finding, bool) {
	text, name := sc.text, sc.text[named.start:named.end]
	if end := blockScalar(text, i); end > i {
		return sc.below(named, end, true)
	}
	plain := i
	i = sc.afterLabel(named, i)
	labelled := i > plain
	i, quote, slashed := sc.opening(i, escaped)
	if i >= len(text) {
		return finding{}, false
	}
	if quote == 0 && lineBreak(text, i) > 0 {
		return sc.below(named, i, false)
	}
	wholeLine := endsInWord(name, "cookie")
	if endsInWord(name, "authorization") {
		if word := run(text, i, tokenish); word < len(text) && text[word] == ' ' {
			list, known := schemes[strings.ToLower(text[i:word])]
			if known || credential(text, word+1) && !placeholder(text[i:word]) {
				i, wholeLine = word+1, list
			}
		}
	}
	var end int
	switch {
	case quote != 0:
		end = closing(text, i, quote, slashed)
	case wholeLine:
		end = lineEnd(text, named.start, i)
	default:
		end = bareEnd(text, i, escaped)
	}
	if quote == 0 && sc.tells(name, i, end) {
		return finding{}, false
	}
	if end <= i || !isSecretValue(name, text[i:end]) || labelled && only(text[i:end], letters) && !endsLine(text, end) {
		return finding{}, false // **token:** fix the refresh
	}
	return finding{i, end, kindSecret, text[i:end]}, true
}

// tells reports whether the word from i to end begins what an error says, as in
// "refresh token: connection refused": it is short, in small letters, behind ": "
// and before another word. A password may be such a word; a token is not.
func (sc *scan) tells(name string, i, end int) bool {
	const longest = len("unauthenticated")
	text := sc.text
	if !endsIn(name, "token") && !endsIn(name, "secret") || end-i < 2 || end-i > longest || !strings.HasSuffix(text[sc.floor:i], ": ") {
		return false
	}
	return only(text[i:end], lowers) && end+1 < len(text) && text[end] == ' ' && classes[text[end+1]]&letters != 0
}

// credential reports whether the word at i can be what a scheme that we do not
// know is followed by.
func credential(text string, i int) bool {
	word := text[i:bareEnd(text, i, false)]
	return has(word, digits) || strings.IndexAny(word, "=:") > 0
}

// opening skips what stands before a value: spaces, the rest of "=>" or "==",
// a list's bracket, and an opening quote, which may itself be escaped, or is
// three of a kind.
func (sc *scan) opening(i int, escaped bool) (start int, quote byte, slashed bool) {
	text := sc.text
	for escaped && i+3 <= len(text) {
		if n, is := escapeBefore(text, i+3); n != 3 || strings.IndexByte(" \"'", is) < 0 {
			break
		}
		i += 3
	}
	for i < len(text) && strings.IndexByte(" \t=>:", text[i]) >= 0 {
		i++
	}
	for mark := i; mark < len(text); mark++ {
		switch text[mark] {
		case '[', ' ':
		case '\\':
			slashed = true
		case '"', '\'', '`':
			if mark+2 < len(text) && text[mark+1] == text[mark] && text[mark+2] == text[mark] {
				mark += 2
			}
			return mark + 1, text[mark], slashed
		default:
			return i, 0, false
		}
	}
	return i, 0, false
}

// closing returns where a quoted value ends. Without a closing quote on the
// line the text was cut, and the value is all that is left of the line.
func closing(text string, i int, quote byte, slashed bool) int {
	for ; i < len(text); i++ {
		switch text[i] {
		case '\n':
			return i
		case '\\':
			if slashed && i+1 < len(text) && text[i+1] == quote {
				return i
			}
			if i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case quote:
			return i
		}
	}
	return i
}

// lineEnd returns where a header's value ends: with the line, or with the quote
// that was opened before its name, as in curl -H "Cookie: …".
func lineEnd(text string, name, i int) int {
	ends := "\r\n"
	if name > 0 && strings.IndexByte("\"'`", text[name-1]) >= 0 {
		ends += text[name-1 : name]
	}
	if n := strings.IndexAny(text[i:], ends); n >= 0 {
		return i + n
	}
	return len(text)
}

// bareEnd returns where a value without quotes ends.
func bareEnd(text string, i int, escaped bool) int {
	end := i
	for end < len(text) && !isSpace(text[end]) && strings.IndexByte("\"'`,;&<>|\\", text[end]) < 0 {
		if escaped && text[end] == '%' {
			if n, is := escapeBefore(text, min(end+3, len(text))); n == 3 && (is <= ' ' || strings.IndexByte("\"'&,;<>", is) >= 0) {
				break
			}
		}
		end++
	}
	return i + len(strings.TrimRight(text[i:end], ")]}.:*"))
}
