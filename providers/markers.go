package providers

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/nerve-alerts/nerve/incident"
)

// markers are what a title says beside its subject: "[FIRING:2]", "Recovered:",
// "… is now UP". Without them the titles of an alert and of its recovery are
// the same text.
type markers struct {
	subject  string // the title without them
	status   incident.Status
	severity incident.Severity
	scope    string // Datadog's "[Triggered on {host:web-01}]"
}

// tailStates are the words that may end a title as its state.
var tailStates = []string{
	"up", "down", "ok", "healthy", "unhealthy", "resolved", "recovered", "triggered", "firing", "fired", "closed", "cleared",
	"restored", "acknowledged", "succeeded", "passed", "failed", "failing", "opened", "reopened", "activated", "deactivated",
}

var (
	bracketed = regexp.MustCompile(`\[[^\[\]]{1,120}\]|\([^()]{1,60}\)`)
	// leadWord is a state in front of the subject, set off by punctuation:
	// "Triggered: ", "RECOVERY - ", "Resolved #12: ", "Resolved in 2m 3s: ".
	leadWord = regexp.MustCompile(`^((?:[A-Za-z]+[ -]){0,2}[A-Za-z]+)(?: #\d+| in [0-9dhms ]+)?\s*(?::\s*|\s[-–—|]\s*)`)
	// tailWord is a state behind it: "is now UP", "has been resolved", "recovered".
	tailWord = regexp.MustCompile(`(?i)\s+(?:(?:is|has|was|are|have)\s+)?(?:now\s+)?(?:been\s+)?(back to normal|` +
		strings.Join(tailStates, "|") + `)[.!]*$`)
	// midState is a state in the middle that punctuation ends: "Monitor is UP: web".
	midState = regexp.MustCompile(`(?i)\s+(?:is|are|has)\s+(?:now\s+|been\s+|back\s+)*` +
		`(up|down|ok|healthy|unhealthy|resolved|recovered|triggered|firing|closed|failing)\s*[:.,;(]`)
	// genericNoun stands before a state without naming anything: "Incident resolved: …".
	genericNoun = regexp.MustCompile(`(?i)^(?:issue|incident|alert|alarm|monitor|case|violation|check)\s+(\S+)$`)
	// changing is what tools add that differs between an alert and its recovery.
	changing = regexp.MustCompile(`(?i)\s*\(?\s*https?://\S+(?:\s*\))?|[\s.–-]*\b(?:reason:|it was down for|downtime:).*$`)
	// tailNeedsVerb are words too common to end a subject on their own ("power up").
	tailNeedsVerb = regexp.MustCompile(`(?i)\s(?:is|has|was|are|have)\s+(?:now\s+|been\s+)*\S+(?: \S+ \S+)?[.!]*$`)
	severityPair  = regexp.MustCompile(`(?i)\b(?:severity|priority|urgency|level)\s*[=:]\s*["'` + "`" + `]?(\w+)`)
	rankWord      = regexp.MustCompile(`(?i)\b(?:P|SEV[- ]?)[0-5]\b`)
)

// readMarkers takes a plain title apart. The first state in reading order wins,
// so "[FIRING:1, RESOLVED:2]" fires.
func readMarkers(title string) markers {
	title = head(title, maxLine)
	m := markers{subject: trimSymbols(title)}
	for m.leading() {
		m.subject = trimSymbols(m.subject)
	}
	if strings.ContainsAny(m.subject, "[(") {
		m.subject = bracketed.ReplaceAllStringFunc(m.subject, func(b string) string {
			if m.bracket(b) {
				return " "
			}
			return b
		})
	}
	m.states()
	m.subject = strings.Join(strings.Fields(trimSymbols(m.subject)), " ")
	if s, labelled := titleSeverity(title); m.severity == "" || labelled && s != "" {
		m.severity = s
	}
	return m
}

// states takes the states out of the middle and off the end of the subject.
// Every line of every alert comes by here, so the expressions are asked only
// where one of the words is.
func (m *markers) states() {
	if strings.ContainsAny(m.subject, ":.,;(") {
		if at := midState.FindStringSubmatchIndex(m.subject); at != nil && m.note(m.subject[at[2]:at[3]]) {
			m.subject = m.subject[:at[0]] + m.subject[at[3]:]
		}
	}
	if !endsInState(m.subject) {
		return
	}
	if at := tailWord.FindStringSubmatchIndex(m.subject); at != nil && at[0] > 0 {
		word := m.subject[at[2]:at[3]]
		short := len(word) <= len("down")
		if !short || tailNeedsVerb.MatchString(m.subject) {
			m.note(word)
			m.subject = m.subject[:at[0]]
		}
	}
}

// endsInState reports whether tailWord can match: whether the last word is one
// of its own.
func endsInState(subject string) bool {
	subject = strings.TrimRight(subject, ".!")
	last := strings.ToLower(subject[strings.LastIndexFunc(subject, unicode.IsSpace)+1:])
	return last == "normal" || slices.Contains(tailStates, last)
}

