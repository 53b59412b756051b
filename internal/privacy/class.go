package privacy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// class is a set of ASCII characters, as bits, so that the scanner asks one
// table instead of running a regular expression over every text.
type class uint16

const (
	digits    class = 1 << iota // 0-9
	lowers                      // a-z
	uppers                      // A-Z
	wordish                     // - _
	base64s                     // + / =
	dotted                      // . ~
	spaces                      // space, tab, line ends
	mailish                     // what else a mailbox name holds: + - _ .
	colons                      // :
	marks                       // Markdown's and Slack's: * _ ~ `
	quotes                      // " ' ` and the backslash before them
	ascii                       // all below 0x80
	encodings                   // both alphabets of base64, without the padding
	phoneGap                    // what stands between "phone" and its number
	saidEnds                    // the last letters of the words that said knows
)

const (
	letters  = lowers | uppers
	alnum    = letters | digits
	tokenish = alnum | wordish
	token68  = tokenish | base64s | dotted // RFC 7235, section 2.1
)

var classes = func() (t [256]class) {
	fill := func(c class, chars string) {
		for i := range len(chars) {
			t[chars[i]] |= c
		}
	}
	fill(digits, "0123456789")
	fill(lowers, "abcdefghijklmnopqrstuvwxyz")
	fill(uppers, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	fill(wordish, "-_")
	fill(base64s, "+/=")
	fill(dotted, ".~")
	fill(spaces, " \t\r\n")
	fill(mailish, "+-_.")
	fill(colons, ":")
	fill(marks, "*_~`")
	fill(quotes, "\"'`\\")
	fill(encodings, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
	fill(phoneGap, " \t\r\n:=\"'\\.(>#*")
	fill(saidEnds, "dtehsyDTEHSY")
	for c := range utf8.RuneSelf {
		t[c] |= ascii
	}
	return t
}()

func isDigit(c byte) bool { return classes[c]&digits != 0 }
func isAlnum(c byte) bool { return classes[c]&alnum != 0 }
func isSpace(c byte) bool { return classes[c]&spaces != 0 }

// run returns the end of the characters of a class that start at i.
func run(text string, i int, c class) int {
	for i < len(text) && classes[text[i]]&c != 0 {
		i++
	}
	return i
}

// has reports whether a text holds a character of a class.
func has(text string, c class) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < utf8.RuneSelf && classes[byte(r)]&c != 0 }) >= 0 //nolint:gosec // below RuneSelf it is a byte
}

// only reports whether a text holds no character outside a class.
func only(text string, c class) bool { return run(text, 0, c) == len(text) }

// escapeBefore returns the length of the escape that ends at i, and the byte
// it stands for: %3D in a URL, or \n in JSON. Length 0: there is none.
func escapeBefore(text string, i int) (length int, is byte) {
	if i >= 3 && text[i-3] == '%' {
		if b, ok := unhex(text[i-2], text[i-1]); ok {
			return 3, b
		}
	}
	if i >= 2 && text[i-2] == '\\' {
		if n := strings.IndexByte("nrtbf", text[i-1]); n >= 0 {
			return 2, "\n\r\t\b\f"[n]
		}
	}
	if i >= 6 && text[i-6:i-2] == `\u00` {
		if b, ok := unhex(text[i-2], text[i-1]); ok {
			return 6, b
		}
	}
	return 0, 0
}

// unhex returns the byte that two hex digits stand for.
func unhex(hi, lo byte) (byte, bool) {
	h, hiOK := nibble(hi)
	l, loOK := nibble(lo)
	return h<<4 | l, hiOK && loOK
}

func nibble(c byte) (byte, bool) {
	switch {
	case isDigit(c):
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	default:
		return 0, false
	}
}

// startsWord reports whether a word or a number can begin at i: what is before
// it is not a letter or a digit, unless those belong to an escape.
func startsWord(text string, floor, i int) bool {
	if i <= floor || !isAlnum(text[i-1]) {
		return true
	}
	n, is := escapeBefore(text[floor:], i-floor)
	return n > 0 && !isAlnum(is)
}

// letterOrMark reports whether a rune can be part of an international mailbox or
// domain name.
func letterOrMark(r rune) bool {
	return r >= utf8.RuneSelf && r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r))
}
