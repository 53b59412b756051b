package providers

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/nerve-alerts/nerve/incident"
)

// maxAlerts is how many alerts of one delivery become signals of their own. What
// is beyond is folded into one signal more, which says so: a delivery of
// thousands must neither flood the stores nor lose its end in silence.
const maxAlerts = 100

// maxFoldedTitles is how many of the folded alerts a person is shown by title.
const maxFoldedTitles = 20

// foldedName tells the storm of one group of alerts from another's, and is the
// same when the same alerts come again or are over.
func foldedName(b *Batch) string {
	first := &b.Signals[0]
	return "folded " + cmp.Or(first.Group, first.Key.Value)
}

// fold makes one signal of the alerts beyond maxAlerts. Those that a mapping did
// not read are known by their number only.
func fold(b *Batch) {
	var rest []incident.Signal
	if over := len(b.Signals) - maxAlerts; over > 0 {
		rest = b.Signals[maxAlerts:]
		b.Signals = b.Signals[:maxAlerts:maxAlerts]
		b.Folded += over
	}
	if b.Folded == 0 {
		return
	}
	if len(b.Signals) == 0 { // what was read of it is no alert
		b.Warnings = append(b.Warnings, fmt.Sprintf("%d further parts of the delivery were not read", b.Folded))
		return
	}
	s := incident.Signal{
		Kind: incident.KindStorm, Status: incident.StatusFiring, EventType: b.EventType, Timestamp: b.Signals[0].Timestamp,
		Title: fmt.Sprintf("%d more alerts in one delivery", b.Folded),
		Key:   incident.Key{Kind: incident.KeyAlert, Value: foldedName(b)},
	}
	lines := []string{fmt.Sprintf("The delivery held %d alerts. The first %d are incidents of their own; these are the rest.", len(b.Signals)+b.Folded, len(b.Signals))}
	resolved := len(rest) > 0
	for i := range rest {
		if rest[i].Severity.Rank() > s.Severity.Rank() {
			s.Severity = rest[i].Severity
		}
		resolved = resolved && rest[i].Status == incident.StatusResolved
		if i < maxFoldedTitles {
			lines = append(lines, string(rest[i].Status)+": "+rest[i].Title)
		}
	}
	if resolved {
		s.Status = incident.StatusResolved
	}
	s.Description = strings.Join(lines, "\n")
	b.Signals = append(b.Signals, s)
	b.Warnings = append(b.Warnings, fmt.Sprintf("%d alerts of the delivery were folded into one", b.Folded))
}
