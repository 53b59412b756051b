package providers

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// slackPair is a labelled value: a field, or a line such as "*Severity:* high".
type slackPair struct{ name, value string }

// plainPair is a label without markup; only labels that are known count.
var plainPair = regexp.MustCompile(`^[\s•◦▪>|-]*([A-Za-z][A-Za-z _.-]{1,30}?)\s*[:=]\s*(\S.*)$`)

// Bounds on labelled values: the longest line that is looked at for them, how
// many bold ones it may have, and how long a bold label is.
const (
	maxPairLine  = 1000
	maxBoldPairs = 10
	maxBoldLabel = 61
)

// linePairs reads the labelled values of a line: "• *env:* `prod`", several bold
// ones side by side, or "Severity: high". An address in the value is a link.
func (c *slackContent) linePairs(line string) {
	if len(line) > maxPairLine {
		return
	}
	line = stripEmoji(line)
	if !strings.ContainsAny(line, ":=") {
		return // neither a label nor an address
	}
	bold := boldPairs(line)
	for _, p := range bold {
		c.pair(p.name, p.value)
	}
	if len(bold) == 0 {
		if m := plainPair.FindStringSubmatch(line); m != nil {
			c.links = append(c.links, bareLinks(slackEntities.Replace(m[2]), strings.TrimSpace(m[1]))...)
			if knownLabel(m[1]) {
				c.pair(m[1], m[2])
			}
			return
		}
	}
	if !strings.Contains(line, "<http") {
		c.links = append(c.links, bareLinks(slackEntities.Replace(line), "")...)
	}
}

// boldPairs reads "*Severity:* high" and "*Severity*: high", of which a line may
// have several. A value ends where the next label begins.
func boldPairs(line string) []slackPair {
	const spaces = " \t\r\f"
	var (
		pairs []slackPair
		value int // where the last pair's begins
	)
	for at := 0; len(pairs) < maxBoldPairs; {
		open := strings.IndexByte(line[at:], '*') + at
		length := strings.IndexByte(line[open+1:], '*')
		if open < at || length < 0 {
			break
		}
		behind := open + 1 + length + 1
		label, inside := strings.CutSuffix(strings.TrimRight(line[open+1:behind-1], spaces), ":")
		if !inside {
			label = line[open+1 : behind-1]
			rest := strings.TrimLeft(line[behind:], spaces)
			if !strings.HasPrefix(rest, ":") && !strings.HasPrefix(rest, "=") {
				label = ""
			}
			behind = len(line) - len(rest) + 1
		}
		if label == "" || strings.ContainsRune(spaces, rune(label[0])) || utf8.RuneCountInString(label) > maxBoldLabel {
			at = open + 1 + length // the mark that closes this may open the next
			continue
		}
		if n := len(pairs); n > 0 {
			pairs[n-1].value = line[value:open]
		}
		pairs = append(pairs, slackPair{name: label})
		at, value = behind, behind
	}
	if n := len(pairs); n > 0 {
		pairs[n-1].value = line[value:]
	}
	return pairs
}

func (c *slackContent) pair(rawName, rawValue string) {
	name, _ := slackPlain(rawName)
	value, _ := slackPlain(rawValue)
	if name != "" && value != "" && wordByte(name[0]) {
		c.pairs = append(c.pairs, slackPair{name, value})
	}
}

func knownLabel(name string) bool {
	name = squash(name)
	return entityTypes[name] != "" || severityLabels[name] || statusLabels[name]
}

// titleLine is the line of a text that serves as a title: the first that is not
// a labelled value, or the value of a label that announces one.
func titleLine(plain string) string {
	for line := range strings.SplitSeq(plain, "\n") {
		line = strings.TrimSpace(line)
		name, value, found := strings.Cut(line, ":")
		switch {
		case line == "":
		case found && titleLabels[squash(name)] && strings.TrimSpace(value) != "":
			return strings.TrimSpace(value)
		case found && knownLabel(name) && strings.TrimSpace(value) != "":
		default:
			return line
		}
	}
	return ""
}

var titleLabels = map[string]bool{"title": true, "alert": true, "alertname": true, "summary": true, "subject": true, "alarmname": true}
