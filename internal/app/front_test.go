package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/internal/testkit"
	"github.com/nerve-alerts/nerve/providers"
)

func letters(letter string) string { return strings.Repeat(letter, 40) }

// fronts is a nerve of some ingests on one database and one Redis. Temporal is
// away, so that what is accepted waits in the spool.
type fronts struct {
	cfg  *config.Config
	core *Core
	reg  *registry.Registry
}

func newFronts(t *testing.T, database string) *fronts {
	t.Helper()
	keys, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	raw, err := keys.Export()
	require.NoError(t, err)
	filed := config.DefaultSource("filed", "datadog", config.Secret(letters("f")))
	filed.Rate, filed.Burst, filed.HardCap = 1e6, 1e6, 2e6
	f := &fronts{cfg: &config.Config{
		EventsTopic: "deliveries", Keyset: config.Secret(raw), DatabaseURL: config.Secret(database), RedisURL: config.Secret(testkit.Redis(t)),
		Temporal: config.Temporal{Address: "127.0.0.1:" + strconv.Itoa(testkit.FreePort(t)), Namespace: "default"},
		Start:    config.Start{Deadline: 5 * time.Millisecond, InFlight: 8}, MaxBody: 1 << 20,
		Sources: []config.Source{filed}, SourceBase: config.DefaultSource("", ""), Approvals: config.Approvals{SingleOperator: true},
	}}
	f.core = f.connect(t)
	store, err := record.Open(t.Context(), database, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	f.reg, err = f.core.Registry(store)
	require.NoError(t, err)
	return f
}

func (f *fronts) connect(t *testing.T) *Core {
	t.Helper()
	core, err := Connect(f.cfg, Options{DurableRedis: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { core.Close(context.WithoutCancel(t.Context())) })
	return core
}

// database is that of the next ingest: those that serve read their own configuration.
func (f *fronts) database(url string) {
	cfg := *f.cfg
	cfg.DatabaseURL = config.Secret(url)
	f.cfg = &cfg
}

// start serves one more ingest and returns its address.
func (f *fronts) start(t *testing.T) string {
	t.Helper()
	in, err := NewIngest(f.connect(t))
	require.NoError(t, err)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- in.Serve(ctx, l) }()
	t.Cleanup(func() { stop(); assert.NoError(t, <-ended) })
	return "http://" + l.Addr().String()
}

func (f *fronts) change(t *testing.T, c contract.Change) registry.Applied {
	t.Helper()
	done, err := f.reg.Apply(t.Context(), registry.Order{Change: c, By: audit.Actor{Person: "ops", Via: audit.ViaCLI}})
	require.NoError(t, err)
	return done
}

var alert = sync.OnceValue(func() []byte {
	spec, _ := providers.Lookup("datadog")
	body, err := providers.Fixture("datadog", spec.Fixtures[0])
	if err != nil {
		panic(err)
	}
	return body
})

// send delivers an alert with a secret and returns the status.
func send(ctx context.Context, base, source, secret string) (int, string, error) {
	spec, _ := providers.Lookup("datadog")
	p, err := spec.New(providers.Config{Secrets: providers.Secrets(secret)})
	if err != nil {
		return 0, "", err
	}
	r := &providers.Request{Method: http.MethodPost, URL: &url.URL{Path: "/webhooks/" + source}, Header: http.Header{"Content-Type": {"application/json"}}, Body: alert()}
	p.Sign(r, time.Now())
	req, err := http.NewRequestWithContext(ctx, r.Method, base+"/webhooks/"+source, bytes.NewReader(r.Body))
	if err != nil {
		return 0, "", err
	}
	req.Header = r.Header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Retry-After") + string(text), err
}

// patience is for a busy machine: a change takes two seconds at most.
const patience = 20 * time.Second

// answers waits until a delivery is answered so.
func answers(t *testing.T, base, source, secret string, status int) {
	t.Helper()
	require.Eventually(t, func() bool {
		got, _, err := send(t.Context(), base, source, secret)
		return err == nil && got == status
	}, patience, 10*time.Millisecond, "%s should answer %d", source, status)
}

// TestAChangeReachesEveryIngestWhileItServes changes a source in every way while
// deliveries to another, and to itself, never stop.
func TestAChangeReachesEveryIngestWhileItServes(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			database := "sqlite://" + filepath.Join(t.TempDir(), "nerve.db")
			if kind == "postgres" {
				database = testkit.Postgres(t)
			}
			f := newFronts(t, database)
			bases := []string{f.start(t), f.start(t)}
			ctx, stop := context.WithCancel(t.Context())
			var group sync.WaitGroup
			var sent, unharmed atomic.Int64
			for _, base := range bases {
				group.Go(func() {
					for ctx.Err() == nil {
						status, text, err := send(context.WithoutCancel(ctx), base, "filed", letters("f"))
						if sent.Add(1); assert.NoError(t, err) && assert.Equal(t, http.StatusOK, status, text) {
							unharmed.Add(1)
						}
					}
				})
			}
			each := func(secret string, status int) {
				t.Helper()
				for _, base := range bases {
					answers(t, base, "dd", secret, status)
				}
			}
			each(letters("a"), http.StatusNotFound)
			first := f.change(t, contract.Change{Action: contract.ActionSourceAdd, Target: "dd", Fields: map[string]any{"provider": "datadog"}, Secret: letters("a")})
			each(letters("a"), http.StatusOK)
			f.change(t, contract.Change{Action: contract.ActionSecretAdd, Target: "dd", Secret: letters("b")})
			each(letters("b"), http.StatusOK)
			each(letters("a"), http.StatusOK)
			f.change(t, contract.Change{Action: contract.ActionSecretRemove, Target: "dd", SecretID: first.SecretID})
			for _, base := range bases { // one attempt each: failures of one address are held back
				answersOnce(t, base, "dd", letters("a"), http.StatusUnauthorized)
			}
			each(letters("b"), http.StatusOK)
			f.change(t, contract.Change{Action: contract.ActionSourceSet, Target: "dd", Fields: map[string]any{"paused": true}})
			each(letters("b"), http.StatusServiceUnavailable)
			f.change(t, contract.Change{Action: contract.ActionSourceSet, Target: "dd", Fields: map[string]any{"paused": nil, "severity_floor": "critical"}})
			each(letters("b"), http.StatusOK)
			f.change(t, contract.Change{Action: contract.ActionSourceDisable, Target: "dd"})
			each(letters("b"), http.StatusNotFound)
			stop()
			group.Wait()
			assert.Equal(t, sent.Load(), unharmed.Load())
			assert.Greater(t, sent.Load(), int64(20))
		})
	}
}

