package ingest

import (
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// accepted answers a signal that started its incident, or whose start is spooled.
func (s *submission) accepted(d admission.Decision, entryID string) *answer {
	s.hushed()
	if s.storm {
		return s.folded(d.WorkflowID, d.IncidentID)
	}
	a := &answer{
		outcome: contract.OutcomeAccepted, rule: s.opening(), workflowID: d.WorkflowID, incidentID: d.IncidentID,
		reply: &reply{Status: "enqueued", EntryID: entryID, IncidentID: d.IncidentID},
	}
	if entryID == "spooled" {
		a.reason = contract.ReasonSpooled
	}
	return a
}

// opening is the rule by which a new incident was started.
func (s *submission) opening() string {
	if s.reopened {
		return contract.RuleReopened
	}
	return contract.RuleNew
}

func (s *submission) duplicate(workflowID, incidentID string) *answer {
	return &answer{
		outcome: contract.OutcomeDuplicate, workflowID: workflowID, incidentID: incidentID,
		reply: &reply{
			Status: "duplicate", AlertID: incidentID, Idempotent: true,
			Message: "This delivery was taken already; nothing was done again.",
		},
	}
}

// repeated answers one more occurrence of an incident that runs.
func (s *submission) repeated(workflowID, incidentID string) *answer {
	if s.storm {
		return s.folded(workflowID, incidentID)
	}
	return &answer{
		outcome: contract.OutcomeDebounced, rule: contract.RuleWindow, workflowID: workflowID, incidentID: incidentID,
		reply: &reply{Status: "debounced", Reason: "Alert already processing", IncidentID: incidentID},
	}
}

// running answers one that met its incident without an open window.
func (s *submission) running(workflowID, incidentID string) *answer {
	a := s.repeated(workflowID, incidentID)
	if !s.storm {
		a.rule = contract.RuleRunning
	}
	return a
}

// worse says so of a repeat that its incident was told of because it was worse.
func (a *answer) worse(d admission.Decision) {
	if d.Raised && a.outcome == contract.OutcomeDebounced {
		a.rule = contract.RuleWorse
	}
}

func (s *submission) folded(workflowID, incidentID string) *answer {
	return &answer{
		outcome: contract.OutcomeFolded, workflowID: workflowID, incidentID: incidentID, reason: contract.ReasonOverRate, limit: s.source.RatePerMin,
		reply: &reply{Status: "folded", Reason: "The source is over its rate; counted in its storm incident", IncidentID: incidentID},
	}
}

func resolved(workflowID, incidentID string) *answer {
	return &answer{
		outcome: contract.OutcomeResolved, workflowID: workflowID, incidentID: incidentID,
		reply: &reply{Status: "resolved", IncidentID: incidentID},
	}
}

func nothingToResolve() *answer {
	const why = "nothing_to_resolve"
	return &answer{
		outcome: contract.OutcomeIgnored, reason: contract.ReasonNothingToResolve, reply: &reply{Status: "ignored", Reason: why},
	}
}
