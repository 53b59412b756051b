package record

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// A million deliveries of 20,000 incidents from ten sources, over 30 days: 2 KB
// of sealed body each, one in 5,000 rejected and one in 100,000 failed.
const fillDeliveries = `
INSERT INTO deliveries (id, settled, source, provider, received_at, remote_ip, event_id, event_type, scheme, assurance,
	secret_id, outcome, reason, code, status, signals, workflow_id, incident_id, fingerprint, count, headers, content_type,
	size, sha256, sealed, trace)
SELECT lpad(to_hex(i), 8, '0') || '-ac96-774b-bcce-' || substr(md5(i::text), 1, 12), 1, 'source-' || i % 10, 'datadog',
	timestamptz '2026-01-01 00:00:00Z' + i * interval '2592 milliseconds', '192.0.2.7', 'evt-' || i, 'monitor.alert',
	'hmac-sha256', 'signed', CASE WHEN i % 50000 = 3 THEN 'k-old' ELSE 'k-new' END,
	CASE WHEN i % 100000 = 2 THEN 'failed' WHEN i % 5000 = 1 THEN 'rejected' WHEN i % 50 = 0 THEN 'accepted'
		WHEN i % 10 = 7 THEN 'duplicate' ELSE 'debounced' END,
	CASE WHEN i % 5000 = 1 THEN 'the signature does not match' ELSE 'window' END,
	CASE WHEN i % 5000 = 1 THEN 'WEBHOOK_SIGNATURE_INVALID' ELSE '' END,
	200, 1, 'source:alert:' || i / 50, 'incident-' || i / 50, lpad(to_hex(i / 50), 16, '0'), i % 50,
	'{"Content-Type": "application/json", "User-Agent": "Sender/1.0", "Content-Length": "4096"}', 'application/json', 4096,
	repeat('ab', 32), decode(repeat(md5(i::text), 128), 'hex'),
	'{"key_kind": "alert", "window": "storm", "handler": "triage"}'
FROM generate_series(0, 999999) AS i`

const fillIncidents = `
INSERT INTO incidents (id, version, workflow_id, run_id, source, provider, kind, severity, status, phase, title, title_hash,
	title_search, fingerprint, group_hash, slack_channel, slack_ts, occurrences, opened_at, last_seen_at, acknowledged_by,
	resolved_at, resolved_by, closed_at, failure, signal, evidence, verdict)
SELECT 'incident-' || i, 1, 'source:alert:' || i, md5(i::text), 'source-' || i % 10, 'datadog', 'alert',
	CASE WHEN i % 20 = 0 THEN 'critical' WHEN i % 4 = 0 THEN 'high' ELSE 'medium' END,
	CASE WHEN i % 100 = 0 THEN 'firing' ELSE 'resolved' END,
	CASE WHEN i % 100 = 0 THEN 'open' WHEN i % 1000 = 1 THEN 'failed' ELSE 'closed' END,
	'Latency of service-' || i % 997 || ' is high', md5((i % 997)::text), 'latency of service-' || i % 997 || ' is high',
	lpad(to_hex(i), 16, '0'), '', 'C0000000001', '1700000000.' || i, 50,
	timestamptz '2026-01-01 00:00:00Z' + i * interval '129600 milliseconds',
	timestamptz '2026-01-01 00:02:00Z' + i * interval '129600 milliseconds', '',
	CASE WHEN i % 100 <> 0 THEN timestamptz '2026-01-01 00:20:00Z' + i * interval '129600 milliseconds' END, '',
	CASE WHEN i % 100 <> 0 THEN timestamptz '2026-01-01 00:20:00Z' + i * interval '129600 milliseconds' END, '',
	'{"title": "Latency"}', jsonb_build_array(jsonb_build_object('id', 'E1', 'text', repeat(md5(i::text), 60))),
	'{"summary": "It came back."}'
FROM generate_series(0, 19999) AS i`

// BenchmarkListOfAMillion looks things up in a PostgreSQL with a million
// deliveries, writes to it, and cleans it up. It takes its own samples and
// prints a table; filling takes a minute or two.
func BenchmarkListOfAMillion(b *testing.B) {
	s := openBench(b, "postgres")
	fill(b, s)
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "\nof 1,000,000 deliveries and 20,000 incidents\trows\tp50\tp99\tmax")
	worst := map[string]time.Duration{}
	for b.Loop() {
		for _, l := range lookUps(b, s) {
			rows := 0
			p50, p99, most := sample(200, func() { rows = l.do() })
			worst[l.of] = max(worst[l.of], p99)
			_, _ = fmt.Fprintf(table, "%s: %s\t%d\t%s\t%s\t%s\n", l.of, l.name, rows, ms(p50), ms(p99), ms(most))
		}
		p50, p99, most := sample(200, func() { saveNext(b, s) })
		_, _ = fmt.Fprintf(table, "write: a batch of 100\t100\t%s\t%s\t%s\n", ms(p50), ms(p99), ms(most))
		cleanBeside(b, s, table)
	}
	require.NoError(b, table.Flush())
	b.ReportMetric(ms1(worst["incidents"]), "incidents-p99-ms")
	b.ReportMetric(ms1(worst["deliveries"]), "deliveries-p99-ms")
}

