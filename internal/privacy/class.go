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
	digits  class = 1 << iota // 0-9
	lowers                    // a-z
	uppers                    // A-Z
	wordish                   // - _
	base64s                   // + / =
	dotted                    // . ~
	spaces                    // space, tab, line ends
	mailish                   // what else a mailbox name holds: + - _ .
	colons                    // :
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
	return strings.IndexFunc(text, func(r rune) bool { return r < utf8.RuneSelf && classes[byte(r)]&c != 0 }) >= 0
}

// only reports whether a text holds no character outside a class.
func only(text string, c class) bool { return run(text, 0, c) == len(text) }

// escapeBefore returns the length of the escape that ends at i, and the byte
// it stands for: %3D in a URL, or \n in JSON. Length 0: there is none.
func escapeBefore(text string, i int) (length int, is byte) {
	if i >= 3 && text[i-3] == '%' {
		hi, lo := unhex(text[i-2]), unhex(text[i-1])
		if hi >= 0 && lo >= 0 {
			return 3, byte(hi<<4 | lo) //nolint:gosec // two hex digits fit a byte
		}
	}
	if i >= 2 && text[i-2] == '\\' {
		if n := strings.IndexByte("nrtbf", text[i-1]); n >= 0 {
			return 2, "\n\r\t\b\f"[n]
		}
	}
	if i >= 6 && text[i-6:i-4] == `\u` && strings.HasPrefix(text[i-4:], "00") {
		hi, lo := unhex(text[i-2]), unhex(text[i-1])
		if hi >= 0 && lo >= 0 {
			return 6, byte(hi<<4 | lo) //nolint:gosec // two hex digits fit a byte
		}
	}
	return 0, 0
}

func unhex(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
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
