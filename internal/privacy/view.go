package privacy

import (
	"strings"
)

// maxViews bounds how many levels of escaping are looked through.
const maxViews = 4

// escapes are what says that a text may hold escapes which the detectors do not
// read by themselves.
var escapes = []string{`\u00`, `\x`, "&#", "&quot;", "&apos;", "%25", "%3A%2F%2F", "%3a%2f%2f"}

// unescape returns a text with one level of escapes removed, or the text itself
// where it has none: those of a program's strings, of HTML, and the percent
// sign of a URL within a URL. Characters that tokens are written with stay.
func unescape(text string) string {
	if strings.IndexByte(text, '\\') < 0 && strings.IndexByte(text, '&') < 0 && strings.IndexByte(text, '%') < 0 {
		return text
	}
	first := -1
	for _, e := range escapes {
		if n := strings.Index(text, e); n >= 0 && (first < 0 || n < first) {
			first = n
		}
	}
	if first < 0 {
		return text
	}
	var b strings.Builder
	b.WriteString(text[:first])
	for i := first; i < len(text); {
		n, c := escapeAt(text, i)
		if n == 0 {
			n, c = 1, text[i]
		}
		b.WriteByte(c)
		i += n
	}
	return escapedSchemes.Replace(b.String())
}

// escapedSchemes are what follows a scheme in a URL within a URL.
var escapedSchemes = strings.NewReplacer("%3A%2F%2F", "://", "%3a%2f%2f", "://")

// escapeAt returns the length of the escape at i and the ASCII character that it
// stands for, or 0.
func escapeAt(text string, i int) (length int, is byte) {
	switch text[i] {
	case '%':
		if strings.HasPrefix(text[i:], "%25") {
			return len("%25"), '%'
		}
		return 0, 0
	case '&':
		for _, quote := range []string{"&quot;", "&apos;"} {
			if strings.HasPrefix(text[i:], quote) {
				return len(quote), "\"'"[strings.Index("qa", quote[1:2])]
			}
		}
	case '\\':
	default:
		return 0, 0
	}
	n, c := hidden(text, i)
	if n == 0 || c < ' ' || c >= 0x7f || c == '<' || c == '>' {
		return 0, 0
	}
	return n, c
}
