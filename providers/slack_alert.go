package providers

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/nerve-alerts/nerve/incident"
)

// Labels under which bots put a severity or a state.
var (
	severityLabels = map[string]bool{
		"severity": true, "alertseverity": true, "priority": true, "alertpriority": true, "level": true,
		"loglevel": true, "urgency": true, "impact": true, "sev": true, "criticality": true, "threatlevel": true,
	}
	statusLabels = map[string]bool{
		"status": true, "alertstatus": true, "state": true, "currentstate": true, "newstate": true,
		"alarmstate": true, "incidentstatus": true, "alertstate": true, "condition": true,
	}
	// proseLabels hold text to read, not tags to search by.
	proseLabels = map[string]bool{
		"description": true, "summary": true, "details": true, "message": true, "text": true, "alert": true,
		"alertdetails": true, "title": true, "note": true, "notes": true, "reason": true, "error": true,
	}
)

// status is what the message says of the alert: a labelled state first, then
// the title and the other lines that stand first, then emoji, then colour.
func (c *slackContent) status(title string) incident.Status {
	for _, p := range c.pairs {
		if statusLabels[squash(p.name)] {
			if s, ok := parseStatus(p.value); ok {
				return s
			}
		}
	}
	for _, t := range []string{title, c.text, c.pretext, c.header, c.section, c.fallback} {
		if s := c.marks(t).status; s != "" {
			return s
		}
	}
	switch {
	case emojiResolves[c.emoji]:
		return incident.StatusResolved
	case c.emoji == "" && c.colour == "good" && c.green:
		return incident.StatusResolved
	}
	return incident.StatusFiring
}

// severity is what the message says of how bad it is: a labelled severity, the
// title, the colour, the emoji. Empty when it says nothing.
func (c *slackContent) severity(title string) incident.Severity {
	for _, p := range c.pairs {
		if severityLabels[squash(p.name)] {
			if s, ok := parseSeverity(p.value); ok {
				return s
			}
		}
	}
	for _, t := range []string{title, c.text, c.pretext, c.header, c.section, c.fallback} {
		if s := c.marks(t).severity; s != "" {
			return s
		}
	}
	switch c.colour {
	case "danger":
		return incident.SeverityHigh
	case "warning":
		return incident.SeverityMedium
	case "good":
		return incident.SeverityInfo
	}
	return emojiSeverity[c.emoji]
}

// tags are the labelled values short enough to search by, with lower-case names.
func (c *slackContent) tags() map[string]string {
	tags := map[string]string{}
	for _, p := range c.pairs {
		name := strings.Join(strings.Fields(strings.ToLower(p.name)), "_")
		if proseLabels[squash(name)] || len(name) > 40 || len(p.value) > 120 ||
			strings.Contains(p.value, "\n") || strings.HasPrefix(p.value, "http") {
			continue
		}
		addTag(tags, name, p.value)
	}
	return tags
}

// description is what a reader sees below the title, each line once.
func (c *slackContent) description(title string) string {
	seen := map[string]bool{}
	var kept []string
	for _, l := range c.lines {
		if !seen[l] && l != title {
			kept = append(kept, l)
		}
		seen[l] = true
	}
	if len(kept) == 0 {
		kept = c.lines
	}
	return strings.Join(kept, "\n")
}

var emojiSeverity = map[string]incident.Severity{
	"red_circle": incident.SeverityHigh, "rotating_light": incident.SeverityHigh, "fire": incident.SeverityHigh,
	"x": incident.SeverityHigh, "no_entry": incident.SeverityHigh, "bangbang": incident.SeverityHigh,
	"exclamation": incident.SeverityHigh, "skull": incident.SeverityCritical, "boom": incident.SeverityHigh,
	"siren": incident.SeverityHigh, "large_red_square": incident.SeverityHigh, "sos": incident.SeverityHigh,
	"warning": incident.SeverityMedium, "large_orange_circle": incident.SeverityMedium,
	"large_yellow_circle": incident.SeverityMedium, "large_orange_diamond": incident.SeverityMedium,
	"information_source": incident.SeverityInfo, "large_blue_circle": incident.SeverityInfo,
	"white_check_mark": incident.SeverityInfo, "heavy_check_mark": incident.SeverityInfo,
	"large_green_circle": incident.SeverityInfo, "green_circle": incident.SeverityInfo, "tada": incident.SeverityInfo,
	"large_green_square": incident.SeverityInfo, "ok": incident.SeverityInfo,
}

