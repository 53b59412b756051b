package privacy

import (
	"strings"
)

// keyBlock finds a private key in PEM or PGP armour, also percent-encoded. One
// that was cut off ends with the text.
func (sc *scan) keyBlock(i int) (finding, bool) {
	heading, ok := armour(sc.text, i, "BEGIN")
	if !ok {
		return finding{}, false
	}
	end := len(sc.text)
	foot := "-----END" + heading + "-----"
	if n := strings.Index(sc.text[i:], foot); n >= 0 {
		end = i + n + len(foot)
	}
	return finding{i, end, kindSecret, sc.text[i:end]}, true
}

// keyFoot finds the last lines of a private key whose head was cut off: the
// foot is at i.
func (sc *scan) keyFoot(i int) (finding, bool) {
	heading, ok := armour(sc.text, i, "END")
	if !ok {
		return finding{}, false
	}
	const fullLine = 32
	start := i
	for last := true; ; last = false {
		word := sc.back(start, func(c byte) bool { return isSpace(c) })
		line := sc.back(word, func(c byte) bool { return classes[c]&(alnum|base64s) != 0 })
		if word == start && !last || word-line < fullLine && !last || line == word {
			break
		}
		start = line
	}
	end := i + len("-----END") + len(heading) + len("-----")
	return finding{start, end, kindSecret, sc.text[start:end]}, true
}

// back returns where the characters before i start that is accepts, as they
// are or escaped.
func (sc *scan) back(i int, is func(byte) bool) int {
	for i > sc.floor {
		if n, c := escapeBefore(sc.text[sc.floor:], i-sc.floor); n > 0 {
			if !is(c) {
				return i
			}
			i -= n
		} else if is(sc.text[i-1]) {
			i--
		} else {
			return i
		}
	}
	return i
}

// armour returns what is between BEGIN or END and the dashes of the line at i:
// " RSA PRIVATE KEY", as it is written there.
func armour(text string, i int, word string) (heading string, ok bool) {
	const maxHeading = 64
	rest, ok := strings.CutPrefix(text[i:min(len(text), i+maxHeading)], "-----"+word)
	if !ok {
		return "", false
	}
	heading, _, ok = strings.Cut(rest, "-----")
	plain := strings.NewReplacer("%20", " ", "+", " ").Replace(heading)
	return heading, ok && strings.Contains(plain, "PRIVATE KEY")
}
