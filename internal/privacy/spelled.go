package privacy

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// hiddenDomain is domain for a name with hidden characters. spelled lets " dot "
// be one.
func (sc *scan) hiddenDomain(i int, loose, spelled bool) int {
	var name []byte
	var ends []int
	limit := min(len(sc.text), i+3*maxDomain)
	for end := i; end < limit; {
		n, c := 1, sc.text[end]
		if c < utf8.RuneSelf && !isAlnum(c) && c != '-' && c != '.' {
			if n, c = hidden(sc.text, end); n == 0 && spelled {
				n, c = spelledDot(sc.text, end)
			}
			if n == 0 || !isAlnum(c) && c != '-' && c != '.' {
				break
			}
		}
		end += n
		name, ends = append(name, c), append(ends, end)
	}
	if n := domainName(string(name), loose); n > 0 {
		return ends[n-1]
	}
	return i
}

// spelledMail finds an address whose at sign is written out: joe [at]
// example.com. The bracket is at i.
func (sc *scan) spelledMail(i int) (finding, bool) {
	n, _ := bracketed(sc.text[i:min(len(sc.text), i+maxHidden)], "@", "at")
	if n == 0 {
		return finding{}, false
	}
	return sc.spelledAround(i, i+n)
}

// commonEndings are the top-level domains that an address must have when its
// sign is a word of English.
var commonEndings = []string{
	"com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "io", "dev", "app", "co", "ai", "eu", "de", "fr", "uk", "nl", "es",
	"it", "pl", "se", "no", "dk", "fi", "ch", "at", "be", "cz", "pt", "ie", "us", "ca", "br", "mx", "in", "jp", "cn", "kr", "au", "nz", "ru", "ua", "za",
}

// saidMail finds "joe at example dot com": i is at the "at". Without the word
// "dot" it may be any sentence.
func (sc *scan) saidMail(i int) (finding, bool) {
	text := sc.text
	if i <= sc.floor || text[i-1] != ' ' || i+3 >= len(text) || text[i+1]|0x20 != 't' || text[i+2] != ' ' {
		return finding{}, false
	}
	label := run(text, i+3, alnum|wordish)
	if n, _ := spelledDot(text, label); n == 0 {
		if n, c := hidden(text, label); n < len("[.]") || c != '.' || text[label] == '%' {
			return finding{}, false
		}
	}
	f, ok := sc.spelledAround(i-1, i+3)
	return f, ok && slices.Contains(commonEndings, f.value[strings.LastIndexByte(f.value, '.')+1:])
}

// spelledAround finds the address around a sign from i to from.
func (sc *scan) spelledAround(i, from int) (finding, bool) {
	text := sc.text
	for i > sc.floor && text[i-1] == ' ' && from-i < maxHidden {
		i--
	}
	start := sc.mailbox(i)
	for start < i && i-start < maxLocal {
		dot := start - sc.dotBefore(start)
		next := sc.mailbox(dot)
		if dot == start || next == dot {
			break
		}
		start = next // first dot last
	}
	if start == i {
		return finding{}, false
	}
	end := sc.hiddenDomain(from, false, true)
	if end == from {
		return finding{}, false
	}
	return finding{start, end, kindEmail, normalMail(text[start:i], text[from:end])}, true
}

// dotBefore returns the length of the written dot that ends at i, or 0.
func (sc *scan) dotBefore(i int) int {
	for n := maxHidden; n > 1; n-- {
		if i-n <= sc.floor {
			continue
		}
		if length, c := hidden(sc.text, i-n); length == n && c == '.' {
			return n
		}
		if length, _ := spelledDot(sc.text, i-n); length == n {
			return n
		}
	}
	return 0
}

// maxQuoted is how long a mailbox name in quotes can be (RFC 5321).
const maxQuoted = 64

// quotedMailbox returns where "first last" before the at sign at i starts, or i.
func (sc *scan) quotedMailbox(i int) int {
	if i-1 <= sc.floor || sc.text[i-1] != '"' {
		return i
	}
	shut := i - 1
	quote := `"`
	if sc.text[shut-1] == '\\' {
		shut, quote = shut-1, `\"`
	}
	from := max(sc.floor, shut-maxQuoted)
	n := strings.LastIndex(sc.text[from:shut], quote)
	if n < 0 || from+n+len(quote) == shut || strings.ContainsAny(sc.text[from+n+len(quote):shut], "\r\n{}:") {
		return i
	}
	return from + n
}

// addressLiteral returns the end of the [192.0.2.1] or [IPv6:2001:db8::1] that
// starts at i, or i. Other brackets around an IPv6 address are those of a URL
// or of ssh.
func addressLiteral(text string, i int) int {
	if i >= len(text) || text[i] != '[' {
		return i
	}
	literal, _, ok := strings.Cut(text[i+1:min(len(text), i+64)], "]")
	if !ok || literal == "" {
		return i
	}
	six, ok := strings.CutPrefix(literal, "IPv6:")
	if ok && strings.Trim(six, "0123456789abcdefABCDEF:.") != "" || !ok && (strings.Count(literal, ".") != 3 || strings.Trim(literal, "0123456789.") != "") {
		return i
	}
	return i + 1 + len(literal) + 1
}
