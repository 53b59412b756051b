package privacy

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// A phone number has 7 to 15 digits; with its country code 8 at the least
// (ITU-T E.164). Below surePhone digits, a number with "+" and without groups
// must be one that is given out: +104857600 bytes is not.
const (
	minPhone  = 7
	minE164   = 8
	maxPhone  = 15
	surePhone = 11
)

// phoneWords are the last word of what names a phone number, so that an
// ungrouped or national number after it is one.
var phoneWords = []string{"phone", "tel", "telephone", "telefon", "mobile", "cell", "fax", "msisdn", "whatsapp", "handy", "phonenumber", "phone_number", "phoneno"}

// phoneSign finds the number that starts with "+" (of length n: "%2B" is one
// too) or "(" at i.
func (sc *scan) phoneSign(i, n int) (finding, bool) {
	text := sc.text
	if !startsWord(text, sc.floor, i) || i+n >= len(text) {
		return finding{}, false
	}
	if text[i] == '(' {
		return sc.american(i)
	}
	if c := text[i+n]; c < '1' || c > '9' {
		return finding{}, false
	}
	// The longest run of groups that is a number: what follows it on the line
	// may be a number of its own.
	var buf [maxGroups]int
	ends := phoneEnds(buf[:0], text, i+n)
	for k := len(ends) - 1; k >= 0 && ends[k]-i-n >= minE164; k-- {
		if !sc.endsNumber(ends[k]) {
			continue
		}
		number := "+" + onlyDigits(strings.Replace(text[i+n:ends[k]], "(0)", "", 1))
		if len(number)-1 < minE164 || len(number)-1 > maxPhone {
			continue
		}
		country := ""
		if k > 0 {
			country = text[i+n : ends[0]]
		}
		if sc.isPhone(number, country) {
			return sc.unwrap(finding{i, ends[k], kindPhone, number}, "tel:"), true
		}
	}
	return finding{}, false
}

// maxLookups bounds how often one stretch of text asks libphonenumber, whose
// regular expressions cost some 20 µs. Beyond it, all that looks like a number
// is taken for one.
const maxLookups = 200

// isPhone asks libphonenumber's tables. A number whose country code stands
// apart (the first group of digits), or that is long, needs only a length that
// the country has; any other must be of a range that is given out.
func (sc *scan) isPhone(e164, country string) bool {
	if sc.lookups++; sc.lookups > maxLookups {
		return true
	}
	number, err := phonenumbers.Parse(e164, "ZZ")
	if err != nil {
		return false
	}
	likely := country == strconv.Itoa(int(number.GetCountryCode())) || country == "" && len(e164)-1 >= surePhone
	return likely && phonenumbers.IsPossibleNumber(number) || phonenumbers.IsValidNumber(number)
}

// phoneEnds appends where the groups of digits from i on end. Parentheses and a
// slash join groups too: +44 (0)20, +49 30/1234.
func phoneEnds(ends []int, text string, i int) []int {
	for len(ends) < maxGroups {
		end := run(text, i, digits)
		if end == i {
			break
		}
		ends = append(ends, end)
		next := end
		for step := 0; step < 3 && next < len(text); step++ {
			if c := text[next]; c == '(' || c == ')' || c == '/' {
				next++
			} else if n := separator(text, next); n > 0 {
				next += n
			}
		}
		if next == end {
			break
		}
		i = next
	}
	return ends
}

// national finds a number without "+" that starts at the digit at i: in the
// American grouping, or in any form behind a word such as "phone:".
func (sc *scan) national(i int, list []group) (finding, bool) {
	if f, ok := sc.american(i); ok {
		return f, true
	}
	last := list[len(list)-1].end
	joined := last < len(sc.text) && strings.IndexByte("(/)", sc.text[last]) >= 0
	if last-i < minPhone && !joined || !sc.phone && !sc.phoneNamed(i) {
		return finding{}, false
	}
	var buf [maxGroups]int
	ends := phoneEnds(buf[:0], sc.text, i)
	for _, end := range slices.Backward(ends) {
		number := onlyDigits(sc.text[i:end])
		if len(number) >= minPhone && len(number) <= maxPhone && sc.endsNumber(end) && !sc.looksLikeDate(list) {
			return finding{i, end, kindPhone, normalPhone(number)}, true
		}
	}
	return finding{}, false
}

