package privacy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// fold returns the text as the detectors know it: full-width characters, which
// an East Asian keyboard types, as ASCII, and without those that nobody sees
// (zero-width spaces, soft hyphens), which are copied along with an address.
func fold(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return strings.Map(foldRune, text)
		}
	}
	return text
}

// The full-width forms of "!" to "~" stand in the same order as in ASCII.
const (
	fullWidthFirst = '\uff01'
	fullWidthLast  = '\uff5e'
	fullWidthShift = fullWidthFirst - '!'
	smallAt        = '\ufe6b'
)

func foldRune(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return r
	case r >= fullWidthFirst && r <= fullWidthLast:
		return r - fullWidthShift
	case r == smallAt:
		return '@'
	case unicode.Is(unicode.Cf, r):
		return -1
	}
	return r
}
