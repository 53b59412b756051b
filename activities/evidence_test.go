package activities

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
)

// found is a tool that finds texts.
type found []string

func (f found) Fetch(context.Context, contract.EvidenceQuery) ([]incident.Evidence, error) {
	var all []incident.Evidence
	for _, text := range f {
		all = append(all, incident.Evidence{Title: "In the thread", Text: text})
	}
	return all, nil
}

// Half an address or half a card number is no pattern any more.
func TestEvidenceIsScrubbedBeforeItIsCut(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	pad := strings.Repeat("z", maxEvidenceText-12) + " "
	a := &Activities{deps: Deps{Scrubber: privacy.NewScrubber(), Tools: map[string]Evidence{
		contract.ToolThread: found{pad + "joe.smith@example.com", pad + "4242 4242 4242 4242"},
	}}}
	env.RegisterActivity(a)
	v, err := env.ExecuteActivity(a.FetchEvidence, contract.EvidenceQuery{Tool: contract.ToolThread, Salt: []byte("salt")})
	require.NoError(t, err)
	var got []incident.Evidence
	require.NoError(t, v.Get(&got))
	require.Len(t, got, 2)
	for _, e := range got {
		assert.LessOrEqual(t, len([]rune(e.Text)), maxEvidenceText)
		assert.NotContains(t, e.Text, "joe")
		assert.NotContains(t, e.Text, "4242")
	}
}
