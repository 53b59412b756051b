package starter

import (
	"fmt"
	"net/url"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// maxSummary keeps the summary, encrypted, inside Temporal's 400 bytes.
const maxSummary = 160

// maxDetailLinks keeps the details to what a person looks at.
const maxDetailLinks = 5

// StartOptions says how an incident is started. An alert that was resolved may
// fire again; an event happens once, even after its incident was closed. The
// command must have a Start.
func StartOptions(cmd contract.Command) client.StartWorkflowOptions {
	s := cmd.Start.Signal
	reuse := enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
	if cmd.KeyKind == incident.KeyAlert {
		reuse = enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	}
	return client.StartWorkflowOptions{
		ID:                       cmd.WorkflowID,
		TaskQueue:                contract.QueueTriage,
		WorkflowIDReusePolicy:    reuse,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		// Without it a duplicate looks like a start.
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    attributes(cmd.Start),
		Memo:                                     map[string]any{contract.MemoIncidentID: s.IncidentID, contract.MemoTitle: s.Title},
		StaticSummary:                            cutBytes(escape.Replace(s.Title), maxSummary),
		StaticDetails:                            details(&s),
		Priority:                                 temporal.Priority{PriorityKey: priority(s.Severity), FairnessKey: s.Source},
	}
}

// attributes are those of a new incident, or those of the state that one goes on from.
func attributes(in *contract.TriageInput) temporal.SearchAttributes {
	s, phase, status := &in.Signal, contract.PhaseOpening, in.Signal.Status
	if in.State != nil {
		phase, status = in.State.Phase, in.State.Status
	}
	values := map[string]string{
		contract.AttrSource:      s.Source,
		contract.AttrProvider:    s.Provider,
		contract.AttrSeverity:    string(s.Severity),
		contract.AttrStatus:      string(status),
		contract.AttrPhase:       string(phase),
		contract.AttrFingerprint: s.Fingerprint,
	}
	updates := make([]temporal.SearchAttributeUpdate, 0, len(values))
	for _, name := range contract.SearchAttributes {
		updates = append(updates, temporal.NewSearchAttributeKeyKeyword(name).ValueSet(values[name]))
	}
	return temporal.NewSearchAttributes(updates...)
}

// priority is 1 for critical down to 5 for info; 3 is Temporal's default.
func priority(s incident.Severity) int {
	if !s.Valid() {
		return 3
	}
	return 6 - s.Rank()
}

func details(s *incident.Signal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**Source** %s (%s)  \n**Severity** %s  \n**Incident** %s", s.Source, s.Provider, s.Severity, s.IncidentID)
	for _, l := range s.Links[:min(len(s.Links), maxDetailLinks)] {
		u, err := url.Parse(l.URL)
		if err != nil {
			continue
		}
		// With its host: labels come from whoever sent the alert.
		fmt.Fprintf(&b, "\n- [%s](%s) %s", escape.Replace(l.Title), linkEscape.Replace(l.URL), escape.Replace(u.Hostname()))
	}
	return b.String()
}

// An alert's text is not ours: it must not be able to form Markdown of its own.
var (
	escape     = strings.NewReplacer("[", "(", "]", ")", "\n", " ", "`", "'")
	linkEscape = strings.NewReplacer("(", "%28", ")", "%29", " ", "%20", "<", "%3C", ">", "%3E")
)

// cutBytes shortens text to at most n bytes, at a character's edge.
func cutBytes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	cut := n - len("…")
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut] + "…"
}
