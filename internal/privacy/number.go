package privacy

import (
	"slices"
	"strings"
)

// maxGroups bounds how many groups of digits one number can have.
const maxGroups = 8

// group is the bounds of one run of digits, or of a name.
type group struct{ start, end int }

// separator returns the length of the separator at i, or 0. It stands between
// the groups of a number: a space, a hyphen, a dot, the no-break forms that
// word processors put there (U+00A0, U+202F, U+2010, U+2011), the dashes that
// they make of a hyphen (U+2012, U+2013, U+2212), and a space as URLs and HTML
// write it.
func separator(text string, i int) int {
	if i >= len(text) {
		return 0
	}
	switch text[i] {
	case ' ', '-', '.':
		return 1
	case '%':
		if strings.HasPrefix(text[i:], "%20") {
			return len("%20")
		}
	case '&':
		for _, s := range []string{"&nbsp;", "&#160;"} {
			if strings.HasPrefix(text[i:], s) {
				return len(s)
			}
		}
	case 0xc2:
		if strings.HasPrefix(text[i:], "\u00a0") {
			return 2
		}
	case 0xe2:
		for _, s := range []string{"\u202f", "\u2010", "\u2011", "\u2012", "\u2013", "\u2212"} {
			if strings.HasPrefix(text[i:], s) {
				return len(s)
			}
		}
	}
	return 0
}

// cardSeparator is separator with what is found between the groups of card
// numbers only: "+" for a space in a form, "_", and up to three of " - ".
func cardSeparator(text string, i int) int {
	end := i
	for end < len(text) && end-i < 3 && (text[end] == ' ' || text[end] == '-') {
		end++
	}
	if end > i {
		return end - i
	}
	if i < len(text) && (text[i] == '+' || text[i] == '_') {
		return 1
	}
	return separator(text, i)
}

// groups appends the runs of digits from i on that separators join.
func groups(found []group, text string, i int) []group {
	for len(found) < maxGroups {
		end := run(text, i, digits)
		if end == i {
			break
		}
		found = append(found, group{i, end})
		i = end + cardSeparator(text, end)
		if i == end {
			break
		}
	}
	return found
}

// number finds a card number or a phone number that starts at the digit at i.
func (sc *scan) number(i int) (finding, bool) {
	if !startsWord(sc.text, sc.floor, i) {
		return finding{}, false
	}
	var buf [maxGroups]group
	list := groups(buf[:0], sc.text, i)
	if f, ok := sc.card(list); ok {
		return f, true
	}
	return sc.national(i, list)
}

// Card numbers have 13 to 19 digits (ISO/IEC 7812-1).
const (
	minCard = 13
	maxCard = 19
)

// card finds the longest card number in the first groups.
func (sc *scan) card(list []group) (finding, bool) {
	var buf [maxCard]byte
	number := buf[:0]
	best := finding{}
	for n, g := range list {
		if len(number)+g.end-g.start > maxCard {
			break
		}
		number = append(number, sc.text[g.start:g.end]...)
		if len(number) < minCard || !sc.endsNumber(g.end) || !sc.groupedLikeCard(list[:n+1]) {
			continue
		}
		if plausibleCard(number, n > 0) && luhn(number) {
			best = finding{list[0].start, g.end, kindCard, string(number)}
		}
	}
	return best, best.end > 0
}

// groupedLikeCard accepts one run of digits that is not part of a decimal
// number, or groups of 3 to 6 digits (4-4-4-4, 4-6-5).
func (sc *scan) groupedLikeCard(list []group) bool {
	if len(list) == 1 {
		start, end := list[0].start, list[0].end
		before := start >= 2 && sc.text[start-1] == '.' && isDigit(sc.text[start-2])
		after := end+1 < len(sc.text) && sc.text[end] == '.' && isDigit(sc.text[end+1])
		return !before && !after
	}
	for _, g := range list {
		if n := g.end - g.start; n < 3 || n > 6 {
			return false
		}
	}
	return true
}

// endsNumber reports whether no letter or digit follows at i.
func (sc *scan) endsNumber(i int) bool { return i >= len(sc.text) || !isAlnum(sc.text[i]) }

// issuer is a range of leading digits and the lengths its cards have.
type issuer struct {
	low, high string
	lengths   []int
}

// issuers follow ISO/IEC 7812 ranges as the networks publish them. Ranges with
// no such structure (Maestro, retired in 2023) would match too many ids.
var issuers = []issuer{
	{"4", "4", []int{13, 16}},               // Visa; 19 below
	{"51", "55", []int{16}},                 // Mastercard
	{"2221", "2720", []int{16}},             // Mastercard
	{"34", "34", []int{15}},                 // American Express
	{"37", "37", []int{15}},                 // American Express
	{"300", "305", []int{14, 16}},           // Diners Club
	{"36", "36", []int{14, 16}},             // Diners Club
	{"38", "39", []int{14, 16}},             // Diners Club
	{"6011", "6011", []int{16, 19}},         // Discover
	{"644", "659", []int{16, 19}},           // Discover, RuPay
	{"60", "60", []int{16}},                 // RuPay
	{"81", "82", []int{16}},                 // RuPay
	{"3528", "3589", []int{16, 17, 18, 19}}, // JCB
	{"62", "62", []int{16, 17, 18, 19}},     // UnionPay
	{"2200", "2204", []int{16, 17, 18, 19}}, // Mir
	{"5018", "5018", []int{16}},             // Maestro, still common in test data
	{"6304", "6304", []int{16}},             // Maestro
	{"6759", "6763", []int{16}},             // Maestro
}

// plausibleCard reports whether an issuer has numbers that start and measure
// so. A 19-digit Visa counts only in groups: bare, it is a trace id.
func plausibleCard(number []byte, grouped bool) bool {
	for _, is := range issuers {
		n := len(is.low)
		if head := string(number[:n]); head < is.low || head > is.high {
			continue
		}
		if slices.Contains(is.lengths, len(number)) {
			return true
		}
	}
	return grouped && len(number) == 19 && number[0] == '4'
}

// luhn checks the last digit of a card number (ISO/IEC 7812-1, annex B).
func luhn(number []byte) bool {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// onlyDigits returns the digits of a number, without those of its separators.
func onlyDigits(text string) string {
	if strings.ContainsAny(text, "%&") {
		text = strings.NewReplacer("%20", " ", "&#160;", " ").Replace(text)
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}
