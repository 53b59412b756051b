package record_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// heard remembers the last query of a store.
type heard struct{ query string }

func (h *heard) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }
func (h *heard) AfterQuery(_ context.Context, e *bun.QueryEvent)                    { h.query = e.Query }

// What people ask for again and again is answered from an index, in both
// databases: these are the indexes of requirement L5 and those of the filters.
// Where two begin with the same column, either serves a few rows.
func TestListsUseTheirIndex(t *testing.T) {
	t.Parallel()
	ago := at.Add(-time.Hour)
	deliveries := func(f record.DeliveryFilter) func(context.Context, *record.Store) error {
		return func(ctx context.Context, s *record.Store) error {
			_, err := s.DeliveryPage(ctx, f)
			return err
		}
	}
	incidents := func(f record.IncidentFilter) func(context.Context, *record.Store) error {
		return func(ctx context.Context, s *record.Store) error {
			_, err := s.IncidentPage(ctx, f)
			return err
		}
	}
	p, err := pageOf(t, "a")
	require.NoError(t, err)
	failed := []contract.Outcome{contract.OutcomeFailed}
	onBoth(t, func(t *testing.T, s *record.Store) {
		many(t, s)
		for name, c := range map[string]struct {
			index string
			ask   func(context.Context, *record.Store) error
		}{
			"incidents":                      {"incidents_opened", incidents(record.IncidentFilter{})},
			"incidents, next page":           {"incidents_opened", incidents(record.IncidentFilter{After: p})},
			"incidents of a time":            {"incidents_opened", incidents(record.IncidentFilter{Since: ago, Until: at})},
			"incidents of a source":          {"incidents_(source|title)_opened", incidents(record.IncidentFilter{Source: "seldom"})},
			"incidents of a source, next":    {"incidents_(source|title)_opened", incidents(record.IncidentFilter{Source: "seldom", After: p})},
			"incidents of a status":          {"incidents_status_opened", incidents(record.IncidentFilter{Status: incident.StatusFiring})},
			"incidents of a severity":        {"incidents_severity_opened", incidents(record.IncidentFilter{Severities: []incident.Severity{incident.SeverityCritical}})},
			"incidents of a phase":           {"incidents_phase_opened", incidents(record.IncidentFilter{Phases: []contract.Phase{contract.PhaseFailed}})},
			"incidents of a fingerprint":     {"incidents_fingerprint_opened", incidents(record.IncidentFilter{Fingerprint: "f7"})},
			"deliveries":                     {"deliveries_received", deliveries(record.DeliveryFilter{})},
			"deliveries, next page":          {"deliveries_received", deliveries(record.DeliveryFilter{After: p})},
			"deliveries of a time":           {"deliveries_received", deliveries(record.DeliveryFilter{Since: ago, Until: at})},
			"deliveries of a source":         {"deliveries_source_(received|fingerprint)", deliveries(record.DeliveryFilter{Source: "seldom"})},
			"deliveries of a source, next":   {"deliveries_source_(received|fingerprint)", deliveries(record.DeliveryFilter{Source: "seldom", After: p})},
			"deliveries of an incident":      {"deliveries_incident_received", deliveries(record.DeliveryFilter{IncidentID: "i7"})},
			"deliveries of an event":         {"deliveries_event_source", deliveries(record.DeliveryFilter{EventID: "e7"})},
			"deliveries of a source's event": {"deliveries_event_source", deliveries(record.DeliveryFilter{EventID: "e7", Source: "s7"})},
			"deliveries of a seldom outcome": {"deliveries_outcome_received", deliveries(record.DeliveryFilter{Outcomes: failed})},
			"deliveries by a seldom secret":  {"deliveries_secret_received", deliveries(record.DeliveryFilter{SecretID: "k-old"})},
			"deliveries by a secret, next":   {"deliveries_secret_received", deliveries(record.DeliveryFilter{SecretID: "k-old", After: p})},
			"how often an incident came":     {"deliveries_incident_received", func(ctx context.Context, s *record.Store) error { _, err := s.Occurrences(ctx, "i7"); return err }},
			"incidents before one, like it": {"incidents_fingerprint_opened", func(ctx context.Context, s *record.Store) error {
				_, err := s.PastIncidents(ctx, record.PastQuery{Fingerprint: "f7"})
				return err
			}},
			"when secrets were used": {"secret_use", func(ctx context.Context, s *record.Store) error { _, err := s.SecretUse(ctx, "s3"); return err }},
		} {
			var h heard
			ask := record.Hooked(s, &h)
			require.NoError(t, c.ask(t.Context(), ask), name)
			plan := explain(t, s, h.query)
			assert.Regexp(t, c.index, plan, "%s: %s\n%s", name, h.query, plan)
		}
	})
}

// pageOf is a cursor in the middle of what many writes.
func pageOf(t *testing.T, id string) (string, error) {
	t.Helper()
	s := open(t, newURL(t, "sqlite"))
	for _, name := range []string{id, id + "2"} {
		d := delivered(name, contract.OutcomeAccepted)
		d.ReceivedAt = at.Add(-30 * time.Minute)
		save(t, s, d)
	}
	p, err := s.DeliveryPage(t.Context(), record.DeliveryFilter{Limit: 1})
	return p.Next, err
}

// many writes enough that an index is worth its way.
func many(t *testing.T, s *record.Store) {
	t.Helper()
	n := 4000
	if !record.OnPostgres(s) { // it goes less by numbers
		n = 1000
	}
	batch := make([]contract.Delivery, n)
	for i := range batch {
		d := delivered(fmt.Sprint("d", i), contract.OutcomeDebounced)
		d.ReceivedAt = at.Add(-time.Duration(i) * time.Second)
		d.Source, d.IncidentID, d.EventID = fmt.Sprint("s", i%20), fmt.Sprint("i", i/50), fmt.Sprint("e", i)
		d.SecretID = fmt.Sprint("k", i%20)
		if i%500 == 0 {
			d.Outcome, d.SecretID, d.Source = contract.OutcomeFailed, "k-old", "seldom"
		}
		batch[i] = d
		if i%5 > 0 {
			continue
		}
		in := opened(fmt.Sprint("i", i/5), 1)
		in.OpenedAt, in.Fingerprint = d.ReceivedAt, fmt.Sprint("f", i/25)
		in.Source, in.Status, in.Phase = fmt.Sprint("s", i/5%20), incident.StatusResolved, contract.PhaseClosed
		in.Severity, in.ClosedAt = incident.SeverityLow, d.ReceivedAt
		if i%500 == 0 {
			in.Status, in.Phase, in.Severity = incident.StatusFiring, contract.PhaseFailed, incident.SeverityCritical
			in.Source = "seldom"
		}
		require.NoError(t, s.SaveIncident(t.Context(), in))
	}
	save(t, s, batch...)
	_, err := record.DB(s).ExecContext(t.Context(), "ANALYZE")
	require.NoError(t, err)
}

func explain(t *testing.T, s *record.Store, query string) string {
	t.Helper()
	var lines []string
	if record.OnPostgres(s) {
		require.NoError(t, record.DB(s).NewRaw("EXPLAIN "+strings.ReplaceAll(query, "?", "\\?")).Scan(t.Context(), &lines))
		return strings.Join(lines, "\n")
	}
	rows, err := record.DB(s).DB.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		lines = append(lines, detail)
	}
	require.NoError(t, rows.Err())
	return strings.Join(lines, "\n")
}