// fill takes the indexes of the log away and makes them again, which is faster.
func fill(b *testing.B, s *Store) {
	b.Helper()
	began := time.Now()
	var indexes []struct{ Name, Definition string }
	require.NoError(b, s.write.NewRaw("SELECT indexname AS name, indexdef AS definition FROM pg_indexes "+
		"WHERE tablename = 'deliveries' AND indexname <> 'deliveries_pkey'").Scan(b.Context(), &indexes))
	var steps []string
	for _, index := range indexes {
		steps = append(steps, "DROP INDEX "+index.Name)
	}
	steps = append(steps, fillDeliveries, fillIncidents)
	for _, index := range indexes {
		steps = append(steps, index.Definition)
	}
	for _, step := range append(steps, "VACUUM ANALYZE deliveries", "VACUUM ANALYZE incidents") {
		_, err := s.write.ExecContext(b.Context(), step)
		require.NoError(b, err)
	}
	var size int64
	require.NoError(b, s.write.NewRaw("SELECT pg_total_relation_size('deliveries')").Scan(b.Context(), &size))
	b.Logf("filled in %s: %d bytes a delivery with its indexes", time.Since(began).Round(time.Second), size/1_000_000)
}

// lookUp is one of the things that people ask for.
type lookUp struct {
	of, name string
	do       func() (rows int)
}

func lookUps(b *testing.B, s *Store) []lookUp {
	b.Helper()
	day := time.Date(2026, 1, 30, 0, 0, 0, 0, time.UTC)
	middle := cursor{at: day.AddDate(0, 0, -15), id: "x"}.String()
	var list []lookUp
	deliveries := func(name string, f DeliveryFilter) {
		list = append(list, lookUp{"deliveries", name, func() int {
			p, err := s.DeliveryPage(b.Context(), f)
			require.NoError(b, err)
			return len(p.Items)
		}})
	}
	incidents := func(name string, f IncidentFilter) {
		list = append(list, lookUp{"incidents", name, func() int {
			p, err := s.IncidentPage(b.Context(), f)
			require.NoError(b, err)
			return len(p.Items)
		}})
	}
	incidents("newest", IncidentFilter{})
	incidents("a page in the middle", IncidentFilter{After: middle})
	incidents("open", IncidentFilter{Phases: []contract.Phase{contract.PhaseOpen}})
	incidents("failed", IncidentFilter{Phases: []contract.Phase{contract.PhaseFailed}})
	incidents("a source, critical or high", IncidentFilter{
		Source: "source-4", Severities: []incident.Severity{incident.SeverityCritical, incident.SeverityHigh},
	})
	incidents("a day", IncidentFilter{Since: day.AddDate(0, 0, -9), Until: day.AddDate(0, 0, -8)})
	incidents("a title", IncidentFilter{Text: "SERVICE-77 "})
	incidents("a title that is not there", IncidentFilter{Text: "nowhere"})
	deliveries("newest", DeliveryFilter{})
	deliveries("a page in the middle", DeliveryFilter{After: middle})
	deliveries("a source", DeliveryFilter{Source: "source-4"})
	deliveries("an incident", DeliveryFilter{IncidentID: "incident-10000"})
	deliveries("an event", DeliveryFilter{EventID: "evt-500000"})
	deliveries("rejected", DeliveryFilter{Outcomes: []contract.Outcome{contract.OutcomeRejected}})
	deliveries("rejected or failed", DeliveryFilter{Outcomes: []contract.Outcome{contract.OutcomeRejected, contract.OutcomeFailed}})
	deliveries("failed", DeliveryFilter{Outcomes: []contract.Outcome{contract.OutcomeFailed}})
	deliveries("a code, in a day", DeliveryFilter{Text: "signature", Since: day})
	deliveries("a source, rejected", DeliveryFilter{Source: "source-1", Outcomes: []contract.Outcome{contract.OutcomeRejected}})
	deliveries("a source by a seldom secret", DeliveryFilter{Source: "source-3", SecretID: "k-old"})
	return list
}

var benchNext = 2_000_000

func saveNext(b *testing.B, s *Store) {
	b.Helper()
	batch := usual(benchBatch, benchNext)
	benchNext += benchBatch
	if err := s.SaveDeliveries(b.Context(), batch); err != nil {
		b.Error(err)
	}
}

// cleanBeside removes a tenth of the log and drops as many bodies, and writes a
// batch after each of the clean-up's.
func cleanBeside(b *testing.B, s *Store, table *tabwriter.Writer) {
	b.Helper()
	now := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	s.now = func() time.Time { return now }
	stop, ended := make(chan struct{}), make(chan []time.Duration)
	go func() {
		var took []time.Duration
		for {
			select {
			case <-stop:
				ended <- took
				return
			default:
			}
			began := time.Now()
			saveNext(b, s)
			took = append(took, time.Since(began))
			time.Sleep(300 * time.Millisecond) // as the recorder gathers
		}
	}()
	began := time.Now()
	removed, err := s.CleanUp(b.Context(), Retention{Deliveries: 27 * 24 * time.Hour, Bodies: 24 * 24 * time.Hour})
	require.NoError(b, err)
	took := time.Since(began)
	close(stop)
	p50, p99, most := quantiles(<-ended)
	_, _ = fmt.Fprintf(table, "write: a batch of 100 beside a clean-up\t100\t%s\t%s\t%s\n", ms(p50), ms(p99), ms(most))
	_, _ = fmt.Fprintf(table, "clean-up: %d deliveries, %d bodies\t\t%s in all\t\t\n",
		removed.Deliveries, removed.Bodies, took.Round(10*time.Millisecond))
}

func sample(n int, do func()) (p50, p99, most time.Duration) {
	do() // warm
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		do()
		took[i] = time.Since(began)
	}
	return quantiles(took)
}

func quantiles(took []time.Duration) (p50, p99, most time.Duration) {
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
}

func ms1(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", ms1(d)) }
