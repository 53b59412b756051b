package privacy

import (
	"strings"
)

// maxPair bounds how far before "value" the name of a pair is looked for.
const maxPair = 160

// pairNames are the fields that hold the name of a field whose value stands
// beside it.
var pairNames = []string{"name", "key", "field", "title", "label", "variable", "header"}

// pair returns the bounds of the secret's name in a pair of name and value, as
// Kubernetes' environments and Slack's fields have it:
// {"name": "DB_PASSWORD", "value": "…"}. value is the bounds of the word "value".
func (sc *scan) pair(value group) (group, bool) {
	if !endsInWord(sc.text[value.start:value.end], "value") {
		return group{}, false
	}
	lowest := max(sc.floor, value.start-maxPair)
	joint := func(i int, chars string) int {
		for i > lowest && strings.IndexByte(chars, sc.text[i-1]) >= 0 {
			if n, _ := escapeBefore(sc.text[lowest:], i-lowest); n == 2 && i-2 > lowest {
				i--
			}
			i--
		}
		return i
	}
	const between = " \t\r\n\"'`\\"
	end := joint(value.start, between+",;-{}")
	start := end
	for start > lowest && classes[sc.text[start-1]]&(tokenish|dotted) != 0 || start > lowest && sc.text[start-1] == ' ' && start < end {
		start--
	}
	named := group{start + len(sc.text[start:end]) - len(strings.TrimLeft(sc.text[start:end], " ")), end}
	sep := joint(named.start, between)
	if named.start == end || sep == lowest || strings.IndexByte(":=", sc.text[sep-1]) < 0 {
		return group{}, false
	}
	label := joint(sep-1, between)
	for _, w := range pairNames {
		if n := label - len(w); n >= lowest && endsInWord(sc.text[lowest:label], w) {
			return named, true
		}
	}
	return group{}, false
}

// argument finds the secret in a call that names it first, as in
// header.Set("Authorization", "Bearer …"). The comma is at i.
func (sc *scan) argument(i int) (finding, bool) {
	text := sc.text
	if i-1 <= sc.floor || strings.IndexByte("\"'`", text[i-1]) < 0 {
		return finding{}, false
	}
	named := sc.name(i)
	opening := text[max(sc.floor, named.start-3):named.start]
	bare := strings.TrimRight(opening, "\"'`\\")
	if secretName(text[named.start:named.end]) == notSecret || bare == opening || !strings.HasSuffix(bare, "(") {
		return finding{}, false
	}
	if value := run(text, i+1, spaces); value >= len(text) || classes[text[value]]&quotes == 0 {
		return finding{}, false
	}
	return sc.value(named, i+1, false)
}

// said finds what a sentence or a statement tells without a separator:
// password hunter2, PASSWORD 'hunter2', IDENTIFIED BY 'hunter2'. The space
// behind the word that ends at i is at i. Only a password is told so, and only
// a quoted word or one with letters and digits is one.
func (sc *scan) said(i int) (finding, bool) {
	text := sc.text
	if i+1 >= len(text) || isSpace(text[i+1]) {
		return finding{}, false
	}
	start := i
	for start > max(sc.floor, i-len("requirepass")) && classes[text[start-1]]&letters != 0 {
		start--
	}
	named := group{start, i}
	from := i + 1
	if strings.HasPrefix(text[from:], "| ") {
		from += len("| ") // a row of a table
	}
	if from >= len(text) {
		return finding{}, false
	}
	quoted := strings.IndexByte("'\"`", text[from]) >= 0
	switch word := strings.ToLower(text[start:i]); word {
	case "password", "passwort", "passwd", "passphrase", "requirepass", "masterauth":
	case "by":
		before := text[max(sc.floor, start-maxName):start]
		small := strings.Contains(before, "identified ") && strings.Contains(before, " user ")
		if !quoted || text[from] == '`' || !small && !strings.Contains(before, "IDENTIFIED ") {
			return finding{}, false
		}
	default:
		return finding{}, false
	}
	var end int
	sure := quoted && text[from] != '`'
	if quoted {
		from++
		end = closing(text, from, text[from-1], false)
	} else {
		end = bareEnd(text, from, false)
	}
	value := text[from:end]
	if end == from || strings.IndexByte(value, ' ') >= 0 || placeholder(value) || named.start == named.end ||
		!sure && (len(value) < 6 || !lettersAndDigits(value) || strings.ContainsAny(value, "=:/(")) {
		return finding{}, false
	}
	return finding{from, end, kindSecret, value}, true
}
