package testsuite

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	slackgo "github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/slackstand"
	"github.com/nerve-alerts/nerve/internal/temporalx"
	"github.com/nerve-alerts/nerve/internal/testkit"
	"github.com/nerve-alerts/nerve/providers"
)

// alerts is the channel that sources other than Slack are told in.
const alerts = "C0ALERTS01"

// system is one installation of nerve: its own Temporal namespace, Redis, SQL
// database and Slack. Programs are started by the test.
type system struct {
	t         testing.TB
	bin, logs string
	started   int

	namespace            string
	temporal, redis, sql *proxy
	redisURL, sqlURL     string // behind the proxies
	frontURL             string // Slack's way in: a balancer before the ingests
	front                *balancer

	keyset  *privacy.Keyset
	dc      converter.DataConverter
	client  client.Client // straight to Temporal, with the keyset
	blind   client.Client // the same without it
	store   *redis.Client // straight to Redis
	stand   *slackstand.Server
	slack   *slackgo.Client
	env     map[string]string
	secrets map[string]string
}

func newSystem(t testing.TB) *system {
	t.Helper()
	if testing.Short() {
		t.Skip("end to end: left out by -short; run without it (it needs Redis and PostgreSQL: make deps)")
	}
	dir, server, err := shared.get()
	require.NoError(t, err)
	s := &system{
		t: t, bin: dir, logs: t.TempDir(), namespace: "t-" + uuid.NewString(),
		secrets: map[string]string{}, front: &balancer{},
	}
	s.temporal = newProxy(t, server.Address())
	s.redis, s.redisURL = behind(t, testkit.Redis(t))
	s.sql, s.sqlURL = behind(t, testkit.Postgres(t))
	o, err := redis.ParseURL(s.redisURL)
	require.NoError(t, err)
	o.Addr = s.redis.target
	s.store = redis.NewClient(o)
	t.Cleanup(func() { _ = s.store.Close() })
	s.keys()
	s.connect(server.Address())
	s.startSlack()
	s.configure()
	return s
}

// behind puts a proxy before the server that an address names.
func behind(t testing.TB, address string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	p := newProxy(t, u.Host)
	u.Host = p.address()
	return p, u.String()
}

func (s *system) keys() {
	var err error
	s.keyset, err = privacy.GenerateKeyset()
	require.NoError(s.t, err)
	s.dc, err = privacy.NewDataConverter(s.keyset)
	require.NoError(s.t, err)
}

// connect makes the namespace and the two clients.
func (s *system) connect(address string) {
	s.t.Helper()
	ctx := s.t.Context()
	admin, err := temporalx.Dial(ctx, temporalx.Options{Address: address})
	require.NoError(s.t, err)
	s.t.Cleanup(admin.Close)
	_, err = admin.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: s.namespace, WorkflowExecutionRetentionPeriod: durationpb.New(contract.Retention),
	})
	require.NoError(s.t, err)
	require.Eventually(s.t, func() bool {
		return temporalx.Prepare(ctx, admin, s.namespace, contract.SearchAttributes, contract.Retention) == nil
	}, patience, poll, "the namespace was not ready")
	for _, c := range []struct {
		to *client.Client
		dc converter.DataConverter
	}{{&s.client, s.dc}, {&s.blind, nil}} {
		o := temporalx.Options{Address: address, Namespace: s.namespace, DataConverter: c.dc}
		if c.dc != nil {
			o.FailureConverter = privacy.NewFailureConverter(c.dc)
		}
		*c.to, err = temporalx.Dial(ctx, o)
		require.NoError(s.t, err)
		s.t.Cleanup((*c.to).Close)
	}
}

func (s *system) startSlack() {
	s.t.Helper()
	token := "xoxb-" + strings.Repeat("1", 12)
	s.secrets["slack"] = strings.Repeat("s", 32)
	gate := httptest.NewServer(s.front)
	s.t.Cleanup(gate.Close)
	s.frontURL = gate.URL
	var err error
	s.stand, err = slackstand.New(slackstand.Options{
		Token: token, SigningSecret: s.secrets["slack"], EventsURL: gate.URL + "/slack/events", InteractiveURL: gate.URL + "/slack/interactive",
		Channels: []slackstand.Channel{{ID: alerts, Name: "alerts"}},
	})
	require.NoError(s.t, err)
	api := httptest.NewServer(s.stand.Handler())
	s.t.Cleanup(func() {
		api.CloseClientConnections()
		_ = s.stand.Close()
		api.Close()
	})
	s.slack = slackgo.New(token, slackgo.OptionAPIURL(api.URL+"/api/"))
	s.env = map[string]string{"SLACK_BOT_TOKEN": token, "SLACK_API_URL": api.URL + "/api/"}
}

