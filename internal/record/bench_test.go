package record

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

// benchBatch is what a recorder gets from the stream at a time under load.
const benchBatch = 100

// usual is n deliveries as ingest writes them for repeats of running incidents:
// 2 KB of sealed body, four headers, a trace. They count up from a number.
func usual(n, from int) []contract.Delivery {
	sealed := make([]byte, 2048*n)
	_, _ = rand.Read(sealed)
	list := make([]contract.Delivery, n)
	for i := range list {
		k := from + i
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(k) * 10 * time.Millisecond)
		list[i] = contract.Delivery{
			ID: benchID(k), Source: "source-" + strconv.Itoa(k%10), Provider: "datadog", ReceivedAt: at, RemoteIP: "192.0.2.7",
			EventID: "evt-" + strconv.Itoa(k), EventType: "monitor.alert", Scheme: "hmac-sha256", Assurance: "signed",
			SecretID: fmt.Sprintf("k%08x", k%10), Outcome: contract.OutcomeDebounced, Reason: "window", Status: 200, Signals: 1,
			WorkflowID: fmt.Sprint("source:alert:", k/50), IncidentID: fmt.Sprint("incident-", k/50),
			Fingerprint: fmt.Sprintf("%016x", k/50), Count: int64(k % 50),
			Headers: map[string]string{
				"Content-Type": "application/json", "User-Agent": "Sender/1.0", "Content-Length": "4096", "X-Request-Id": benchID(k),
			},
			ContentType: "application/json", Size: 4096, SHA256: strings.Repeat("ab", 32), Sealed: sealed[2048*i : 2048*(i+1)],
			Trace: &contract.Trace{
				KeyKind: incident.KeyAlert, Window: "storm", WindowStart: at, WindowEnd: at.Add(5 * time.Minute), Handler: "triage",
			},
		}
	}
	return list
}

// benchID looks like a UUIDv7: ids of one time are near each other in the index.
func benchID(k int) string {
	return fmt.Sprintf("%08x-%04x-7000-8000-%012x", k>>16, k&0xffff, uint64(k)*0x9e3779b97f4a7c15>>16)
}

// BenchmarkSaveDeliveries writes batches of 100 new deliveries: as the store
// does, and on PostgreSQL in the two ways that it might (ADR 16). Beside rows a
// second it says what a row costs of a processor, here and in the server.
func BenchmarkSaveDeliveries(b *testing.B) {
	asStored := func(ctx context.Context, s *Store, rows []deliveryRow) error { return s.saveRows(ctx, rows) }
	for _, c := range []struct {
		name, kind string
		save       func(ctx context.Context, s *Store, rows []deliveryRow) error
	}{
		{"postgres/literals", "postgres", saveAsLiterals},
		{"postgres/copy", "postgres", saveByCopy},
		{"postgres/arrays-not-prepared", "postgres", func(ctx context.Context, s *Store, rows []deliveryRow) error {
			return s.insertPrepared(ctx, pgx.QueryExecModeCacheDescribe, rows)
		}},
		{"postgres/arrays", "postgres", asStored},
		{"sqlite/literals", "sqlite", asStored},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := openBench(b, c.kind)
			batches, written := [][]contract.Delivery{}, 0
			for i := range 20 {
				batches = append(batches, usual(benchBatch, i*benchBatch))
			}
			mine, theirs := ownCPU(), serverCPU(b, s)
			for b.Loop() {
				batch := batches[written/benchBatch%len(batches)]
				rows := make([]deliveryRow, len(batch))
				for i := range batch {
					batch[i].ID = benchID(written)
					rows[i] = rowOfDelivery(&batch[i])
					written++
				}
				require.NoError(b, c.save(b.Context(), s, rows))
			}
			b.ReportMetric(float64(written)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(written), "ns/row")
			b.ReportMetric(float64((ownCPU()-mine).Microseconds())/float64(written), "own-cpu-µs/row")
			if c.kind == "postgres" {
				b.ReportMetric(float64((serverCPU(b, s)-theirs).Microseconds())/float64(written), "server-cpu-µs/row")
			}
		})
	}
}

func openBench(b *testing.B, kind string) *Store {
	b.Helper()
	url := b.TempDir() + "/nerve.db"
	if kind == "postgres" {
		url = testkit.Postgres(b)
	}
	s, err := Open(b.Context(), url, testkit.Logger(b))
	require.NoError(b, err)
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// saveAsLiterals is how the store wrote before: bun's text, values and all. It
// keeps no account of secrets.
func saveAsLiterals(ctx context.Context, s *Store, rows []deliveryRow) error {
	return s.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := upsertDeliveries(tx, &rows).Exec(ctx)
		return err
	})
}

// saveByCopy copies into a table of the session and upserts from there. It keeps
// no account of secrets.
func saveByCopy(ctx context.Context, s *Store, rows []deliveryRow) error {
	conn, err := s.write.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	names, set := make([]string, len(deliveryColumns)), make([]string, len(deliveryColumns))
	for i, c := range deliveryColumns {
		names[i], set[i] = c.name, c.name+" = "+settles(c.name)
	}
	return conn.Raw(func(driver any) error {
		tx, err := driver.(*stdlib.Conn).Conn().Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(ctx) }()
		_, err = tx.Exec(ctx, "CREATE TEMP TABLE IF NOT EXISTS incoming (LIKE deliveries) ON COMMIT DELETE ROWS")
		if err != nil {
			return err
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"incoming"}, names, pgx.CopyFromSlice(len(rows), copied(rows))); err != nil {
			return err
		}
		list := strings.Join(names, ", ")
		_, err = tx.Exec(ctx, "INSERT INTO deliveries AS d ("+list+") SELECT "+list+" FROM incoming "+
			"ON CONFLICT (id) DO UPDATE SET "+strings.Join(set, ", ")+" WHERE "+settlesWhere)
		if err != nil {
			return err
		}
		return tx.Commit(ctx)
	})
}

func copied(rows []deliveryRow) func(i int) ([]any, error) {
	return func(i int) ([]any, error) {
		r := &rows[i]
		headers, _ := r.Headers.text()
		trace, _ := r.Trace.text()
		return []any{
			r.ID, r.Part, int16(r.Settled), r.Source, r.Provider, r.ReceivedAt, r.RemoteIP, r.EventID, r.EventType, r.Scheme,
			r.Assurance, r.SecretID, r.Outcome, r.Reason, r.Code, r.Status, r.Signals, r.WorkflowID, r.IncidentID, r.Fingerprint,
			r.Count, headers, r.ContentType, r.Size, r.SHA256, r.Sealed, trace,
		}, nil
	}
}

// ownCPU is the processor time of this process.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serverCPU is the processor time of the store's sessions in a PostgreSQL of
// this machine, to a tick of 10 ms; 0 where it cannot be seen.
func serverCPU(b *testing.B, s *Store) (spent time.Duration) {
	b.Helper()
	if !s.postgres() {
		return 0
	}
	var pids []int
	require.NoError(b, s.write.NewRaw(
		"SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'").Scan(b.Context(), &pids))
	for _, pid := range pids {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		at := bytes.LastIndex(stat, []byte("(postgres) "))
		if err != nil || at < 0 {
			return 0
		}
		fields := strings.Fields(string(stat[at:]))
		for _, f := range fields[12:14] { // utime, stime
			ticks, err := strconv.Atoi(f)
			require.NoError(b, err)
			spent += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return spent
}
