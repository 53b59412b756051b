package api

import (
	"context"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

const tagIncidents = "incidents"

// Incident is an incident as a list shows it. Text is scrubbed: tokens stand
// for personal data.
type Incident struct {
	ID             string    `json:"id"`
	Title          string    `json:"title"`
	Source         string    `json:"source"`
	Provider       string    `json:"provider"`
	Kind           string    `json:"kind"`
	Severity       string    `json:"severity"`
	Status         string    `json:"status" enum:"firing,acknowledged,resolved"`
	Phase          string    `json:"phase"`
	Occurrences    int64     `json:"occurrences"`
	OpenedAt       time.Time `json:"opened_at"`
	LastSeenAt     time.Time `json:"last_seen_at"`
	AcknowledgedAt time.Time `json:"acknowledged_at,omitzero"`
	AcknowledgedBy string    `json:"acknowledged_by,omitempty"`
	ResolvedAt     time.Time `json:"resolved_at,omitzero"`
	ResolvedBy     string    `json:"resolved_by,omitempty"`
	ClosedAt       time.Time `json:"closed_at,omitzero"`
	SnoozedUntil   time.Time `json:"snoozed_until,omitzero"`
	Failure        string    `json:"failure,omitempty" doc:"Why its workflow failed"`
	WorkflowID     string    `json:"workflow_id"`
	Fingerprint    string    `json:"fingerprint"`
	Version        int64     `json:"version" doc:"Grows with every change; the ETag"`
}

func viewIncident(in *record.Incident) Incident {
	return Incident{
		ID: in.ID, Title: in.Title, Source: in.Source, Provider: in.Provider, Kind: string(in.Kind),
		Severity: string(in.Severity), Status: string(in.Status), Phase: string(in.Phase), Occurrences: in.Occurrences,
		OpenedAt: in.OpenedAt, LastSeenAt: in.LastSeenAt, AcknowledgedAt: in.AcknowledgedAt, AcknowledgedBy: in.AcknowledgedBy,
		ResolvedAt: in.ResolvedAt, ResolvedBy: in.ResolvedBy, ClosedAt: in.ClosedAt, SnoozedUntil: in.SnoozedUntil, Failure: in.Failure,
		WorkflowID: in.WorkflowID, Fingerprint: in.Fingerprint, Version: in.Version,
	}
}

// IncidentDetail is all that the record has of an incident.
type IncidentDetail struct {
	Incident
	Description string              `json:"description,omitempty"`
	EventType   string              `json:"event_type,omitempty"`
	Tags        map[string]string   `json:"tags,omitempty"`
	Entities    []incident.Entity   `json:"related_entities,omitempty"`
	Links       []incident.Link     `json:"links,omitempty"`
	Slack       *incident.SlackRef  `json:"slack,omitempty"`
	Evidence    []incident.Evidence `json:"evidence" nullable:"false"`
	Verdict     *incident.Verdict   `json:"verdict,omitempty"`
	Timeline    []Moment            `json:"timeline" nullable:"false" doc:"What happened, the oldest first"`
	// Truncated says that the timeline leaves out older deliveries.
	Truncated bool `json:"timeline_truncated,omitempty"`
}

// choosing narrows a list of incidents.
type choosing struct {
	Source   string
	Severity []string
	Status   string
	Since    time.Time
	Until    time.Time
	Text     string
}

func (c choosing) filter() record.IncidentFilter {
	f := record.IncidentFilter{Source: c.Source, Status: incident.Status(c.Status), Since: c.Since, Until: c.Until, Text: c.Text}
	for _, severity := range c.Severity {
		f.Severities = append(f.Severities, incident.Severity(severity))
	}
	return f
}

type incidentsInput struct {
	Paging
	Source   string    `query:"source" maxLength:"40" doc:"Only those of a source"`
	Severity []string  `query:"severity" enum:"critical,high,medium,low,info" doc:"Only those of any of these, comma-separated"`
	Status   string    `query:"status" enum:"firing,acknowledged,resolved"`
	Since    time.Time `query:"since" doc:"Only those opened then or later"`
	Until    time.Time `query:"until" doc:"Only those opened before"`
	Text     string    `query:"text" maxLength:"200" doc:"Only those with this in the title, whatever the case"`
}

func (s *Server) incidents() {
	add(s, operation{
		method: http.MethodGet, path: "/incidents", id: "listIncidents", tag: tagIncidents, scope: access.Read,
		summary: "List incidents, the one opened last first",
	}, s.listIncidents)
	add(s, operation{
		method: http.MethodGet, path: "/incidents/{id}", id: "showIncident", tag: tagIncidents, scope: access.Read,
		summary: "Show one incident with its timeline, evidence and verdict", errors: []int{http.StatusNotFound},
	}, s.showIncident)
}

func (s *Server) listIncidents(ctx context.Context, in *incidentsInput) (*pageOf[Incident], error) {
	f := choosing{in.Source, in.Severity, in.Status, in.Since, in.Until, in.Text}.filter()
	f.Limit, f.After = in.Limit, in.Cursor
	found, err := s.deps.Record.IncidentPage(ctx, f)
	if err != nil {
		return nil, err
	}
	return listed(found, viewIncident), nil
}

// Named names a thing in a path.
type Named struct {
	ID string `path:"id" maxLength:"200"`
}

type incidentOutput struct {
	ETag string `header:"ETag"`
	Body IncidentDetail
}

func (s *Server) showIncident(ctx context.Context, in *Named) (*incidentOutput, error) {
	found, err := s.incident(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	d := IncidentDetail{Incident: viewIncident(&found), Evidence: found.Evidence, Verdict: found.Verdict}
	if d.Evidence == nil {
		d.Evidence = []incident.Evidence{}
	}
	if g := found.Signal; g != nil {
		d.Description, d.EventType, d.Tags, d.Entities, d.Links, d.Slack = g.Description, g.EventType, g.Tags, g.RelatedEntities, g.Links, g.Slack
	}
	if d.Timeline, d.Truncated, err = s.timeline(ctx, &found); err != nil {
		return nil, err
	}
	return &incidentOutput{ETag: etag(found.Version), Body: d}, nil
}

func (s *Server) incident(ctx context.Context, id string) (record.Incident, error) {
	found, err := s.deps.Record.Incident(ctx, id)
	if isNotFound(err) {
		return found, notFound("There is no such incident.")
	}
	return found, err
}

// State is an incident after something was done about it, as its workflow says.
type State struct {
	ID             string          `json:"id"`
	Status         incident.Status `json:"status"`
	Phase          contract.Phase  `json:"phase"`
	Occurrences    int64           `json:"occurrences"`
	AcknowledgedBy string          `json:"acknowledged_by,omitempty"`
	ResolvedBy     string          `json:"resolved_by,omitempty"`
	SnoozedUntil   time.Time       `json:"snoozed_until,omitzero"`
	RunID          string          `json:"run_id,omitempty" doc:"The new run of an incident that was rerun"`
	Step           string          `json:"step,omitempty" doc:"The step that it goes on from"`
}
