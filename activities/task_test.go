package activities

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
)

// ledger keeps tasks and the audit log.
type ledger struct{ entries []audit.Entry }

func (*ledger) SaveTask(context.Context, contract.TaskRecord) error { return nil }

func (l *ledger) AppendAudit(_ context.Context, e audit.Entry) (audit.Entry, error) {
	l.entries = append(l.entries, e)
	return e, nil
}

// People type the reason of a rerun, so it may hold anything.
func TestTheReasonOfARerunIsScrubbed(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	in := RecordTaskInput{Record: contract.TaskRecord{ID: "replicate:t1"}, Salt: []byte("salt"), Reruns: []contract.IncidentAction{
		{Ref: "r", Actor: audit.Actor{Person: "alex", Via: audit.ViaCLI}, Reason: "asked by a@example.com"},
	}}
	require.NoError(t, (&Activities{deps: Deps{Scrubber: privacy.NewScrubber(), Tasks: l, Auditor: l}}).RecordTask(t.Context(), in))
	require.Len(t, l.entries, 1)
	assert.Equal(t, contract.AuditTaskRerun, l.entries[0].Action)
	assert.Contains(t, l.entries[0].Detail["reason"], "asked by ")
	assert.NotContains(t, l.entries[0].Detail["reason"], "a@example.com")
	require.Error(t, (&Activities{deps: Deps{Scrubber: privacy.NewScrubber(), Tasks: l}}).RecordTask(t.Context(), in), "without an audit log nothing is lost in silence")
}
