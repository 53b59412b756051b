package slack

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// maxURL is the longest address that is made a link, in characters. Slack takes
// 3,000 on a button and says nothing of links in text.
const maxURL = 2000

// readable is text that does not change how its neighbours look.
func readable(text string) string { return apart(clean(text)) }

// clean is text without control characters, and without those that turn the
// direction of reading or hide.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), turns(r):
			return -1
		}
		return r
	}, text)
}

// apart sets text that is read from the right apart, so that what stands around
// it keeps its order.
func apart(text string) string {
	if strings.IndexFunc(text, fromRight) < 0 {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.IndexFunc(l, fromRight) >= 0 {
			lines[i] = "\u2068" + l + "\u2069"
		}
	}
	return strings.Join(lines, "\n")
}

// turns reports whether a character changes the direction of what follows, or
// cannot be seen and so can make one word look like another. The joiners stay:
// emoji and Persian are written with them.
func turns(r rune) bool {
	return unicode.Is(unicode.Cf, r) && !joins(r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

func joins(r rune) bool { return r == 0x200C || r == 0x200D }

// bare is a label without what a reader does not see between its letters.
func bare(label string) string {
	return strings.Map(func(r rune) rune {
		if joins(r) || unicode.In(r, unicode.Mn, unicode.Me) {
			return -1
		}
		return r
	}, label)
}

func fromRight(r rune) bool {
	return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
}

// followable reports whether an address can be made a link.
func followable(address string) bool {
	if len(address) > maxURL || strings.ContainsFunc(address, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || turns(r) }) {
		return false
	}
	u, err := url.Parse(address)
	return err == nil && u.Hostname() != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// hostName finds what a reader takes for the name of a host, whichever
// character stands for its dot, and the host of an address.
var hostName = regexp.MustCompile(`(?:[\pL\pN_-]+[.\x{3002}\x{FF0E}\x{FF61}\x{2024}\x{FE52}\x{A4F8}])+(?:\pL[\pL\pN-]+|\pN+)|://[^\s/?#]*`)

// honest is the label of a link. One that names another host than the link goes
// to has that host behind it: labels come from whoever sent the alert.
func honest(address, label string) string {
	label = strings.Join(strings.Fields(readable(label)), " ")
	u, err := url.Parse(address)
	if err != nil || label == address {
		return label
	}
	host := strings.ToLower(u.Hostname())
	if label == "" {
		return host
	}
	for _, named := range hostName.FindAllString(bare(label), -1) {
		named = strings.ToLower(strings.TrimPrefix(named, "://"))
		if named != host && named != strings.ToLower(u.Host) && !strings.HasSuffix(host, "."+named) {
			return label + " (" + host + ")"
		}
	}
	return label
}
