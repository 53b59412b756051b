package workflows

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Temporal UI reads the current details as Markdown.
func TestNothingInTheDetailsIsALinkOfItsOwn(t *testing.T) {
	t.Parallel()
	const lie = "[dashboard](https://attacker.example)"
	tr := &triage{
		in: contract.TriageInput{Signal: incident.Signal{Title: lie + "\n# big", IncidentID: "inc_1"}},
		state: contract.TriageState{
			AcknowledgedBy: lie, ResolvedBy: lie, Verdict: &incident.Verdict{Summary: lie, LikelyCause: lie},
		},
		failure: lie,
	}
	a := &approval{state: contract.ApprovalState{}}
	a.state.Target, a.state.Reason, a.state.Why, a.state.Failure = lie, lie, lie, lie
	for _, details := range []string{tr.details(), a.details()} {
		assert.NotContains(t, details, "](")
		assert.NotContains(t, details, "\n# big")
		assert.Contains(t, details, "(dashboard)(https://attacker.example)")
	}
	assert.Contains(t, tr.details(), "`nerve incidents rerun inc_1`", "nerve's own Markdown stays")
}
