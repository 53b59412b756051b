package privacy

import (
	"strings"
)

// next returns where to look after i, at which there is nothing. No detector
// starts within a word, but behind an escape such as \n a word begins.
func (sc *scan) next(i int) int {
	if classes[sc.text[i]]&alnum == 0 {
		return i + 1
	}
	if i > sc.floor && (sc.text[i-1] == '\\' || sc.text[i-1] == '%') {
		if after := afterEscape(sc.text, sc.floor, i); after > i {
			return after
		}
	}
	return run(sc.text, i, alnum)
}

// at asks the detectors that the character at i can concern.
func (s *Scrubber) at(sc *scan, i int) (finding, bool) {
	if classes[sc.text[i]]&alnum == 0 {
		return sc.atSign(i)
	}
	if i >= sc.encoded && !sc.nested {
		if f, ok := s.encoded(sc, i); ok {
			return f, true
		}
	}
	if isDigit(sc.text[i]) {
		if i > 0 && isDigit(sc.text[i-1]) {
			return finding{}, false
		}
		if f, ok := sc.number(i); ok {
			return f, true
		}
	}
	if f, ok := s.format(sc, i); ok {
		return f, true
	}
	switch sc.text[i] {
	case 'i', 'w':
		return sc.saidSecret(i)
	case 'a', 'A':
		return sc.saidMail(i)
	}
	return finding{}, false
}

// atSign is at for a character that is neither a letter nor a digit.
func (sc *scan) atSign(i int) (finding, bool) {
	switch sc.text[i] {
	case ' ', '\t':
		if i > sc.floor && classes[sc.text[i-1]]&saidEnds != 0 {
			return sc.said(i)
		}
	case ',':
		return sc.argument(i)
	case '@', '&', '\\':
		if f, ok := sc.mail(i); ok {
			return f, true
		}
		return sc.dataSource(i)
	case '%':
		return sc.escaped(i)
	case ':':
		if f, ok := sc.userinfo(i); ok {
			return f, true
		}
		if f, ok := sc.oracle(i); ok {
			return f, true
		}
		return sc.assignment(i, 1)
	case '=', '>':
		return sc.assignment(i, 1)
	case '<':
		if f, ok := sc.cell(i); ok {
			return f, true
		}
		return sc.spelledMail(i)
	case '[', '{':
		return sc.spelledMail(i)
	case '-':
		return sc.dashes(i)
	case '(':
		if f, ok := sc.spelledMail(i); ok {
			return f, true
		}
		return sc.phoneSign(i, 1)
	case '+':
		return sc.phoneSign(i, 1)
	}
	return finding{}, false
}

// escaped handles the characters that a URL hides behind "%".
func (sc *scan) escaped(i int) (finding, bool) {
	if f, ok := sc.mail(i); ok {
		return f, true
	}
	rest := sc.text[i:]
	switch {
	case len(rest) < 3:
		return finding{}, false
	case strings.EqualFold(rest[:3], "%3D"), strings.EqualFold(rest[:3], "%3A"):
		return sc.assignment(i, 3)
	case strings.EqualFold(rest[:3], "%2B"):
		return sc.phoneSign(i, 3)
	default:
		return finding{}, false
	}
}
