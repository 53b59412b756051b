package activities

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Slack is where people are told.
type Slack interface {
	React(ctx context.Context, ref incident.SlackRef, emoji string) error
	// Only takes nerve's own reactions but one off the message.
	Only(ctx context.Context, ref incident.SlackRef, emoji string) error
	Headline(ctx context.Context, channel string, known *incident.SlackRef, r incident.Report) (incident.SlackRef, error)
	Answer(ctx context.Context, thread incident.SlackRef, known string, r incident.Report) (string, error)
	// Note posts a short text in the thread, or in the channel where the ref has
	// no thread, once for each key.
	Note(ctx context.Context, where incident.SlackRef, key, text string) error
}

// Silences says what holds a signal back now, or nil.
type Silences interface {
	Silenced(ctx context.Context, s incident.Signal) (*contract.Silencing, error)
}

// Recorder keeps the record of incidents.
type Recorder interface {
	Record(ctx context.Context, rec contract.IncidentRecord) error
}

// Windows are the admission windows that fold repeats into an incident.
type Windows interface {
	Release(ctx context.Context, source, window, workflowID string) error
}

// Evidence is a tool that looks something up for an incident. It returns what
// it found unscrubbed, and nothing when there is nothing.
type Evidence interface {
	Fetch(ctx context.Context, q contract.EvidenceQuery) ([]incident.Evidence, error)
}

// Scrubber replaces personal data and secrets with tokens that are the same for
// the same value within one salt.
type Scrubber interface {
	Text(salt []byte, text string) string
	Evidence(salt []byte, e *incident.Evidence)
	Verdict(salt []byte, v *incident.Verdict)
}

// Analyst makes a verdict of a signal and its evidence.
type Analyst interface {
	Analyse(ctx context.Context, s incident.Signal, evidence []incident.Evidence, occurrences int64) (incident.Verdict, error)
}

// Deps is what the activities work with; Recorder, Windows, Scrubber and
// Analyst are needed.
type Deps struct {
	Slack    Slack               // nil when no Slack is configured: nothing is posted
	Tools    map[string]Evidence // by tool name, see contract
	Recorder Recorder
	Windows  Windows
	Scrubber Scrubber
	Analyst  Analyst
	// Outputs, Tasks and Billing serve workflows.TaskResult, Subscribers
	// workflows.DeliverEvents; a worker without one refuses what needs it, but
	// for Billing: without it there are no credits.
	Outputs     Outputs
	Tasks       Tasks
	Billing     Billing
	Subscribers Subscribers
	Failures    Failures // nil: nobody is told of incidents that failed

	// What approvals work with. Without Approvals nobody is asked in Slack; without
	// the others an approval fails instead of changing something.
	Approvals Approvals
	Changer   Changer
	Auditor   Auditor
	Opener    Opener

	Silences Silences // nil: none is ever extended
	Lookout  Lookout  // nil: nothing is ever wrong with a sender
	// OperatorsChannel is the Slack channel that is told about senders, or "".
	OperatorsChannel string
	// UIURL is the base of Temporal UI and Namespace what it shows, for links.
	UIURL, Namespace string
}

// Activities are registered on every worker of nerve.
type Activities struct {
	deps Deps
}

// New refuses dependencies without which an incident would be lost or leak.
func New(d Deps) (*Activities, error) {
	if d.Recorder == nil || d.Windows == nil || d.Scrubber == nil || d.Analyst == nil {
		return nil, errors.New("activities: recorder, windows, scrubber and analyst are all needed")
	}
	return &Activities{deps: d}, nil
}

// workflowURL leads to a workflow in Temporal UI, or is "" without a UI. The
// run is left out on purpose: after a rerun the link still shows the newest.
func (a *Activities) workflowURL(workflowID string) string {
	if a.deps.UIURL == "" {
		return ""
	}
	return strings.TrimSuffix(a.deps.UIURL, "/") + "/namespaces/" + url.PathEscape(a.deps.Namespace) +
		"/workflows/" + url.PathEscape(workflowID)
}
