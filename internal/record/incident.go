package record

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Incident is the record of one incident. Times are UTC and kept to the
// microsecond; a zero time means that it has not happened.
type Incident struct {
	ID string
	// Version orders the states of one incident: a write with an older or the
	// same version changes nothing. It must grow with every state that is
	// written, also over a reset, which takes the workflow back to an earlier
	// point, and over a continued run. The microseconds of workflow.Now do, as
	// max(previous+1, workflow.Now(ctx).UnixMicro()).
	Version        int64
	WorkflowID     string
	RunID          string
	Source         string
	Provider       string
	Kind           incident.Kind
	Severity       incident.Severity
	Status         incident.Status
	Phase          contract.Phase
	Title          string // scrubbed
	Fingerprint    string
	GroupHash      string
	SlackChannel   string
	SlackTS        string // the thread that holds the answer
	Occurrences    int64
	OpenedAt       time.Time
	LastSeenAt     time.Time // OpenedAt when it is zero
	AcknowledgedAt time.Time
	AcknowledgedBy string
	ResolvedAt     time.Time
	ResolvedBy     string
	ClosedAt       time.Time
	Failure        string // why it failed, scrubbed
	// Signal is kept without its sealed bytes: the delivery has them.
	Signal   *incident.Signal
	Evidence []incident.Evidence
	Verdict  *incident.Verdict
	// Actions are what was decided about it, newest last; reasons are scrubbed.
	Actions      []contract.IncidentAction
	SnoozedUntil time.Time
}

// SaveIncident writes the state of an incident. It may be called late, twice or
// out of order: the state with the highest Version stays. ID, Source, Version
// and OpenedAt are needed.
func (s *Store) SaveIncident(ctx context.Context, in Incident) error {
	if in.ID == "" || in.Source == "" || in.Version <= 0 || in.OpenedAt.IsZero() {
		return errors.New("record: an incident needs an id, a source, a version above 0 and an opening time")
	}
	row := rowOfIncident(in)
	_, err := s.write.NewInsert().Model(&row).
		On("CONFLICT (id) DO UPDATE").
		Where("EXCLUDED.version > ?TableAlias.version").
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("record: save incident: %w", err)
	}
	return nil
}

// Incident returns one incident, or ErrNotFound.
func (s *Store) Incident(ctx context.Context, id string) (Incident, error) {
	var row incidentRow
	err := s.read.NewSelect().Model(&row).Where("id = ?", cleanText(id)).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Incident{}, ErrNotFound
	}
	if err != nil {
		return Incident{}, fmt.Errorf("record: read incident: %w", err)
	}
	return row.incident(), nil
}

// IncidentFilter narrows a list of incidents; a zero field does not.
type IncidentFilter struct {
	Status      incident.Status
	Phases      []contract.Phase    // any of these
	Severities  []incident.Severity // any of these
	Source      string
	Fingerprint string
	Text        string    // in the title, whatever the case and spacing
	Since       time.Time // opened then or later
	Until       time.Time // opened before
	Limit       int       // default 50, at most 1,000
	After       string    // the Next of the page before
}

// Incidents lists incidents, the one opened last first.
func (s *Store) Incidents(ctx context.Context, f IncidentFilter) ([]Incident, error) {
	p, err := s.incidentPage(ctx, f)
	return p.Items, err
}

// IncidentPage is a page of Incidents, without their Signal and Evidence: ask
// Incident for those. The error is ErrCursor for an After that is not a cursor.
func (s *Store) IncidentPage(ctx context.Context, f IncidentFilter) (Page[Incident], error) {
	return s.incidentPage(ctx, f, "signal", "evidence")
}

func (s *Store) incidentPage(ctx context.Context, f IncidentFilter, without ...string) (Page[Incident], error) {
	var rows []incidentRow
	q := s.read.NewSelect().Model(&rows).ExcludeColumn(append(without, "title_search")...)
	equal(q, "status", string(f.Status))
	equal(q, "source", f.Source)
	equal(q, "fingerprint", f.Fingerprint)
	anyOf(q, "phase", f.Phases)
	anyOf(q, "severity", f.Severities)
	if text := foldTitle(cleanText(f.Text)); text != "" {
		q.Where("title_search LIKE ? ESCAPE '!'", pattern(text))
	}
	l := listing{column: "opened_at", since: f.Since, until: f.Until, after: f.After, limit: f.Limit}
	if err := l.page(q); err != nil {
		return Page[Incident]{}, err
	}
	if err := q.Scan(ctx); err != nil {
		return Page[Incident]{}, fmt.Errorf("record: list incidents: %w", err)
	}
	return paged(rows, f.Limit, (*incidentRow).incident, func(r *incidentRow) cursor { return cursor{r.OpenedAt, r.ID} }), nil
}

// PastQuery describes an incident whose like is looked for.
type PastQuery struct {
	ExcludeID   string // the incident itself
	Source      string
	Fingerprint string // not looked at when empty
	Title       string // likewise; compared within Source, whatever the case
	Limit       int    // default 50, at most 1,000
}

// PastIncidents returns the incidents that are like one: those with its
// fingerprint first, then those of its source with its title; in both, the one
// opened last first. None comes twice.
func (s *Store) PastIncidents(ctx context.Context, p PastQuery) ([]Incident, error) {
	fingerprint, title := cleanText(p.Fingerprint), hashTitle(cleanText(p.Title))
	if fingerprint == "" && title == "" {
		return nil, nil
	}
	var rows []incidentRow
	q := s.read.NewSelect().Model(&rows).
		Where("id <> ?", cleanText(p.ExcludeID)).
		WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			if fingerprint != "" {
				q = q.WhereOr("fingerprint = ?", fingerprint)
			}
			if title != "" {
				q = q.WhereOr("source = ? AND title_hash = ?", cleanText(p.Source), title)
			}
			return q
		})
	if fingerprint != "" {
		q = q.OrderExpr("CASE WHEN fingerprint = ? THEN 0 ELSE 1 END", fingerprint)
	}
	if err := q.Order("opened_at DESC", "id DESC").Limit(bounded(p.Limit)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("record: find past incidents: %w", err)
	}
	return incidents(rows), nil
}

// foldTitle makes titles comparable whatever their case and spacing. It is done
// here because lower() knows only ASCII in SQLite and goes by locale in
// PostgreSQL.
func foldTitle(title string) string {
	return strings.ToLower(strings.Join(strings.Fields(title), " "))
}

// hashTitle is a folded title as an index can hold it, which has a size limit.
func hashTitle(title string) string {
	folded := foldTitle(title)
	if folded == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(folded))
	return hex.EncodeToString(sum[:16])
}
