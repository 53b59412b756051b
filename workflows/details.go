package workflows

import (
	"fmt"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
)

// details is what Temporal UI shows as the workflow's current details: the
// incident at a glance, in Markdown. It goes through the encrypting codec.
func (t *triage) details() string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, linef(format, args...)) }
	add("**%s**\n\n", t.in.Signal.Title)
	add("- Phase: **%s**, status **%s**\n", t.state.Phase, t.state.Status)
	add("- Source: %s, severity %s\n", t.in.Signal.Source, t.in.Signal.Severity)
	add("- Seen %d times, last %s\n", t.state.Occurrences, t.state.LastSeen.UTC().Format(time.RFC3339))
	if t.state.AcknowledgedBy != "" {
		add("- Acknowledged by %s\n", t.state.AcknowledgedBy)
	}
	if t.state.ResolvedBy != "" {
		add("- Resolved by %s\n", t.state.ResolvedBy)
	}
	if s := t.state.Snoozed; s != nil {
		add("- Snoozed by %s until %s\n", s.Actor.Person, clock(s.Until))
	}
	if s := t.state.Silence; s != nil {
		add("- Silenced by `%s` until %s\n", s.ID, clock(s.Until))
	}
	if t.failure != "" {
		id := t.in.Signal.IncidentID
		add("- **Failed**: %s\n- Go on from that step: `nerve incidents rerun %s`; close it: `nerve incidents resolve %s`\n", t.failure, id, id)
	}
	var blind []string
	for _, e := range t.state.Evidence {
		if e.Failed {
			blind = append(blind, e.Tool)
		}
	}
	if len(blind) > 0 {
		add("- Could not see: %s\n", strings.Join(blind, ", "))
	}
	if v := t.state.Verdict; v != nil {
		add("\n%s\n\nLikely cause: %s (%s confidence)\n", v.Summary, cause(v), v.Confidence)
	}
	return strings.Join(lines, "")
}

func cause(v *incident.Verdict) string {
	if v.LikelyCause == "" {
		return incident.Inconclusive
	}
	return v.LikelyCause
}

// linef formats a line of details. What is put into it is alerts' and people's
// text, which must not form Markdown of its own: a link says where it leads.
func linef(format string, args ...any) string {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = unmarked.Replace(s)
		}
	}
	return fmt.Sprintf(format, args...)
}

var unmarked = strings.NewReplacer("[", "(", "]", ")", "\n", " ", "`", "'")
