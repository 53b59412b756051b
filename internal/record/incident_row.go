package record

import (
	"time"

	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// incidentRow is a row of the table incidents.
type incidentRow struct {
	bun.BaseModel `bun:"table:incidents,alias:i"`

	ID             string `bun:",pk"`
	Version        int64
	WorkflowID     string
	RunID          string
	Source         string
	Provider       string
	Kind           string
	Severity       string
	Status         string
	Phase          string
	Title          string
	TitleHash      string
	TitleSearch    string
	Fingerprint    string
	GroupHash      string
	SlackChannel   string
	SlackTS        string `bun:"slack_ts"`
	Occurrences    int64
	OpenedAt       time.Time
	LastSeenAt     time.Time
	AcknowledgedAt time.Time `bun:",nullzero"`
	AcknowledgedBy string
	ResolvedAt     time.Time `bun:",nullzero"`
	ResolvedBy     string
	ClosedAt       time.Time `bun:",nullzero"`
	Failure        string

	Signal   jsonText[*incident.Signal]
	Evidence jsonText[[]incident.Evidence]
	Verdict  jsonText[*incident.Verdict]

	Actions      jsonText[[]contract.IncidentAction]
	SnoozedUntil time.Time `bun:",nullzero"`
}

func rowOfIncident(in Incident) incidentRow {
	if in.LastSeenAt.IsZero() {
		in.LastSeenAt = in.OpenedAt
	}
	if in.Signal != nil && in.Signal.RawPayload.Sealed != nil {
		bare := *in.Signal
		bare.RawPayload.Sealed = nil
		in.Signal = &bare
	}
	row := incidentRow{
		ID: in.ID, Version: in.Version, WorkflowID: in.WorkflowID, RunID: in.RunID,
		Source: in.Source, Provider: in.Provider,
		Kind: string(in.Kind), Severity: string(in.Severity), Status: string(in.Status), Phase: string(in.Phase),
		Title: in.Title, Fingerprint: in.Fingerprint, GroupHash: in.GroupHash,
		SlackChannel: in.SlackChannel, SlackTS: in.SlackTS, Occurrences: in.Occurrences,
		OpenedAt: in.OpenedAt, LastSeenAt: in.LastSeenAt,
		AcknowledgedAt: in.AcknowledgedAt, AcknowledgedBy: in.AcknowledgedBy,
		ResolvedAt: in.ResolvedAt, ResolvedBy: in.ResolvedBy, ClosedAt: in.ClosedAt, Failure: in.Failure,
		Signal: jsonOf(in.Signal), Evidence: jsonOf(in.Evidence), Verdict: jsonOf(in.Verdict),
		Actions: jsonOf(in.Actions), SnoozedUntil: in.SnoozedUntil,
	}
	cleanStrings(&row)
	row.TitleHash, row.TitleSearch = hashTitle(row.Title), foldTitle(row.Title)
	return row
}

func (r *incidentRow) incident() Incident {
	return Incident{
		ID: r.ID, Version: r.Version, WorkflowID: r.WorkflowID, RunID: r.RunID,
		Source: r.Source, Provider: r.Provider,
		Kind: incident.Kind(r.Kind), Severity: incident.Severity(r.Severity),
		Status: incident.Status(r.Status), Phase: contract.Phase(r.Phase),
		Title: r.Title, Fingerprint: r.Fingerprint, GroupHash: r.GroupHash,
		SlackChannel: r.SlackChannel, SlackTS: r.SlackTS, Occurrences: r.Occurrences,
		OpenedAt: r.OpenedAt.UTC(), LastSeenAt: r.LastSeenAt.UTC(),
		AcknowledgedAt: r.AcknowledgedAt.UTC(), AcknowledgedBy: r.AcknowledgedBy,
		ResolvedAt: r.ResolvedAt.UTC(), ResolvedBy: r.ResolvedBy, ClosedAt: r.ClosedAt.UTC(), Failure: r.Failure,
		Signal: r.Signal.value, Evidence: r.Evidence.value, Verdict: r.Verdict.value,
		Actions: r.Actions.value, SnoozedUntil: r.SnoozedUntil.UTC(),
	}
}

func incidents(rows []incidentRow) []Incident {
	list := make([]Incident, len(rows))
	for i := range rows {
		list[i] = rows[i].incident()
	}
	return list
}
