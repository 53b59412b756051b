package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

const (
	// defaultQuiet closes an incident that nothing was heard of, when the
	// source does not say otherwise.
	defaultQuiet = 24 * time.Hour
	// editPause lets a burst of occurrences end in one edit of the answer.
	editPause = 5 * time.Second
	// lastWords bounds how often a run that ends tells and records what came meanwhile.
	lastWords = 5
	// maxSeen is how many delivery ids are remembered against double counting.
	maxSeen = 100
)

// live keeps the incident open: it counts occurrences, follows decisions, and
// ends when the alert is resolved or has been quiet for its period.
func (t *triage) live(ctx workflow.Context) (contract.TriageResult, error) {
	for {
		outcome, err := t.wait(ctx)
		switch {
		case errors.Is(err, errContinue):
			return contract.TriageResult{}, t.continueAsNew(ctx)
		case err != nil:
			return contract.TriageResult{}, t.cancelled(ctx, err)
		}
		if outcome == "" {
			t.refresh(ctx)
			continue
		}
		if t.close(ctx, outcome) {
			return t.result(outcome), nil
		}
		if outcome == OutcomeResolved {
			if err := t.again(ctx); err != nil {
				return contract.TriageResult{}, t.fail(ctx, err)
			}
		}
	}
}

var errContinue = errors.New("workflows: continue as new")

// wait returns an outcome to close with, "" when the answer should be edited,
// or an error: the workflow was cancelled, or its history is long enough.
func (t *triage) wait(ctx workflow.Context) (string, error) {
	editAt := time.Time{}
	for {
		t.drain(ctx)
		switch {
		case t.state.Status == incident.StatusResolved:
			return OutcomeResolved, nil
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			return "", errContinue
		}
		now := workflow.Now(ctx)
		if s := t.state.Snoozed; s != nil && !s.Until.After(now) {
			t.wakeUp(ctx)
		}
		if (t.told() != t.said || len(t.notes) > 0) && editAt.IsZero() {
			editAt = now.Add(editPause)
		}
		next, outcome, summary := t.quietAt(), OutcomeQuiet, "Close when quiet"
		if s := t.state.Snoozed; s != nil {
			next, outcome, summary = s.Until, "", "End of the snooze"
		}
		if !editAt.IsZero() && editAt.Before(next) {
			next, outcome, summary = editAt, "", "Edit the answer"
		}
		if !next.After(now) {
			return outcome, nil
		}
		if err := t.sleep(ctx, next.Sub(now), summary); err != nil {
			return "", err
		}
	}
}

// sleep waits for a signal, an update that changed what people were told, or
// the time.
func (t *triage) sleep(ctx workflow.Context, d time.Duration, summary string) error {
	notes := len(t.notes)
	before, status, last := t.told(), t.state.Status, t.state.LastSeen
	occurrences := workflow.GetSignalChannel(ctx, contract.SignalOccurrence)
	resolved := workflow.GetSignalChannel(ctx, contract.SignalResolved)
	ended := workflow.GetSignalChannel(ctx, contract.SignalSilenceEnded)
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout: d, TimerOptions: workflow.TimerOptions{Summary: summary},
	}, func() bool {
		return occurrences.Len() > 0 || resolved.Len() > 0 || ended.Len() > 0 || len(t.notes) != notes ||
			t.told() != before || t.state.Status != status || t.state.LastSeen != last
	})
	return err
}

// drain takes in every signal that has arrived.
func (t *triage) drain(ctx workflow.Context) {
	t.occurrences(ctx)
	resolved := workflow.GetSignalChannel(ctx, contract.SignalResolved)
	var r contract.Resolved
	for resolved.ReceiveAsync(&r) {
		if t.first(r.DeliveryID) && !t.firedSince(r) {
			t.resolve(ctx, bySender.Person, contract.IncidentAction{Actor: bySender})
		}
		r = contract.Resolved{}
	}
	t.release(ctx)
}

func (t *triage) occurrences(ctx workflow.Context) {
	told := workflow.GetSignalChannel(ctx, contract.SignalOccurrence)
	var o contract.Occurrence
	for told.ReceiveAsync(&o) {
		t.occur(ctx, o)
		o = contract.Occurrence{}
	}
}

// occur counts an occurrence once, whatever path and how often it came. An
// alert that fires after it was resolved, before the incident has closed, is
// open again.
func (t *triage) occur(ctx workflow.Context, o contract.Occurrence) {
	if !t.first(o.DeliveryID) {
		return
	}
	t.state.Occurrences = max(t.state.Occurrences+1, o.Count)
	t.state.LastSeen = workflow.Now(ctx)
	if o.At.After(t.state.FiredAt) {
		t.state.FiredAt = o.At
	}
	if t.state.Status == incident.StatusResolved {
		t.reopen(ctx)
	}
	if o.Severity.Rank() > t.in.Signal.Severity.Rank() {
		t.raise(ctx, o.Severity)
	}
	t.changed(ctx)
}

