package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// see makes sure that people see that nerve has the alert: the light on the
// Slack message, or a headline where the alert did not come from Slack.
func (t *triage) see(ctx workflow.Context) error {
	if t.in.Signal.Slack != nil {
		ctx = with(ctx, stepSeen, "👀 on the alert in Slack")
		err := workflow.ExecuteActivity(ctx, acts.SetLight, activities.LightInput{
			Message: *t.in.Signal.Slack, Light: activities.LightSeen, Salt: t.in.Salt,
		}).Get(ctx, nil)
		if temporal.IsCanceledError(err) {
			return err
		}
		if err != nil {
			workflow.GetLogger(ctx).Warn("seen light not set", "error", err)
			return nil
		}
		t.state.Light = activities.LightSeen
		return nil
	}
	if t.in.Route.Channel == "" {
		return nil
	}
	return t.headline(ctx)
}

// headline posts or edits nerve's own message in the channel.
func (t *triage) headline(ctx workflow.Context) error {
	ctx = with(ctx, stepHeadline, "Headline in Slack")
	in := t.notification()
	in.Channel = t.in.Route.Channel
	in.Known = t.state.Headline
	in.Report.Evidence = nil
	var ref incident.SlackRef
	if err := workflow.ExecuteActivity(ctx, acts.Headline, in).Get(ctx, &ref); err != nil {
		return &stepError{stepHeadline, err}
	}
	t.state.Headline = &ref
	return nil
}

// tools are the evidence tools that fit this incident, in the order in which
// their evidence is numbered.
func (t *triage) tools() []string {
	tools := []string{contract.ToolOccurrences, contract.ToolPast}
	if t.in.Signal.Slack != nil {
		tools = append([]string{contract.ToolThread}, tools...)
	}
	return tools
}

// evidence asks every tool at once. One that fails becomes a fact: what nerve
// could not see.
func (t *triage) evidence(ctx workflow.Context) []incident.Evidence {
	tools := t.tools()
	asked := make([]workflow.Future, len(tools))
	for i, tool := range tools {
		s := stepEvidence
		if tool == contract.ToolThread {
			s = stepThread
		}
		asked[i] = workflow.ExecuteActivity(with(ctx, s, "Evidence: "+tool), acts.FetchEvidence, contract.EvidenceQuery{
			Tool: tool, Signal: t.unsealed(), OpenedAt: t.state.OpenedAt, Salt: t.in.Salt,
		})
	}
	all := t.in.Signal.AsEvidence()
	for i, f := range asked {
		var found []incident.Evidence
		if err := f.Get(ctx, &found); err != nil {
			found = []incident.Evidence{{Tool: tools[i], Title: tools[i], Text: reason(err), Failed: true}}
		}
		all = append(all, found...)
	}
	for i := range all {
		all[i].ID = fmt.Sprintf("E%d", i+1)
	}
	return all
}

func (t *triage) analyse(ctx workflow.Context) error {
	ctx = with(ctx, stepAnalyse, "Analysis")
	var v incident.Verdict
	err := workflow.ExecuteActivity(ctx, acts.Analyse, activities.AnalyseInput{
		Signal: t.unsealed(), Evidence: t.state.Evidence, Occurrences: t.state.Occurrences, Salt: t.in.Salt,
	}).Get(ctx, &v)
	if err != nil {
		return &stepError{stepAnalyse, err}
	}
	t.state.Verdict = &v
	return nil
}

// notify posts or edits the answer in the thread; there is none for an incident
// that is not told in Slack.
func (t *triage) notify(ctx workflow.Context) error {
	t.said = t.told()
	thread := t.thread()
	if thread == nil {
		return nil
	}
	ctx = with(ctx, stepNotify, "Answer in the Slack thread")
	in := t.notification()
	in.Thread = *thread
	in.AnswerTS = t.state.VerdictTS
	var ts string
	if err := workflow.ExecuteActivity(ctx, acts.Notify, in).Get(ctx, &ts); err != nil {
		return &stepError{stepNotify, err}
	}
	t.state.VerdictTS = ts
	return nil
}

// light replaces the light on the message. It is worth some tries, but no
// incident fails for it.
func (t *triage) light(ctx workflow.Context, light string) {
	message := t.thread()
	if message == nil || t.state.Light == light {
		return
	}
	ctx = with(ctx, stepLight, "Light "+light)
	err := workflow.ExecuteActivity(ctx, acts.SetLight, activities.LightInput{
		Message: *message, Light: light, Salt: t.in.Salt,
	}).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Warn("light not set", "light", light, "error", err)
		return
	}
	t.state.Light = light
}

// tellFailure puts ❌ on the message and a note in its thread, as far as Slack
// lets it.
func (t *triage) tellFailure(ctx workflow.Context) {
	message := t.thread()
	if message == nil {
		return
	}
	lit := workflow.ExecuteActivity(with(ctx, stepFailure, "❌ on the alert in Slack"), acts.SetLight, activities.LightInput{
		Message: *message, Light: activities.LightFailed, Salt: t.in.Salt,
	})
	in := t.notification()
	in.Thread = *message
	in.AnswerTS = t.state.VerdictTS
	in.Report.Failure = t.failure
	told := workflow.ExecuteActivity(with(ctx, stepFailure, "Failure note in the Slack thread"), acts.Notify, in)
	if err := lit.Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("failure light not set", "error", err)
	}
	if err := told.Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("failure note not posted", "error", err)
	}
}

// thread is where the incident is told, or nil.
func (t *triage) thread() *incident.SlackRef {
	if t.in.Signal.Slack != nil {
		return t.in.Signal.Slack
	}
	return t.state.Headline
}

func (t *triage) verdictLight() string {
	v := t.state.Verdict
	if v != nil && v.LikelyCause == incident.Inconclusive && t.state.Status != incident.StatusResolved {
		return activities.LightInconclusive
	}
	return activities.LightAnswered
}

func (t *triage) notification() activities.NotifyInput {
	return activities.NotifyInput{WorkflowID: t.id, Report: t.report(), Salt: t.in.Salt}
}

func (t *triage) report() incident.Report {
	r := incident.Report{
		Signal:         t.unsealed(),
		Status:         t.state.Status,
		Occurrences:    t.state.Occurrences,
		LastSeen:       t.state.LastSeen,
		AcknowledgedBy: t.state.AcknowledgedBy,
		ResolvedBy:     t.state.ResolvedBy,
		Verdict:        t.state.Verdict,
		Evidence:       t.state.Evidence,
	}
	if s := t.state.Snoozed; s != nil {
		r.SnoozedBy, r.SnoozedUntil = s.Actor.Person, s.Until
	}
	return r
}

// unsealed is the signal without its raw bytes: steps that do not need them
// keep the history small.
func (t *triage) unsealed() incident.Signal {
	s := t.in.Signal
	s.RawPayload.Sealed = nil
	return s
}

// reason is the innermost message of a failed activity, for people.
func reason(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	if timeout, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		if last := timeout.Unwrap(); last != nil {
			return "timed out; last: " + reason(last)
		}
		return "timed out"
	}
	return err.Error()
}
