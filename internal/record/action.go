package record

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// auditActions appends what people decided about an incident to the audit log.
// It comes with every state of the incident, so what is there already is looked
// for first, in one query and without the chain's lock.
func (s *Store) auditActions(ctx context.Context, r contract.IncidentRecord) error {
	var refs []string
	for _, a := range r.Actions {
		if a.Decided() {
			refs = append(refs, cleanText(a.Ref))
		}
	}
	if len(refs) == 0 {
		return nil
	}
	var known []string
	err := s.read.NewSelect().Model((*auditRow)(nil)).Column("ref").Where("ref IN (?)", bun.List(refs)).Scan(ctx, &known)
	if err != nil {
		return fmt.Errorf("record: look for decisions in the audit log: %w", err)
	}
	there := make(map[string]bool, len(known))
	for _, ref := range known {
		there[ref] = true
	}
	for _, a := range r.Actions {
		if !a.Decided() || there[cleanText(a.Ref)] {
			continue
		}
		if _, err := s.AppendAudit(ctx, entryOfAction(r.ID, a)); err != nil {
			return err
		}
	}
	return nil
}

// entryOfAction is the audit log's entry of a decision. Its own time is when it
// was written, which is later than when it was made while the database is away.
func entryOfAction(incidentID string, a contract.IncidentAction) audit.Entry {
	detail := map[string]string{"at": a.At.UTC().Format(time.RFC3339)}
	if a.Reason != "" {
		detail["reason"] = a.Reason
	}
	if !a.Until.IsZero() {
		detail["until"] = a.Until.UTC().Format(time.RFC3339)
	}
	if a.Target != "" {
		detail["silence"] = a.Target
	}
	return audit.Entry{Ref: a.Ref, Actor: a.Actor, Action: string(a.Kind), Target: incidentID, Detail: detail}
}