// leading takes one marker off the front of the subject.
func (m *markers) leading() bool {
	if strings.HasPrefix(m.subject, "[") || strings.HasPrefix(m.subject, "(") {
		end := closing(m.subject)
		if end < 0 || !m.bracket(m.subject[:end]) {
			return false
		}
		m.subject = m.subject[end:]
		return true
	}
	if !strings.ContainsAny(m.subject, ":|-–—") {
		return false
	}
	at := leadWord.FindStringSubmatchIndex(m.subject)
	if at == nil || at[1] == len(m.subject) {
		return false
	}
	word := m.subject[at[2]:at[3]]
	if noun := genericNoun.FindStringSubmatch(word); noun != nil {
		word = noun[1]
	}
	if !m.note(word) {
		return false
	}
	m.subject = m.subject[at[1]:]
	return true
}

// bracket reads "[Re-Triggered on {host:a}]", "[FIRING:2]", "[P1]", "[CRITICAL]".
func (m *markers) bracket(b string) bool {
	word := b[1 : len(b)-1]
	if before, scope, found := strings.Cut(word, " on {"); found {
		word = before
		if m.scope == "" {
			m.scope = strings.TrimSuffix(strings.TrimSpace(scope), "}")
		}
	}
	word, _, _ = strings.Cut(word, ":")
	word, _, _ = strings.Cut(word, ",")
	word, _, _ = strings.Cut(word, "#")
	return m.note(strings.TrimSpace(word))
}

var joinWords = strings.NewReplacer("-", "", " ", "") // SEV-1 and "Sev 1" are one word

// note records what a marker means and reports whether it means anything.
func (m *markers) note(word string) bool {
	status, isStatus := parseStatus(word)
	severity, isSeverity := incident.ParseSeverity(joinWords.Replace(word))
	if strings.EqualFold(word, "alert") {
		isSeverity = false // "ALERT: …" announces, it does not rank
	}
	if isSeverity && (!isStatus || status == incident.StatusFiring) && m.severity == "" {
		m.severity = severity
	}
	if isStatus && m.severity == "" && strings.EqualFold(word, "down") {
		m.severity = incident.SeverityHigh
	}
	if isStatus && m.status == "" && (!isSeverity || status != incident.StatusFiring) {
		m.status = status
	}
	return isStatus || isSeverity
}

// closing returns the index behind the bracket that closes the first one.
func closing(s string) int {
	depth := 0
	for i, r := range s {
		switch r {
		case '[', '(', '{':
			depth++
		case ']', ')', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// trimSymbols drops spaces, emoji and list marks around a title.
func trimSymbols(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || isEmoji(r) || strings.ContainsRune("|•·–—:*>-", r)
	})
}

func isEmoji(r rune) bool {
	return unicode.Is(unicode.So, r) || unicode.Is(unicode.Sk, r) && r > 0x7f || r == 0xfe0f || r == 0x200d
}

// titleSeverity finds a severity in running text. Words that are ordinary
// English ("high", "low", "normal") count only after "severity" and the like.
// labelled says that the text has such a label.
func titleSeverity(title string) (s incident.Severity, labelled bool) {
	if strings.ContainsAny(title, ":=") {
		if m := severityPair.FindStringSubmatch(title); m != nil {
			if s, ok := parseSeverity(m[1]); ok {
				return s, true
			}
			labelled = true
		}
	}
	if strings.ContainsAny(title, "012345") {
		if s, ok := parseSeverity(rankWord.FindString(title)); ok {
			return s, labelled
		}
	}
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return !unicode.IsLetter(r) })
	best := incident.Severity("")
	for _, w := range words {
		if s, ok := plainSeverity[w]; ok && s.Rank() > best.Rank() {
			best = s
		}
	}
	return best, labelled
}

// plainSeverity are the words that say how bad something is wherever they stand.
var plainSeverity = map[string]incident.Severity{
	"critical": incident.SeverityCritical, "emergency": incident.SeverityCritical, "fatal": incident.SeverityCritical,
	"disaster": incident.SeverityCritical, "outage": incident.SeverityHigh, "warning": incident.SeverityMedium,
}

// groupTitle is the title under which an alert and its recovery meet.
func groupTitle(title string) string { return readMarkers(title).group(title) }

// group is groupTitle of a title whose markers are read already.
func (m markers) group(title string) string {
	subject := m.subject
	if mayChange(subject) {
		subject = changing.ReplaceAllString(subject, "")
	}
	subject = trimSymbols(subject)
	if subject == "" {
		subject = title
	}
	return strings.ToLower(strings.Join(strings.Fields(subject), " "))
}

// mayChange reports whether changing can match: it costs more than the rest of
// the title, and most titles have nothing of it.
func mayChange(subject string) bool {
	if !strings.ContainsRune(subject, ':') && len(subject) < len("it was down for") {
		return false
	}
	lower := strings.ToLower(subject)
	return slices.ContainsFunc([]string{"://", "reason:", "it was down for", "downtime:"}, func(s string) bool {
		return strings.Contains(lower, s)
	})
}
