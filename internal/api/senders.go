package api

import (
	"context"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/internal/access"
)

// Finding is something that is wrong with a sender, see docs/senders.md.
type Finding struct {
	Source string    `json:"source"`
	Kind   string    `json:"kind" enum:"invalid_signatures,replays,handler_errors,clock_skew,unknown_key,silent"`
	Text   string    `json:"text" doc:"What, with its figures"`
	Since  time.Time `json:"since"`
	Told   bool      `json:"told" doc:"The operators' channel has heard of it"`
	Missed int       `json:"missed,omitempty" doc:"How many looks in a row have found it no more: it is over soon"`
}

// Senders is what is wrong with senders.
type Senders struct {
	CheckedAt time.Time `json:"checked_at,omitzero" doc:"When the delivery log was looked at last, which is each minute; missing before the first look"`
	Items     []Finding `json:"items" nullable:"false" doc:"What stands, what was found first at the start"`
}

type sendersOutput struct{ Body Senders }

func (s *Server) senders() {
	add(s, operation{
		method: http.MethodGet, path: "/senders", id: "listSenders", tag: tagSources, scope: access.Read,
		summary: "List what is wrong with senders: fell silent, fails verification, sends late, …",
		more:    "503 also before any worker has looked.",
	}, func(ctx context.Context, _ *struct{}) (*sendersOutput, error) {
		found, err := s.deps.Operator.Senders(ctx)
		if err != nil {
			return nil, err
		}
		out := &sendersOutput{Senders{CheckedAt: found.Checked, Items: make([]Finding, 0, len(found.Findings))}}
		for _, f := range found.Findings {
			out.Body.Items = append(out.Body.Items, Finding{
				Source: f.Source, Kind: string(f.Kind), Text: f.Text, Since: f.Since, Told: f.Told, Missed: f.Missed,
			})
		}
		return out, nil
	})
}
