package activities

import (
	"context"

	"github.com/nerve-alerts/nerve/incident"
)

// AnalyseInput is all that an analysis sees.
type AnalyseInput struct {
	Signal      incident.Signal     `json:"signal"`
	Evidence    []incident.Evidence `json:"evidence"`
	Occurrences int64               `json:"occurrences"`
	Salt        []byte              `json:"salt"`
}

// Analyse makes a verdict of the signal and its evidence. Each claim of the
// verdict cites evidence that exists; one that does not is dropped.
func (a *Activities) Analyse(ctx context.Context, in AnalyseInput) (incident.Verdict, error) {
	v, err := a.deps.Analyst.Analyse(ctx, in.Signal, in.Evidence, in.Occurrences)
	if err != nil {
		return incident.Verdict{}, a.failed(in.Salt, "analyse", err)
	}
	v.KeepCited(in.Evidence)
	a.deps.Scrubber.Verdict(in.Salt, &v)
	return v, nil
}
