package activities

import (
	"context"
	"fmt"
	"strings"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Lookout says what is wrong with senders.
type Lookout interface {
	Look(ctx context.Context, q contract.WatchQuery) (contract.WatchReport, error)
}

// Look asks the delivery log what is wrong with senders now.
func (a *Activities) Look(ctx context.Context, q contract.WatchQuery) (contract.WatchReport, error) {
	if a.deps.Lookout == nil {
		return contract.WatchReport{}, nil
	}
	r, err := a.deps.Lookout.Look(ctx, q)
	return r, a.failed(nil, "look at the senders", err)
}

// OperatorsInput is what operators are told about senders.
type OperatorsInput struct {
	Key  string             `json:"key"` // told once for each
	New  []contract.Finding `json:"new,omitempty"`
	Over []contract.Finding `json:"over,omitempty"`
}

// TellOperators posts what is wrong with senders, and what is over, in the
// operators' channel. Without one, or without Slack, the findings can be asked for.
func (a *Activities) TellOperators(ctx context.Context, in OperatorsInput) error {
	if a.deps.Slack == nil || a.deps.OperatorsChannel == "" {
		return nil
	}
	var lines []string
	for _, f := range in.New {
		lines = append(lines, fmt.Sprintf("⚠️ Source %s: %s", f.Source, f.Text))
	}
	for _, f := range in.Over {
		lines = append(lines, fmt.Sprintf("✅ Source %s: over: %s", f.Source, f.Text))
	}
	err := a.deps.Slack.Note(ctx, incident.SlackRef{ChannelID: a.deps.OperatorsChannel}, in.Key, strings.Join(lines, "\n"))
	return a.failed(nil, "tell the operators", err)
}