// looksLikeDate tells 2026-02-08 and 08.02.2026 from a phone number.
func (sc *scan) looksLikeDate(list []group) bool {
	if len(list) < 3 {
		return false
	}
	a, b, c := list[0].end-list[0].start, list[1].end-list[1].start, list[2].end-list[2].start
	return a == 4 && b == 2 && c == 2 || a == 2 && b == 2 && c == 4
}

// american finds ddd-ddd-dddd, ddd.ddd.dddd, (ddd) ddd-dddd and the same behind
// "1-" at i. Spaces alone are not enough: three metric values look the same.
func (sc *scan) american(i int) (finding, bool) {
	text, at := sc.text, i
	if i > sc.floor+1 && (text[i-1] == '-' || text[i-1] == '.') && isAlnum(text[i-2]) {
		return finding{}, false
	}
	if strings.HasPrefix(text[at:], "1-") || strings.HasPrefix(text[at:], "1 (") || strings.HasPrefix(text[at:], "1.") {
		at += 2
	}
	rest := text[at:]
	if len(rest) < len("ddd-ddd-dddd") {
		return finding{}, false
	}
	paren := rest[0] == '('
	if paren {
		rest = rest[1:]
	}
	if run(rest, 0, digits) != 3 || rest[0] == '0' {
		return finding{}, false
	}
	sep := rest[3:]
	switch {
	case paren && strings.HasPrefix(sep, ") "):
		sep = sep[2:]
	case paren && sep[0] == ')', !paren && (sep[0] == '-' || sep[0] == '.'):
		sep = sep[1:]
	default:
		return finding{}, false
	}
	if len(sep) < 8 || run(sep, 0, digits) != 3 || separator(sep, 3) != 1 || sep[3] == ' ' && !paren {
		return finding{}, false
	}
	end := len(text) - len(sep) + 4
	if run(text, end, digits) != end+4 || !sc.endsNumber(end+4) || separatorDigit(text, end+4) {
		return finding{}, false
	}
	return finding{i, end + 4, kindPhone, normalPhone(onlyDigits(text[i : end+4]))}, true
}

// separatorDigit reports whether a number goes on after a hyphen or a dot.
func separatorDigit(text string, i int) bool {
	return i+1 < len(text) && (text[i] == '-' || text[i] == '.') && isDigit(text[i+1])
}

// normalPhone gives an American number the form that it has with "+1".
func normalPhone(number string) string {
	switch {
	case len(number) == 10 && number[0] != '0':
		return "+1" + number
	case len(number) == 11 && number[0] == '1':
		return "+" + number
	default:
		return number
	}
}

// phoneNamed reports whether what is before i ends in a word for a phone.
func (sc *scan) phoneNamed(i int) bool {
	around := sc.text[max(sc.floor, i-32):i]
	before := around
	for len(before) > 0 && classes[before[len(before)-1]]&phoneGap != 0 {
		before = before[:len(before)-1]
	}
	if gap := around[len(before):]; strings.Contains(gap, "\n") && !strings.ContainsAny(gap, ":=*") {
		return false // the number on the next line is a label's only
	}
	if n := len(before) - len(" number"); n > 0 && strings.EqualFold(before[n:], " number") {
		before = before[:n]
	} else if n := len(before) - len(" no"); n > 0 && strings.EqualFold(before[n:], " no") {
		before = before[:n]
	}
	return namesPhone(before)
}

// namesPhone reports whether text ends in a word for a phone, as in
// "customer_phone" or "customerPhone". A short word must stand alone: "fax" is
// one, "halifax" is not.
func namesPhone(text string) bool {
	for _, word := range phoneWords {
		n := len(text) - len(word)
		if n < 0 || !strings.EqualFold(text[n:], word) {
			continue
		}
		if len(word) > 4 || n == 0 || !isAlnum(text[n-1]) {
			return true
		}
	}
	return false
}