func (s *system) configure() {
	s.secrets["datadog"], s.secrets["zendesk"] = strings.Repeat("d", 32), strings.Repeat("z", 32)
	exported, err := s.keyset.Export()
	require.NoError(s.t, err)
	maps.Copy(s.env, map[string]string{
		"HOST": "127.0.0.1", "PORT": "0", "LOG_LEVEL": "debug", "HOME": s.logs,
		"SLACK_SIGNING_SECRET": s.secrets["slack"], "SLACK_CHANNEL": alerts,
		"DATADOG_WEBHOOK_TOKEN": s.secrets["datadog"], "ZENDESK_SIGNING_SECRET": s.secrets["zendesk"],
		"TEMPORAL_ADDRESS": s.temporal.address(), "TEMPORAL_NAMESPACE": s.namespace,
		"TEMPORAL_UI_URL": "http://temporal.example.com",
		"REDIS_URL":       s.redisURL, "DATABASE_URL": s.sqlURL, "NERVE_KEYSET": string(exported),
		// A busy machine is no outage: tests that want the spool make one.
		"NERVE_START_DEADLINE": "5s",
	})
}

// file has the programs started from now on read a configuration file.
func (s *system) file(text string) {
	s.t.Helper()
	path := filepath.Join(s.logs, "nerve.yaml")
	require.NoError(s.t, os.WriteFile(path, []byte(text), 0o600))
	s.env["NERVE_CONFIG"] = path
}

// everyVendor gives each provider that is data a source of its own. The three in
// code have theirs from the environment.
func (s *system) everyVendor() {
	s.t.Helper()
	var text strings.Builder
	text.WriteString("sources:\n")
	for _, spec := range providers.All() {
		if _, has := s.secrets[spec.Name]; has {
			continue
		}
		secret, err := spec.TestSecret(1)
		require.NoError(s.t, err, spec.Name)
		s.secrets[spec.Name] = secret
		fmt.Fprintf(&text, "  - {name: %s, provider: %s, secrets: [%q]}\n", sourceOf(spec.Name), spec.Name, secret)
	}
	s.file(text.String())
}

// sourceOf names the source of a provider.
func sourceOf(provider string) string { return strings.ReplaceAll(provider, "_", "-") }

// ingest is a running front.
type ingest struct {
	*process
	url string
}

// startIngest starts a front and puts it behind Slack's way in. more are
// variables on top of the system's own.
func (s *system) startIngest(more ...string) *ingest {
	s.t.Helper()
	p := s.start("ingest", s.with(more))
	address, _ := p.line("ingest listens")["address"].(string)
	in := &ingest{process: p, url: "http://" + address}
	s.front.add(in.url)
	return in
}

func (s *system) startWorker(more ...string) *process {
	s.t.Helper()
	p := s.start("worker", s.with(more))
	p.line("worker is up")
	return p
}

func (s *system) with(more []string) map[string]string {
	env := maps.Clone(s.env)
	for _, kv := range more {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	return env
}

// running is a system with one of each.
func running(t testing.TB) (*system, *ingest, *process) {
	t.Helper()
	s := newSystem(t)
	in := s.startIngest()
	return s, in, s.startWorker()
}

// balancer hands requests to the last front that was added.
type balancer struct{ target atomic.Value }

func (b *balancer) add(target string) { b.target.Store(target) }

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target, _ := b.target.Load().(string)
	out, err := http.NewRequestWithContext(r.Context(), r.Method, target+r.URL.Path, r.Body)
	if err != nil || target == "" {
		http.Error(w, "no front", http.StatusBadGateway)
		return
	}
	out.Header, out.ContentLength = r.Header.Clone(), r.ContentLength
	resp, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		http.Error(w, "no answer", http.StatusBadGateway)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}
