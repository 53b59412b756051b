package back

import (
	"cmp"
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/internal/api"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/lookout"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/internal/silence"
)

// senders gives the activities what they look at senders and silences with.
func (w *Worker) senders(deps *activities.Deps) {
	c := w.core
	deps.Silences = &silence.Book{Store: w.store}
	deps.OperatorsChannel = cmp.Or(c.Config.Operators.Channel, c.Config.Slack.Channel)
	sweeper := &lookout.Sweeper{
		Store:   w.store,
		Release: operator.New(c.Client, c.Converter, c.Config.Temporal.Namespace).ReleaseSilence,
		Keep:    c.SilenceCarrier().Keep,
	}
	o := c.Config.Operators
	deps.Lookout = &lookout.Lookout{
		Store: w.store, Sweep: sweeper.Sweep, Log: c.Log,
		Sources: func(ctx context.Context) ([]string, error) {
			set, err := w.store.Sources(ctx)
			return append(registry.Names(c.Config.Sources, set), api.SourceName), err
		},
		Limits: lookout.Limits{Signatures: o.InvalidSignatures, Replays: o.Replays, Errors: o.HandlerErrors, Samples: o.Samples},
	}
}

// watchSenders makes sure that the one run of Watch is there. Whichever worker
// comes first starts it.
func (w *Worker) watchSenders(ctx context.Context) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		_, err := w.core.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: contract.WatchID, TaskQueue: contract.QueueTriage,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			StaticSummary:            "Looks at the senders, each minute",
		}, contract.WorkflowWatch, contract.WatchState{})
		if err == nil || ctx.Err() != nil {
			return
		}
		w.core.Log.WarnContext(ctx, "nobody looks at the senders yet", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
