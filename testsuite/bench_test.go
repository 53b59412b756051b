package testsuite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
	"github.com/nerve-alerts/nerve/providers"
)

// What the benchmark asks of nerve.
const (
	uniqueRate, repeatRate = 100, 1000
	measured               = 15 // seconds of each row
)

// row is one line of the table: what testsuite/load printed.
type row struct {
	name, goal string
	rate       int
	Count      int            `json:"count"`
	Statuses   map[string]int `json:"statuses"`
	P50        int64          `json:"p50_us"`
	P95        int64          `json:"p95_us"`
	P99        int64          `json:"p99_us"`
	Max        int64          `json:"max_us"`
}

// BenchmarkAck measures how fast nerve answers, with all of it on this machine:
// Temporal, Redis that fsyncs each write, PostgreSQL, the stand-in, one ingest,
// one worker that triages what comes in, and the load. Beside it stand two
// limits of the same run: a handler that only reads the body, and Temporal alone.
func BenchmarkAck(b *testing.B) {
	s := newSystem(b)
	require.NoError(b, s.store.ConfigSet(b.Context(), "appendfsync", "always").Err())
	delete(s.env, "NERVE_START_DEADLINE") // as it is shipped: the tests' own waits for a busy machine
	load := buildLoad(b)
	s.benchSources()
	var rows []row

	gin.SetMode(gin.ReleaseMode)
	bare := gin.New()
	bare.POST("/*path", func(c *gin.Context) {
		if _, err := io.Copy(io.Discard, c.Request.Body); err != nil {
			c.Status(http.StatusBadRequest)
		}
	})
	limit := httptest.NewServer(bare)
	defer limit.Close()
	rows = append(rows, s.fire(b, load, row{name: "limit: Gin reads the body", rate: repeatRate}, "-url", limit.URL))
	rows = append(rows, s.fire(b, load, row{name: "limit: bare ExecuteWorkflow", rate: uniqueRate},
		"-temporal", s.temporal.target, "-namespace", s.namespace))

	direct := []string{
		"TEMPORAL_ADDRESS=" + s.temporal.target, "REDIS_URL=" + s.direct(b, s.redisURL, s.redis.target),
		"DATABASE_URL=" + s.direct(b, s.sqlURL, s.sql.target),
	}
	in := s.startIngest(append(direct, "LOG_LEVEL=info")...)
	worker := s.startWorker(append(direct, "LOG_LEVEL=info")...)
	defer func() { // the backlog of triages is of no interest
		worker.kill()
		in.kill()
	}()
	target := in.url + "/slack/events"
	s.fire(b, load, row{rate: repeatRate / 4}, "-url", target, "-n", strconv.Itoa(repeatRate)) // warm: caches, connections, the window
	rows = append(rows, s.fire(b, load, row{name: "nerve: repeats of one alert", rate: repeatRate, goal: "p99 < 20 ms"}, "-url", target))
	rows = append(rows, s.fire(b, load, row{name: "nerve: unique signed alerts", rate: uniqueRate, goal: "p99 < 50 ms"}, "-url", target, "-unique"))
	printRows(b, rows)
	printVerify(b)
	for _, r := range rows[2:] {
		b.ReportMetric(float64(r.P99), strings.Fields(strings.TrimPrefix(r.name, "nerve: "))[0]+"-p99-µs")
	}
}

// direct is an address without the proxy before it.
func (s *system) direct(b *testing.B, address, target string) string {
	u, err := url.Parse(address)
	require.NoError(b, err)
	u.Host = target
	return u.String()
}

// benchSources lifts the rate limit, which would fold the unique alerts.
func (s *system) benchSources() {
	s.file(fmt.Sprintf("sources:\n  - {name: slack, provider: slack, secrets: [%q], rate: 1000000, burst: 1000000, hard_cap: 100000000}\n", s.secrets["slack"]))
	require.NoError(s.t, s.stand.AddChannel(slackstand.Channel{ID: fixtureChannel(s.t)}))
}

func fixtureChannel(t testing.TB) string {
	body, err := providers.Fixture("slack", "bot_attachment_firing")
	require.NoError(t, err)
	var envelope struct {
		Event struct{ Channel string }
	}
	require.NoError(t, json.Unmarshal(body, &envelope))
	return envelope.Event.Channel
}

func buildLoad(b *testing.B) string {
	path := filepath.Join(b.TempDir(), "load")
	out, err := exec.CommandContext(b.Context(), "go", "build", "-o", path, "./load").CombinedOutput()
	require.NoError(b, err, string(out))
	return path
}

func (s *system) fire(b *testing.B, load string, r row, args ...string) row {
	args = append([]string{"-rate", strconv.Itoa(r.rate), "-n", strconv.Itoa(r.rate * measured), "-fixture", "bot_attachment_firing"}, args...)
	cmd := exec.CommandContext(b.Context(), load, args...)
	cmd.Env = append(os.Environ(), "LOAD_SECRET="+s.secrets["slack"])
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(b, err, stderr.String())
	require.NoError(b, json.Unmarshal(out, &r))
	return r
}

func printRows(b *testing.B, rows []row) {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\nrequest\trate\tcount\tp50\tp95\tp99\tmax\tgoal\tanswers")
	ms := func(us int64) string { return fmt.Sprintf("%.1f ms", float64(us)/1000) }
	for _, r := range rows {
		answers, err := json.Marshal(r.Statuses)
		require.NoError(b, err)
		_, _ = fmt.Fprintf(w, "%s\t%d/s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n",
			r.name, r.rate, r.Count, ms(r.P50), ms(r.P95), ms(r.P99), ms(r.Max), r.goal, answers)
	}
	require.NoError(b, w.Flush())
}

// printVerify is the cost of proving a large delivery, goal: under 50 µs.
func printVerify(b *testing.B) {
	spec, _ := providers.Lookup("slack")
	p, err := spec.New(providers.Config{Secrets: providers.Secrets(strings.Repeat("s", 32))})
	require.NoError(b, err)
	r := &providers.Request{Method: http.MethodPost, Header: http.Header{}, Body: bytes.Repeat([]byte("x"), 20<<10), ReceivedAt: time.Now()}
	p.Sign(r, r.ReceivedAt)
	const times = 5000
	started := time.Now()
	for range times {
		if _, err := p.Verify(r); err != nil {
			b.Fatal(err)
		}
	}
	fmt.Printf("\nverify a signed delivery of 20 KiB: %.1f µs (goal < 50 µs)\n", float64(time.Since(started).Microseconds())/times)
}