// answersOnce waits for a change by the revision that an ingest serves, and then
// delivers once.
func answersOnce(t *testing.T, base, source, secret string, status int) {
	t.Helper()
	require.Eventually(t, func() bool {
		got, _, err := send(t.Context(), base, source, secret)
		return err == nil && (got == status || got == http.StatusTooManyRequests)
	}, patience, 100*time.Millisecond)
}

func TestUntilTheDatabaseAnsweredAnUnknownSourceIs503(t *testing.T) {
	t.Parallel()
	f := newFronts(t, "sqlite://"+filepath.Join(t.TempDir(), "nerve.db"))
	f.database("postgres://nerve@127.0.0.1:" + strconv.Itoa(testkit.FreePort(t)) + "/nerve?connect_timeout=1")
	base := f.start(t)
	status, text, err := send(t.Context(), base, "dd", letters("a"))
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.True(t, strings.HasPrefix(text, "10{"), "Retry-After: %s", text)
	status, text, err = send(t.Context(), base, "filed", letters("f"))
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, status, text)

	f.database("")
	base = f.start(t)
	status, _, err = send(t.Context(), base, "dd", letters("a"))
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotFound, status, "without a database the file's sources are all there are")
}

// The watch over silences asks on the connections of the one over sources.
func TestAnIngestConnectsToItsDatabaseOnce(t *testing.T) {
	t.Parallel()
	f := newFronts(t, "sqlite://"+filepath.Join(t.TempDir(), "nerve.db"))
	in, err := NewIngest(f.connect(t))
	require.NoError(t, err)
	first, err := in.watch.Open(t.Context())
	require.NoError(t, err)
	second, err := in.database(t.Context())
	require.NoError(t, err)
	assert.Same(t, first, second)
	require.NoError(t, second.Close())
}
