package incident

import (
	"strings"
)

// Severity says how bad an incident is. The zero value is not a severity:
// Signal.Validate refuses it.
type Severity string

// The five severities, from worst to mildest.
const (
	SeverityCritical Severity = "critical"
	SeverityHigh     Severity = "high"
	SeverityMedium   Severity = "medium"
	SeverityLow      Severity = "low"
	SeverityInfo     Severity = "info"
)

// severityWords maps the words that senders commonly use to a severity. Words
// that mean something else at one vendor belong in that provider's own table.
var severityWords = map[string]Severity{
	"critical": SeverityCritical, "emergency": SeverityCritical, "fatal": SeverityCritical,
	"panic": SeverityCritical, "disaster": SeverityCritical, "urgent": SeverityCritical,
	"p1": SeverityCritical, "sev0": SeverityCritical, "sev1": SeverityCritical,
	"high": SeverityHigh, "error": SeverityHigh, "major": SeverityHigh, "danger": SeverityHigh,
	"alert": SeverityHigh, "p2": SeverityHigh, "sev2": SeverityHigh,
	"medium": SeverityMedium, "warning": SeverityMedium, "warn": SeverityMedium,
	"moderate": SeverityMedium, "average": SeverityMedium, "normal": SeverityMedium,
	"p3": SeverityMedium, "sev3": SeverityMedium,
	"low": SeverityLow, "minor": SeverityLow, "p4": SeverityLow, "sev4": SeverityLow,
	"info": SeverityInfo, "informational": SeverityInfo, "information": SeverityInfo,
	"notice": SeverityInfo, "debug": SeverityInfo, "success": SeverityInfo, "ok": SeverityInfo,
	"p5": SeverityInfo, "sev5": SeverityInfo,
}

// ParseSeverity reads a severity word, whatever its case ("Emergency" is
// critical, "warning" is medium). ok is false for a word it does not know; the
// caller then chooses, because refusing an alert for its severity would lose it.
func ParseSeverity(word string) (s Severity, ok bool) {
	s, ok = severityWords[strings.ToLower(strings.TrimSpace(word))]
	return s, ok
}

// Valid reports whether s is one of the five severities.
func (s Severity) Valid() bool { return s.Rank() > 0 }

// Rank orders severities: 5 for critical down to 1 for info, 0 for none.
func (s Severity) Rank() int {
	switch s {
	case SeverityCritical:
		return 5
	case SeverityHigh:
		return 4
	case SeverityMedium:
		return 3
	case SeverityLow:
		return 2
	case SeverityInfo:
		return 1
	default:
		return 0
	}
}
