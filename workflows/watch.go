package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/internal/contract"
)

const (
	// watchEvery is how often senders are looked at.
	watchEvery = time.Minute
	// cadenceEvery is after how many checks cadences are looked at: a source that
	// fell silent has been so for an hour at least.
	cadenceEvery = 10
	// checksOfRun is how many checks one run makes: about eight hours, some 6,000
	// events.
	checksOfRun = 480
	// missedEnough is how many checks in a row must find nothing for a rate to be
	// over: one that goes up and down around its limit is told once.
	missedEnough = 5
)

// watch is the state of Watch while it runs.
type watch struct {
	contract.WatchState
}

// Watch looks at senders for ever: each minute it asks the delivery log what is
// wrong with them, and tells the operators once when something begins and once
// when it is over. There is one for each nerve, so that several workers tell
// once, and what it has told is its state, so that a restart does not tell again.
func Watch(ctx workflow.Context, state contract.WatchState) error {
	w := &watch{state}
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.QueryWatch,
		func() (contract.WatchState, error) { return w.WatchState, nil },
		workflow.QueryHandlerOptions{Description: "What is wrong with senders now."})
	if err != nil {
		return fmt.Errorf("workflows: set the watch query: %w", err)
	}
	for range checksOfRun {
		w.check(ctx)
		err := workflow.NewTimerWithOptions(ctx, watchEvery, workflow.TimerOptions{Summary: "Next look at the senders"}).Get(ctx, nil)
		if err != nil {
			return err
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			break
		}
	}
	return workflow.NewContinueAsNewError(ctx, contract.WorkflowWatch, w.WatchState)
}

// check looks once. A database that is away says nothing about senders: what
// stands goes on standing.
func (w *watch) check(ctx workflow.Context) {
	now := workflow.Now(ctx)
	var report contract.WatchReport
	err := workflow.ExecuteActivity(with(ctx, stepWatch, "Look at the senders"), acts.Look, contract.WatchQuery{
		Now: now, Standing: w.Standing, Cadence: w.Checks%cadenceEvery == 0,
	}).Get(ctx, &report)
	if err != nil {
		workflow.GetLogger(ctx).Warn("senders not looked at", "error", err)
		return
	}
	w.Checks++
	w.Checked = now
	w.take(report.Findings)
	w.tell(ctx)
}

// take brings what stands up to date with what was found.
func (w *watch) take(found []contract.Finding) {
	same := func(a contract.Finding) func(contract.Finding) bool {
		return func(b contract.Finding) bool { return a.Source == b.Source && a.Kind == b.Kind }
	}
	var standing []contract.Finding
	for _, s := range w.Standing {
		i := slices.IndexFunc(found, same(s))
		if i >= 0 {
			s.Text, s.Missed = found[i].Text, 0
			found = slices.Delete(slices.Clone(found), i, i+1)
			standing = append(standing, s)
			continue
		}
		if s.Missed++; s.Missed < patience(s.Kind) {
			standing = append(standing, s)
		} else if s.Told {
			w.Untold = append(w.Untold, s)
		}
	}
	w.Standing = append(standing, found...)
}

// patience is after how many checks a finding that is found no more is over.
func patience(k contract.FindingKind) int {
	if k == contract.FindingSilent || k == contract.FindingUnknownKey {
		return 1 // one delivery ends them
	}
	return missedEnough
}

// tell tells what is new and what is over, in one message. What cannot be told is
// told with the next check.
func (w *watch) tell(ctx workflow.Context) {
	in := activities.OperatorsInput{Key: fmt.Sprintf("%s/%d", contract.WatchID, w.Checked.UnixMicro()), Over: w.Untold}
	for _, s := range w.Standing {
		if !s.Told {
			in.New = append(in.New, s)
		}
	}
	if len(in.New)+len(in.Over) == 0 {
		return
	}
	if err := workflow.ExecuteActivity(with(ctx, stepNote, "Tell the operators"), acts.TellOperators, in).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("operators not told of senders", "error", err)
		return
	}
	w.Untold = nil
	for i := range w.Standing {
		w.Standing[i].Told = true
	}
}
