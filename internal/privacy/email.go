package privacy

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// atSigns are the forms of "@" that alerts really hold: plain, from a URL,
// from a URL within a URL, from HTML, from JSON, from JSON within JSON and from
// a program's strings.
var atSigns = []string{
	"@", "%40", "%2540", "%u0040", "&#64;", "&#064;", "&#0064;", "&#x40;", "&#X40;", "&#x0040;", "&commat;",
	"&amp;#64;", "&amp;#x40;", "&amp;commat;", `\u0040`, `\\u0040`, `\u{40}`, `\x40`, `\@`,
}

// The longest mailbox name and domain that are looked at. RFC 5321 allows 64
// and 255 bytes; percent-encoding triples them.
const (
	maxLocal  = 192
	maxDomain = 255
)

// serviceMailboxes are left of the "@" in names that only look like addresses:
// git@host:repository and RabbitMQ's node names.
var serviceMailboxes = map[string]bool{"git": true, "rabbit": true}

// notDomains are endings of systemd units and image files, which are no
// top-level domains: user@1000.service, icon@2x.png.
var notDomains = map[string]bool{
	"service": true, "socket": true, "timer": true, "slice": true, "scope": true, "mount": true, "target": true,
	"png": true, "jpg": true, "jpeg": true, "gif": true, "svg": true, "webp": true,
}

// mail finds the address around the at sign at i.
func (sc *scan) mail(i int) (finding, bool) {
	sign := ""
	for _, form := range atSigns {
		if sc.text[i] == form[0] && strings.HasPrefix(sc.text[i:], form) {
			sign = form
			break
		}
	}
	if sign == "" {
		return finding{}, false
	}
	start := sc.mailbox(i)
	if start == i {
		start = sc.quotedMailbox(i)
	}
	if start == i || serviceMailboxes[sc.text[start:i]] {
		return finding{}, false
	}
	from := i + len(sign)
	slack := start >= sc.floor+len("mailto:") && strings.HasSuffix(sc.text[:start], "mailto:")
	end := sc.domain(from, slack)
	if end == from {
		end = addressLiteral(sc.text, from)
	}
	if end == from {
		return finding{}, false
	}
	f := finding{start: start, end: end, kind: kindEmail, value: normalMail(sc.text[start:i], sc.text[from:end])}
	return sc.unwrap(f, "mailto:"), true
}

func normalMail(local, domain string) string {
	if plain, err := url.PathUnescape(local); err == nil {
		local = plain
	}
	return strings.ToLower(reveal(local) + "@" + reveal(domain))
}

// mailbox returns where the mailbox name that ends at i starts. The characters
// that RFC 5322 allows but nobody uses are left out, because in alerts they
// delimit: "=", "/", "|", "*", "{". An apostrophe counts between letters only.
func (sc *scan) mailbox(i int) int {
	text, start := sc.text, i
	lowest := max(sc.floor, i-maxLocal)
	for start > lowest {
		if n, is := escapeBefore(text[lowest:], start-lowest); n > 0 {
			if is < utf8.RuneSelf && !isAlnum(is) && classes[is]&mailish == 0 && is != '\'' {
				break
			}
			start -= n
			continue
		}
		c := text[start-1]
		switch {
		case classes[c]&(alnum|mailish) != 0:
			start--
		case c == ';':
			n := entityBefore(text, lowest, start)
			if n == 0 {
				return trimMailbox(text, start, i)
			}
			start -= n
		case c == '\'' && start < i && start-1 > lowest && isAlnum(text[start-2]) && isAlnum(text[start]):
			start--
		case c == '=' && strings.Contains(text[lowest:start], "+") && sc.returnPath(lowest, start):
			start--
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeLastRuneInString(text[lowest:start])
			if !letterOrMark(r) {
				return trimMailbox(text, start, i)
			}
			start -= size
		default:
			return trimMailbox(text, start, i)
		}
	}
	return trimMailbox(text, start, i)
}

// returnPath reports whether the "=" before i is one of a bounce address,
// bounces+joe=example.com@lists.example.org, which hides an address in another.
func (sc *scan) returnPath(lowest, i int) bool {
	word := i - 1
	for word > lowest && classes[sc.text[word-1]]&(alnum|mailish) != 0 {
		word--
	}
	return strings.Contains(sc.text[word:i-1], "+")
}

// trimMailbox drops punctuation that opens a phrase, such as Markdown's "_" and
// a list's "-", from the front.
func trimMailbox(text string, start, end int) int {
	for start < end && classes[text[start]]&mailish != 0 {
		start++
	}
	return start
}

// domain returns the end of the domain name that starts at i, or i when there
// is none. loose lets a one-letter ending pass, as in <mailto:a@b.c>.
func (sc *scan) domain(i int, loose bool) int {
	end, limit := i, min(len(sc.text), i+maxDomain)
	for end < limit {
		c := sc.text[end]
		if isAlnum(c) || c == '-' || c == '.' {
			end++
			continue
		}
		r, size := utf8.DecodeRuneInString(sc.text[end:])
		if !letterOrMark(r) || end+size > limit {
			break
		}
		end += size
	}
	if n, _ := hidden(sc.text, end); n > 0 {
		return sc.hiddenDomain(i, loose, false)
	}
	if n := domainName(sc.text[i:end], loose); n > 0 {
		return i + n
	}
	if sc.text[end:] == "…" {
		return end // incident.Cut went through the address
	}
	return i
}

// domainName returns how many bytes of a name are a domain, or 0.
func domainName(name string, loose bool) int {
	for {
		dot := strings.LastIndexByte(name, '.')
		if dot <= 0 {
			return 0
		}
		if n := topLevel(name[dot+1:], loose); n > 0 && !looksLikeVersion(name) && name[0] != '-' && name[0] != '.' {
			return dot + 1 + n
		}
		name = name[:dot]
	}
}

// topLevel returns how many bytes of a label are a top-level domain: two
// letters or more (or "xn--…"), up to a hyphen. 0: none.
func topLevel(label string, loose bool) int {
	if strings.HasPrefix(strings.ToLower(label), "xn--") {
		return len(label)
	}
	if hyphen := strings.IndexByte(label, '-'); hyphen >= 0 {
		label = label[:hyphen]
	}
	n := 0
	for _, r := range label {
		if unicode.IsDigit(r) {
			return 0
		}
		n++
	}
	if n == 0 || n == 1 && !loose || notDomains[label] {
		return 0
	}
	return len(label)
}

// looksLikeVersion tells lodash@4.17.21-rc.beta from joe@163.com: two numeric
// labels in front.
func looksLikeVersion(name string) bool {
	first, rest, _ := strings.Cut(name, ".")
	second, _, _ := strings.Cut(rest, ".")
	return only(strings.TrimPrefix(first, "v"), digits) && only(second, digits)
}

// maxLabel bounds the label of a Slack link that is replaced with its address.
const maxLabel = 300

// unwrap widens a finding to the whole of Slack's <mailto:address|label>, whose
// label is the address again or a person's name.
func (sc *scan) unwrap(f finding, scheme string) finding {
	open := f.start - len(scheme) - 1
	if open < sc.floor || sc.text[open:f.start] != "<"+scheme {
		return f
	}
	rest := sc.text[f.end:min(len(sc.text), f.end+maxLabel)]
	if shut := strings.IndexAny(rest, "<>\n"); shut >= 0 && rest[shut] == '>' {
		f.start, f.end = open, f.end+shut+1
	}
	return f
}
