package operator_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

func TestWhatIsWrongWithSenders(t *testing.T) {
	t.Parallel()
	op, f := setup(t)
	f.watch = &contract.WatchState{Checks: 1, Checked: opening}
	got, err := op.Senders(t.Context())
	require.NoError(t, err)
	assert.Equal(t, operator.Senders{Checked: opening, Findings: []contract.Finding{}}, got)

	silent := contract.Finding{Source: "dd", Kind: contract.FindingSilent, Text: "nothing came for 2h", Since: opening, Told: true}
	f.watch.Standing = []contract.Finding{silent}
	f.watch.Untold = []contract.Finding{{Source: "zd", Kind: contract.FindingReplays}}
	got, err = op.Senders(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []contract.Finding{silent}, got.Findings, "what is over is not wrong now")
	assert.Equal(t, []string{"nerve:watch//watch", "nerve:watch//watch"}, f.asked)
}

func TestNobodyLooksAtSenders(t *testing.T) {
	t.Parallel()
	op, f := setup(t)
	for err, says := range map[error]string{
		serviceerror.NewNotFound("no such workflow"): "nothing has looked at the senders yet",
		errors.New("deadline exceeded"):              "within 5s",
	} {
		f.watchErr = err
		_, got := op.Senders(t.Context())
		require.ErrorIs(t, got, operator.ErrNoWorker)
		require.ErrorContains(t, got, says)
	}
}