// firedSince reports whether the alert has fired since a resolve was received that
// waited in the spool. That resolve ended what was before, and must not close the
// incident that the alert has joined or opened meanwhile. One that came straight
// is taken at its word: two clocks may differ by more than it took.
func (t *triage) firedSince(r contract.Resolved) bool {
	return r.Late && t.state.FiredAt.After(r.At)
}

// first remembers a delivery id and reports whether it is new. An empty id
// cannot be told from another and is taken as new.
func (t *triage) first(deliveryID string) bool {
	if deliveryID == "" {
		return true
	}
	if slices.Contains(t.state.Seen, deliveryID) {
		return false
	}
	t.state.Seen = append(t.state.Seen, deliveryID)
	if over := len(t.state.Seen) - maxSeen; over > 0 {
		t.state.Seen = slices.Delete(t.state.Seen, 0, over)
	}
	return true
}

// refresh edits what people were told, and tells what there is to note. An edit that fails leaves the answer as
// it was, which is no reason to fail an incident that has been answered.
func (t *triage) refresh(ctx workflow.Context) {
	t.said = t.told()
	if t.state.Headline != nil {
		if err := t.headline(ctx); err != nil {
			workflow.GetLogger(ctx).Warn("headline not edited", "error", err)
		}
	}
	if err := t.notify(ctx); err != nil {
		workflow.GetLogger(ctx).Warn("answer not edited", "error", err)
	}
	t.light(ctx, t.lit())
	t.tell(ctx)
}

// close ends the incident, unless its alert fires again meanwhile: then it is
// open again and close returns false.
func (t *triage) close(ctx workflow.Context, outcome string) bool {
	if t.in.Window != "" {
		ctx := with(ctx, stepRelease, "Let the next firing start anew")
		err := workflow.ExecuteActivity(ctx, acts.ReleaseWindow, activities.ReleaseInput{
			Source: t.in.Signal.Source, Window: t.in.Window, WorkflowID: t.id, Salt: t.in.Salt,
		}).Get(ctx, nil)
		if err != nil {
			workflow.GetLogger(ctx).Warn("window not released", "error", err)
		}
	}
	switch {
	case t.state.Silence != nil: // nobody was told that it had begun
	case outcome == OutcomeResolved:
		t.refresh(ctx)
		t.light(ctx, activities.LightAnswered)
	case t.state.Light == activities.LightSnoozed:
		t.refresh(ctx)
	}
	if t.reopened(ctx, outcome) {
		return false
	}
	t.closedAt = workflow.Now(ctx)
	t.enter(ctx, contract.PhaseClosed)
	t.settleUnlessSignalled(ctx)
	if t.reopened(ctx, outcome) {
		t.closedAt = time.Time{}
		t.enter(ctx, contract.PhaseOpen)
		return false
	}
	return true
}

// reopened takes in what arrived last and reports whether it undid the outcome.
func (t *triage) reopened(ctx workflow.Context, outcome string) bool {
	last := t.state.LastSeen
	t.drain(ctx)
	if outcome == OutcomeResolved {
		return t.state.Status != incident.StatusResolved
	}
	return t.state.LastSeen != last || t.state.Status == incident.StatusResolved
}

func (t *triage) result(outcome string) contract.TriageResult {
	return contract.TriageResult{
		IncidentID: t.in.Signal.IncidentID, Outcome: outcome, ResolvedBy: t.state.ResolvedBy,
		Occurrences: t.state.Occurrences, Verdict: t.state.Verdict,
	}
}

// continueAsNew goes on in a new run when the history has grown long. What came
// while the old one was told and recorded is told and recorded too: the new run
// knows the state, and not what people have not heard of yet. Under a storm that
// has no end the rest is left to the new run's next change.
func (t *triage) continueAsNew(ctx workflow.Context) error {
	for range lastWords {
		t.tell(ctx)
		t.settle(ctx)
		t.drain(ctx)
		t.hear(ctx)
		if !t.dirty && len(t.notes) == 0 {
			break
		}
	}
	in := t.in
	in.State = &t.state
	return workflow.NewContinueAsNewError(ctx, contract.WorkflowTriage, in)
}

// quietAt is when the incident closes unless something is heard of it. One that a
// silence held back waits from when people were told.
func (t *triage) quietAt() time.Time {
	from := t.state.LastSeen
	for _, a := range t.state.Actions {
		if a.Kind == contract.ActionSilenceEnded && a.At.After(from) {
			from = a.At
		}
	}
	return from.Add(t.quiet())
}

func (t *triage) quiet() time.Duration {
	if t.in.Route.QuietPeriod > 0 {
		return t.in.Route.QuietPeriod
	}
	return defaultQuiet
}

// told is what the answer in Slack shows of the incident's life: when it
// changes, the answer is edited.
func (t *triage) told() string {
	if s := t.state.Snoozed; s != nil {
		return fmt.Sprint("snoozed ", s.Until.UnixMicro(), s.Actor.Person, t.state.Status)
	}
	return fmt.Sprint(t.in.Signal.Severity, t.state.Occurrences, t.state.Status, t.state.AcknowledgedBy, t.state.ResolvedBy)
}
