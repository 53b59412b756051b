package analysis

import (
	"context"
	"fmt"
	"strings"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Rules is the analyst without a model.
type Rules struct{}

// maxSteps keeps the next steps a list that is read.
const maxSteps = 5

// Analyse makes a verdict by rules. It never fails.
func (Rules) Analyse(_ context.Context, s incident.Signal, evidence []incident.Evidence, occurrences int64) (incident.Verdict, error) {
	v := incident.Verdict{
		Summary:     summary(s, occurrences),
		LikelyCause: incident.Inconclusive,
		Confidence:  incident.ConfidenceLow,
		Analyst:     incident.AnalystRules,
	}
	by := group(evidence)
	found := cause(&v, by)
	history(&v, by, occurrences)
	blind(&v, evidence)
	v.NextSteps = steps(s, found, by)
	return v, nil
}

// summary says what is wrong and where. How bad it is stands beside it wherever it is
// shown, and may rise after this.
func summary(s incident.Signal, occurrences int64) string {
	what := strings.TrimRight(s.Title, ".!")
	switch s.Kind {
	case incident.KindQuestion:
		return what
	case incident.KindTicket:
		return fmt.Sprintf("%s (ticket from %s)", what, s.Source)
	}
	where := place(s)
	times := ""
	if occurrences > 1 {
		times = fmt.Sprintf(", seen %d times", occurrences)
	}
	return fmt.Sprintf("%s (from %s%s)", what, s.Source, where+times)
}

// place names what the alert is about: "on api in prod".
func place(s incident.Signal) string {
	on := s.Entity("service")
	if on == "" {
		on = s.Entity("host")
	}
	in := s.Entity("environment")
	text := ""
	if on != "" && !strings.Contains(s.Title, on) {
		text += ", on " + on
	}
	if in != "" {
		text += ", in " + in
	}
	return text
}

func group(evidence []incident.Evidence) map[string][]incident.Evidence {
	by := map[string][]incident.Evidence{}
	for _, e := range evidence {
		if !e.Failed {
			by[e.Tool] = append(by[e.Tool], e)
		}
	}
	return by
}

// cause looks for what the alert's own words and the people in its thread point
// to. Two kinds of evidence that agree make it medium; one alone stays low.
func cause(v *incident.Verdict, by map[string][]incident.Evidence) *pattern {
	var found *pattern
	var cited []string
	for _, e := range by["alert"] {
		if p := findPattern(e.Text); p != nil {
			found, cited = p, append(cited, e.ID)
			v.Claims = append(v.Claims, incident.Claim{Text: "The alert's own words point to this: " + p.cause, Evidence: []string{e.ID}})
		}
	}
	for _, e := range by[contract.ToolThread] {
		p := findPattern(e.Text)
		if p == nil {
			continue
		}
		v.Claims = append(v.Claims, incident.Claim{Text: "Somebody in the thread speaks of this: " + p.cause, Evidence: []string{e.ID}})
		if found == nil || found.name == "unreachable" || p.name == "deploy" {
			found = p
		}
		cited = append(cited, e.ID)
	}
	if found != nil {
		v.LikelyCause = found.cause
	}
	if len(cited) > 1 {
		v.Confidence = incident.ConfidenceMedium
	}
	return found
}

// history speaks of the alert's own repeats and of earlier incidents alike.
func history(v *incident.Verdict, by map[string][]incident.Evidence, occurrences int64) {
	if own := by[contract.ToolOccurrences]; occurrences > 1 && len(own) > 0 {
		v.Claims = append(v.Claims, incident.Claim{
			Text:     fmt.Sprintf("It keeps firing: %d times so far", occurrences),
			Evidence: ids(own),
		})
	}
	past := by[contract.ToolPast]
	if len(past) == 0 {
		return
	}
	text := fmt.Sprintf("This happened before: %d earlier incidents alike", len(past))
	if len(past) == 1 {
		text = "This happened before: one earlier incident alike"
	}
	v.Claims = append(v.Claims, incident.Claim{Text: text, Evidence: ids(past)})
	if v.LikelyCause == incident.Inconclusive {
		return
	}
	v.Confidence = incident.ConfidenceMedium
}

// blind says what could not be seen, citing the failed look itself.
func blind(v *incident.Verdict, evidence []incident.Evidence) {
	for _, e := range evidence {
		if e.Failed {
			v.Claims = append(v.Claims, incident.Claim{Text: "Could not see " + e.Title + ", so it is not part of this", Evidence: []string{e.ID}})
		}
	}
}

func steps(s incident.Signal, found *pattern, by map[string][]incident.Evidence) []string {
	var out []string
	for _, l := range s.Links {
		if strings.Contains(strings.ToLower(l.Title+l.URL), "runbook") {
			out = append(out, "Follow the runbook: "+l.URL)
			break
		}
	}
	if found != nil {
		out = append(out, found.step)
	}
	if past := by[contract.ToolPast]; len(past) > 0 {
		out = append(out, lookBack(past))
	}
	if len(s.Links) > 0 && !strings.Contains(strings.Join(out, " "), s.Links[0].URL) {
		out = append(out, "Open "+s.Links[0].Title+": "+s.Links[0].URL)
	}
	if len(out) == 0 {
		out = append(out, fallback(s))
	}
	if len(out) > maxSteps {
		out = out[:maxSteps]
	}
	return out
}

// lookBack sends the reader to the last incident alike that has ended; one that is
// still open has no end to read about.
func lookBack(past []incident.Evidence) string {
	for _, e := range past {
		if !strings.Contains(e.Text, contract.PastOpen) {
			return "Read how the last one alike ended: " + e.Title
		}
	}
	return "See what is known of the one alike that is still open: " + past[0].Title
}

func fallback(s incident.Signal) string {
	switch s.Kind {
	case incident.KindQuestion:
		return "Answer in this thread; no rule matches the question."
	case incident.KindTicket:
		return "Open the ticket and ask the requester since when it happens and for how many."
	default:
		return "Look at what changed shortly before " + s.Timestamp.UTC().Format("15:04 UTC") + ": deploys, configuration, traffic."
	}
}

func ids(evidence []incident.Evidence) []string {
	out := make([]string, len(evidence))
	for i, e := range evidence {
		out[i] = e.ID
	}
	return out
}
