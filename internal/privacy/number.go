package privacy

import (
	"strings"
)

// maxGroups bounds how many groups of digits one number can have.
const maxGroups = 8

// group is the bounds of one run of digits, or of a name.
type group struct{ start, end int }

// separators stand between the groups of a number: a space, a hyphen, a dot,
// and the no-break forms that word processors put there.
var separators = []string{" ", "-", ".", "\u00a0", "\u202f", "\u2010", "\u2011"}

// separator returns the length of the separator at i, or 0.
func separator(text string, i int) int {
	for _, s := range separators {
		if strings.HasPrefix(text[i:], s) {
			return len(s)
		}
	}
	return 0
}

// groups returns the runs of digits from i on that single separators join.
func groups(text string, i int) []group {
	found := make([]group, 0, maxGroups)
	for len(found) < maxGroups {
		end := run(text, i, digits)
		if end == i {
			break
		}
		found = append(found, group{i, end})
		i = end + separator(text, end)
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
	list := groups(sc.text, i)
	if f, ok := sc.card(list); ok {
		return f, true
	}
	return sc.national(i, list)
}

// card finds the longest card number in the first groups.
func (sc *scan) card(list []group) (finding, bool) {
	for n := len(list); n > 0; n-- {
		if !sc.groupedLikeCard(list[:n]) || !sc.endsNumber(list[n-1].end) {
			continue
		}
		start, end := list[0].start, list[n-1].end
		number := onlyDigits(sc.text[start:end])
		if plausibleCard(number, n > 1) && luhn(number) {
			return finding{start, end, kindCard, number}, true
		}
	}
	return finding{}, false
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
func plausibleCard(number string, grouped bool) bool {
	for _, is := range issuers {
		n := len(is.low)
		if len(number) < n || number[:n] < is.low || number[:n] > is.high {
			continue
		}
		for _, want := range is.lengths {
			if len(number) == want {
				return true
			}
		}
	}
	return grouped && len(number) == 19 && number[0] == '4'
}

// luhn checks the last digit of a card number (ISO/IEC 7812-1, annex B).
func luhn(number string) bool {
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

func onlyDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}
