package privacy

import (
	"strings"
	"unicode/utf8"
)

// hidden reads one character of an address that is written so that a program
// does not see it at once: %2E in a URL, \u002e or \x2e in a program's strings,
// &#46; in HTML, and [.] or [dot] where people write addresses out. Length 0:
// there is none at i.
func hidden(text string, i int) (length int, is byte) {
	if i >= len(text) {
		return 0, 0
	}
	rest := text[i:min(len(text), i+maxHidden)]
	switch text[i] {
	case '%':
		if len(rest) >= 3 {
			if b, ok := unhex(rest[1], rest[2]); ok {
				return 3, b
			}
		}
	case '\\':
		for _, lead := range []string{`\u00`, `\x`} {
			if hex, ok := strings.CutPrefix(rest, lead); ok && len(hex) >= 2 {
				if b, ok := unhex(hex[0], hex[1]); ok {
					return len(lead) + 2, b
				}
			}
		}
	case '&':
		if end := strings.IndexByte(rest, ';'); end > 0 {
			if b, ok := entity(rest[1:end]); ok {
				return end + 1, b
			}
		}
	case '[', '(', '{', '<', ' ':
		return bracketed(rest, ".", "dot")
	}
	return 0, 0
}

// maxHidden bounds one hidden character: " ( dot ) ".
const maxHidden = 16

// entity returns the ASCII character that a name or a number in HTML stands for.
func entity(name string) (byte, bool) {
	switch name {
	case "period":
		return '.', true
	case "commat":
		return '@', true
	}
	number, ok := strings.CutPrefix(name, "#")
	if !ok || number == "" {
		return 0, false
	}
	base := 10
	if number[0]|0x20 == 'x' {
		number, base = number[1:], 16
	}
	value := 0
	for i := range len(number) {
		digit, ok := nibble(number[i])
		if value = value*base + int(digit); !ok || int(digit) >= base || value >= utf8.RuneSelf {
			return 0, false
		}
	}
	return byte(value), number != ""
}

// bracketed reads a sign or the word for it in brackets, with spaces inside and
// around: [.], (dot), { at }.
func bracketed(text, sign, word string) (length int, is byte) {
	i := blanks(text, 0)
	if i >= len(text) {
		return 0, 0
	}
	open := strings.IndexByte("[({<", text[i])
	if open < 0 {
		return 0, 0
	}
	i = blanks(text, i+1)
	switch {
	case strings.HasPrefix(text[i:], sign):
		i += len(sign)
	case len(text)-i > len(word) && strings.EqualFold(text[i:i+len(word)], word):
		i += len(word)
	default:
		return 0, 0
	}
	i = blanks(text, i)
	if i >= len(text) || text[i] != "])}>"[open] {
		return 0, 0
	}
	return blanks(text, i+1), sign[0]
}

// blanks skips up to two spaces.
func blanks(text string, i int) int {
	for n := 0; n < 2 && i < len(text) && text[i] == ' '; n++ {
		i++
	}
	return i
}

// reveal writes the hidden characters of an address as they are, so that it has
// the token of the plain one.
func reveal(text string) string {
	if !strings.ContainsAny(text, `%\&[({< `) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		n, c := hidden(text, i)
		if n == 0 {
			n, c = spelledDot(text, i)
		}
		if n == 0 {
			n, c = 1, text[i]
		}
		b.WriteByte(c)
		i += n
	}
	return b.String()
}

// spelledDot reads " dot " between two words.
func spelledDot(text string, i int) (length int, is byte) {
	const dot = " dot "
	if i+len(dot) < len(text) && text[i] == ' ' && strings.EqualFold(text[i:i+len(dot)], dot) {
		return len(dot), '.'
	}
	return 0, 0
}

// entityBefore returns the length of the entity of a letter or a digit in HTML
// that ends at i, or 0.
func entityBefore(text string, lowest, i int) int {
	const longest = len("&#x0061;")
	if i <= lowest || text[i-1] != ';' {
		return 0
	}
	from := max(lowest, i-longest)
	n := strings.LastIndexByte(text[from:i], '&')
	if n < 0 {
		return 0
	}
	if c, ok := entity(text[from+n+1 : i-1]); !ok || !isAlnum(c) && classes[c]&mailish == 0 {
		return 0
	}
	return i - from - n
}
