package operator_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

// decisions are all that can be asked of an incident but for a rerun.
func decisions(op *operator.Operator) map[string]func(context.Context, string) error {
	return map[string]func(context.Context, string) error{
		"show":    func(ctx context.Context, id string) error { _, err := op.Show(ctx, id); return err },
		"ack":     func(ctx context.Context, id string) error { _, err := op.Acknowledge(ctx, id, alex); return err },
		"resolve": func(ctx context.Context, id string) error { _, err := op.Resolve(ctx, id, alex); return err },
		"snooze": func(ctx context.Context, id string) error {
			_, err := op.Snooze(ctx, id, contract.Snooze{Actor: audit.Actor{Person: "alex", Via: audit.ViaCLI}, Until: time.Now().Add(time.Hour)})
			return err
		},
	}
}

func withRerun(op *operator.Operator) map[string]func(context.Context, string) error {
	all := decisions(op)
	all["rerun"] = func(ctx context.Context, id string) error { _, err := op.Rerun(ctx, id, alex); return err }
	return all
}

func TestWhatIsNoIncident(t *testing.T) {
	t.Parallel()
	op, f := setup(t, &run{workflow: "nerve:watch", kind: contract.WorkflowWatch}, &run{workflow: "a:x:1", incident: "i1"})
	for name, do := range withRerun(op) {
		for id, says := range map[string]string{
			"nerve:watch": "nerve:watch is another workflow, of the type Watch",
			"i9":          "no such incident: i9 (nerve incidents list shows what there is)",
			"a:x:9":       "no such incident: a:x:9 (nerve incidents list shows what there is)",
		} {
			err := do(t.Context(), id)
			require.ErrorIs(t, err, operator.ErrNotFound, name)
			require.ErrorContains(t, err, says, name)
		}
	}
	assert.Empty(t, f.updates)
	assert.Empty(t, f.leases)
}

// What another keyset has encrypted is not told what this one encrypts.
func TestWhatCannotBeReadIsLeftAlone(t *testing.T) {
	t.Parallel()
	_, theirs := setup(t)
	op, f := setup(t)
	f.add(&run{workflow: "a:x:1", incident: "i1", execution: failed, events: f.failure("notify", "it failed", 11)})
	f.add(&run{workflow: "a:x:2", incident: "i2"})
	f.dc = theirs.dc
	for name, do := range withRerun(op) {
		for _, id := range []string{"a:x:1", "a:x:2", "i1", "i2"} {
			err := do(t.Context(), id)
			require.ErrorIs(t, err, operator.ErrKeyset, name)
			require.ErrorContains(t, err, id, name)
		}
	}
	assert.Empty(t, f.resets)
	assert.Empty(t, f.updates)
	assert.Empty(t, f.starts)
	f.add(&run{workflow: "a:x:3", incident: "i3", execution: failed})
	for filter, want := range map[operator.Filter]int{{Limit: 10}: 3, {Limit: 10, Failed: true}: 2} {
		found, err := op.List(t.Context(), filter)
		require.NoError(t, err)
		assert.Len(t, found, want, "each is one, readable or not")
	}
}