var emojiResolves = map[string]bool{
	"white_check_mark": true, "heavy_check_mark": true, "large_green_circle": true, "green_circle": true,
	"large_green_square": true, "ok": true, "tada": true,
}

// unicodeEmoji names the emoji that bots type as characters.
var unicodeEmoji = map[rune]string{
	'🔴': "red_circle", '🚨': "rotating_light", '🔥': "fire", '❌': "x", '⛔': "no_entry", '‼': "bangbang",
	'❗': "exclamation", '💀': "skull", '💥': "boom", '🟥': "large_red_square", '⚠': "warning",
	'🟠': "large_orange_circle", '🟡': "large_yellow_circle", '🔶': "large_orange_diamond",
	'ℹ': "information_source", '🔵': "large_blue_circle", '✅': "white_check_mark", '✔': "heavy_check_mark",
	'🟢': "large_green_circle", '🟩': "large_green_square", '🆗': "ok",
}

// alertEmoji returns the first emoji of a text that says how bad it is.
func alertEmoji(raw string) string {
	named, at := "", len(raw)
	for start, end := range emojiNames(raw) {
		if name := strings.Trim(raw[start:end], ":"); emojiSeverity[name] != "" {
			named, at = name, start
			break
		}
	}
	for _, r := range raw[:at] {
		if name := unicodeEmoji[r]; name != "" {
			return name
		}
	}
	return named
}

// resolvedColours are the greens that mean "resolved": Slack's own, before and
// after it rewrites them, and the palettes of widespread tools. Any other green
// may be a brand's, and an alert must not pass for its recovery because of that.
var resolvedColours = map[string]bool{
	"good": true, "green": true, "2eb886": true, "2eb67d": true, "36a64f": true, "008000": true, "00ff00": true,
	"28a745": true, "4caf50": true, "2ecc71": true, "00c853": true, "0f0": true, "1e8e3e": true, "41aa58": true,
}

var (
	colourRank = map[string]int{"good": 1, "warning": 2, "danger": 3}
	hexColour  = regexp.MustCompile(`^#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})$`)
)

// slackColour sorts an attachment's colour into Slack's three names. Slack
// itself rewrites them to hex before an event is sent ("danger" to a30200), and
// every bot has its own palette, so hex values go by their hue.
func slackColour(colour string) string {
	switch colour = strings.ToLower(strings.TrimSpace(colour)); colour {
	case "danger", "red":
		return "danger"
	case "warning", "orange", "yellow":
		return "warning"
	case "good", "green":
		return "good"
	}
	m := hexColour.FindStringSubmatch(colour)
	if m == nil {
		return ""
	}
	digits := m[1]
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil {
		return ""
	}
	return hueName(int(n>>16&0xff), int(n>>8&0xff), int(n&0xff))
}

// hueName names a colour by its hue; greys, blues and purples have no name.
func hueName(r, g, b int) string {
	low, high := min(r, g, b), max(r, g, b)
	if high == 0 || (high-low)*100/high < 30 {
		return ""
	}
	span := high - low
	var hue int
	switch high {
	case r:
		hue = (60*(g-b)/span + 360) % 360
	case g:
		hue = 60*(b-r)/span + 120
	default:
		hue = 60*(r-g)/span + 240
	}
	switch {
	case hue < 20 || hue >= 335:
		return "danger"
	case hue < 70:
		return "warning"
	case hue < 175:
		return "good"
	}
	return ""
}
