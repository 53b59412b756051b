package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

func TestShowSaysWhatCanBeDone(t *testing.T) {
	t.Parallel()
	const goOn, closeIt = "Go on      nerve incidents rerun i1\n", "Close it   nerve incidents resolve i1\n"
	for _, tt := range []struct {
		name   string
		detail operator.Detail
		has    []string
		not    []string
	}{
		{"running", operator.Detail{}, nil, []string{"Failed ", "Newer ", goOn, closeIt}},
		{
			"failed",
			operator.Detail{Failure: "step notify failed", Next: []string{operator.NextRerun, operator.NextResolve}},
			[]string{"Failed     step notify failed\n" + goOn + closeIt},
			[]string{"Newer "},
		},
		{
			"failed, and its alert fired again",
			operator.Detail{Incident: operator.Incident{Newer: "i2"}, Failure: "step notify failed", Next: []string{operator.NextResolve}},
			[]string{"Failed     step notify failed\nNewer      i2", closeIt},
			[]string{goOn},
		},
		{
			"without a worker",
			operator.Detail{Unread: operator.ErrNoWorker.Error() + " within 5s: context deadline exceeded"},
			[]string{"Unread     no worker answered within 5s: context deadline exceeded; state, verdict and evidence\n           need a worker that is up\n"},
			[]string{"State      operator"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			tt.detail.ID = "i1"
			show(terminal{out: &out}, tt.detail)
			for _, s := range tt.has {
				assert.Contains(t, out.String(), s)
			}
			for _, s := range tt.not {
				assert.NotContains(t, "\n"+out.String(), "\n"+s)
			}
		})
	}
}

func TestShowFitsTheTerminal(t *testing.T) {
	t.Parallel()
	long := strings.TrimSpace(strings.Repeat("häufige Wörter ", 20))
	var out bytes.Buffer
	show(terminal{out: &out}, operator.Detail{
		Incident: operator.Incident{Title: long}, Failure: long,
		State: &contract.TriageState{Verdict: &incident.Verdict{
			Summary: long, LikelyCause: long, Claims: []incident.Claim{{Text: long, Evidence: []string{"E1"}}}, NextSteps: []string{long},
		}},
	})
	for line := range strings.Lines(out.String()) {
		assert.LessOrEqual(t, len([]rune(strings.TrimSpace(line))), 100, line)
	}
	assert.Equal(t, 6*20, strings.Count(out.String(), "häufige"), "nothing is cut")
}
