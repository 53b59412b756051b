package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Bounds on what one tool returns into a history.
const (
	maxEvidence     = 20   // items of one tool
	maxEvidenceText = 2000 // characters of one item
	// maxRawText is what is scrubbed of one item; Slack's longest message has as much.
	maxRawText = 40_000
)

// FetchEvidence asks one tool and returns what it found: scrubbed, bounded, and
// without ids, which the workflow gives.
func (a *Activities) FetchEvidence(ctx context.Context, in contract.EvidenceQuery) ([]incident.Evidence, error) {
	tool, ok := a.deps.Tools[in.Tool]
	if !ok {
		return nil, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("this worker has no evidence tool %q", in.Tool), "evidence/unknown_tool", nil)
	}
	found, err := tool.Fetch(ctx, in)
	if err != nil {
		return nil, a.failed(in.Salt, "ask "+in.Tool, err)
	}
	if len(found) > maxEvidence {
		activity.GetLogger(ctx).Info("evidence cut", "tool", in.Tool, "found", len(found), "kept", maxEvidence)
		found = found[:maxEvidence]
	}
	for i := range found {
		e := &found[i]
		e.Tool = in.Tool
		// Scrubbed between the cuts: what the first goes through, the second takes
		// away, and no half of a card number is left that nobody can tell from others.
		e.Text, e.Title = incident.Cut(e.Text, maxRawText), incident.Cut(e.Title, maxRawText)
		a.deps.Scrubber.Evidence(in.Salt, e)
		e.Text, e.Title = incident.Cut(e.Text, maxEvidenceText), incident.Cut(e.Title, incident.MaxTitle)
	}
	return found, nil
}
