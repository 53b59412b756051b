package doctor_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/doctor"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/internal/slack"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// said is what an examination says about one area, a line a finding.
func said(t *testing.T, s doctor.Subject, area string) string {
	t.Helper()
	var lines []string
	for _, f := range doctor.Examine(t.Context(), s) {
		if f.Area == area {
			lines = append(lines, string(f.Level)+": "+f.Text+" -> "+f.Fix)
			assert.Equal(t, f.Level == doctor.OK, f.Fix == "", "what is wrong says what to do: %s", f.Text)
		}
	}
	require.NotEmpty(t, lines, "nothing is said about %s", area)
	return strings.Join(lines, "\n")
}

// away is an address where nothing listens.
func away(t *testing.T) string { return "127.0.0.1:" + strconv.Itoa(testkit.FreePort(t)) }

func TestEveryAreaSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := doctor.Subject{Config: &config.Config{}}
	for area, want := range map[string]string{
		"temporal": "TEMPORAL_ADDRESS", "redis": "REDIS_URL", "sql": "DATABASE_URL", "slack": "SLACK_BOT_TOKEN", "sources": "there is none",
	} {
		assert.Contains(t, said(t, s, area), want)
	}
	assert.Equal(t, doctor.Problem, doctor.Worst(doctor.Examine(t.Context(), s)))
}

func TestWhatIsAwayIsSaidAndNothingLeaks(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("hush", 4)
	s := doctor.Subject{Config: &config.Config{
		Temporal: config.Temporal{Address: away(t), Namespace: "default", APIKey: ""},
		RedisURL: config.Secret("redis://:" + secret + "@" + away(t)), DatabaseURL: config.Secret("postgres://u:" + secret + "@" + away(t) + "/d"),
		Slack: config.Slack{BotToken: config.Secret(secret), APIURL: "http://" + away(t) + "/"},
	}}
	for _, area := range []string{"temporal", "redis", "sql", "slack"} {
		assert.Contains(t, said(t, s, area), "problem: ", area)
	}
	for _, f := range doctor.Examine(t.Context(), s) {
		assert.NotContains(t, f.Text+f.Fix, secret)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s := doctor.Subject{
		Config:   &config.Config{TrustedProxies: []string{"10.0.0.0/8", "0.0.0.0/0"}, Codec: config.Codec{Token: "x"}},
		Mistakes: config.Errors{{Key: "PORT (port)", Problem: "is not a number", Fix: "Give one"}},
	}
	text := said(t, s, "configuration")
	assert.Contains(t, text, "problem: PORT (port) is not a number -> Give one")
	assert.Contains(t, text, "danger: trusted_proxies holds 0.0.0.0/0")
	assert.NotContains(t, text, "10.0.0.0/8")
	assert.Contains(t, text, "warning: people is empty")
	alone := doctor.Subject{Config: &config.Config{Approvals: config.Approvals{SingleOperator: true}}}
	assert.Contains(t, said(t, alone, "configuration"), "danger: approvals.single_operator is on")
	alone.Dev = true
	assert.NotContains(t, said(t, alone, "configuration"), "single_operator")
	team := doctor.Subject{Config: &config.Config{People: config.People{{Name: "alex"}}}}
	assert.NotContains(t, said(t, team, "configuration"), "people")
	assert.NotContains(t, text, "would start")
	assert.Contains(t, said(t, doctor.Subject{Config: &config.Config{}}, "configuration"), "ok: ingest and worker would start")
}

func TestSources(t *testing.T) {
	t.Parallel()
	secret := config.Secret(strings.Repeat("x", 32))
	ending := func(at time.Time) config.Source {
		s := config.DefaultSource("s", "slack")
		s.Secrets = []config.SourceSecret{{Value: secret, NotAfter: at}}
		return s
	}
	open := config.DefaultSource("open", "slack")
	open.Schemes = []string{"none"}
	weak := config.DefaultSource("weak", "twilio", secret)
	weak.AllowWeak = true
	paused := config.DefaultSource("paused", "slack", secret)
	paused.Paused = true
	for want, source := range map[string]config.Source{
		"danger: open takes deliveries without a proof": open,
		"warning: weak takes signatures with SHA-1":     weak,
		"warning: paused is paused":                     paused,
		"problem: s has no secret that counts now":      ending(now.Add(-time.Second)),
		"warning: the last secret of s ends":            ending(now.Add(24 * time.Hour)),
		"ok: 1 sources":                                 ending(now.Add(90 * 24 * time.Hour)),
	} {
		s := doctor.Subject{Config: &config.Config{Sources: []config.Source{source}}, Now: func() time.Time { return now }}
		assert.Contains(t, said(t, s, "sources"), want)
	}
}

func keyset(t *testing.T) (string, *privacy.Keyset) {
	t.Helper()
	keys, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	raw, err := keys.Export()
	require.NoError(t, err)
	return string(raw), keys
}

// TestSourcesOfTheDatabase walks what an operator may leave behind in the registry.
func TestSourcesOfTheDatabase(t *testing.T) {
	t.Parallel()
	url := "sqlite://" + filepath.Join(t.TempDir(), "nerve.db")
	store, err := record.Open(context.Background(), url, testkit.Logger(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	raw, keys := keyset(t)
	sealer, err := privacy.NewSealer(keys)
	require.NoError(t, err)
	clock := now.Add(-30 * 24 * time.Hour)
	base := config.DefaultSource("", "")
	r, err := registry.New(registry.Options{
		Store: store, Sealer: sealer, Base: base, SingleOperator: true, Now: func() time.Time { return clock },
	})
	require.NoError(t, err)
	apply := func(c contract.Change) string {
		done, err := r.Apply(t.Context(), registry.Order{Change: c, By: audit.Actor{Person: "dev@example.com", Via: audit.ViaCLI}})
		require.NoError(t, err)
		return done.SecretID
	}
	add := func(name, letter string, fields map[string]any) string {
		c := contract.Change{Action: contract.ActionSourceAdd, Target: name, Fields: fields}
		if letter != "" {
			c.Secret = strings.Repeat(letter, 40)
		}
		return apply(c)
	}
	s := doctor.Subject{
		Config: &config.Config{DatabaseURL: config.Secret(url), Keyset: config.Secret(raw), SourceBase: base},
		Now:    func() time.Time { return now },
	}
	assert.Contains(t, said(t, s, "sources"), "there is none")
	old := add("rotated", "a", map[string]any{"provider": "datadog"})
	assert.Contains(t, said(t, s, "sources"), "ok: 1 sources")

	clock = now.Add(-20 * 24 * time.Hour)
	fresh := apply(contract.Change{Action: contract.ActionSecretAdd, Target: "rotated", Secret: strings.Repeat("b", 40)})
	require.NoError(t, store.SaveDeliveries(t.Context(), []contract.Delivery{
		{ID: "d1", Source: "rotated", Outcome: contract.OutcomeAccepted, Status: 200, SecretID: old, ReceivedAt: now.Add(-8 * 24 * time.Hour)},
		{ID: "d2", Source: "rotated", Outcome: contract.OutcomeAccepted, Status: 200, SecretID: fresh, ReceivedAt: now.Add(-time.Minute)},
	}))
	add("open", "", map[string]any{"provider": "slack", "schemes": []any{"none"}, "i_understand": true})
	add("weak", "c", map[string]any{"provider": "twilio", "allow_weak": true, "public_url": "https://alerts.example.com/webhooks/weak"})
	add("paused", "d", map[string]any{"provider": "datadog", "paused": true})
	add("gone", "", map[string]any{"provider": "slack", "schemes": []any{"none"}, "i_understand": true})
	apply(contract.Change{Action: contract.ActionSourceDisable, Target: "gone"})

	text := said(t, s, "sources")
	for _, want := range []string{
		"warning: rotated has an old secret, " + old + ", that proved nothing for 7 days", "nerve sources remove-secret rotated " + old,
		"danger: open takes deliveries without a proof", "warning: weak takes signatures with SHA-1", "warning: paused is paused",
	} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, fresh, "the new secret stays")
	assert.NotContains(t, text, "gone", "what is disabled takes nothing")
	assert.NotContains(t, text, "ok:")

	other, _ := keyset(t)
	s.Config.Keyset = config.Secret(other)
	assert.Contains(t, said(t, s, "sources"), "problem: rotated is broken")
	s.Config.Keyset = ""
	assert.Contains(t, said(t, s, "sources"), "warning: those of the database could not be looked at: without the keyset")
}

func TestRedis(t *testing.T) {
	t.Parallel()
	url := testkit.Redis(t)
	s := doctor.Subject{Config: &config.Config{RedisURL: config.Secret(url), EventsTopic: "deliveries"}}
	o, err := redis.ParseURL(url)
	require.NoError(t, err)
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	set := func(pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			require.NoError(t, client.ConfigSet(t.Context(), pairs[i], pairs[i+1]).Err())
		}
	}
	set("appendfsync", "everysec", "maxmemory-policy", "allkeys-lru")
	text := said(t, s, "redis")
	for _, want := range []string{`danger: appendfsync is "everysec"`, `danger: maxmemory-policy is "allkeys-lru"`} {
		assert.Contains(t, text, want)
	}
	set("appendfsync", "always", "maxmemory-policy", "noeviction")
	text = said(t, s, "redis")
	assert.Contains(t, text, "ok: keeps each write")
	assert.Contains(t, text, "ok: the spool is empty")

	require.NoError(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: "nerve:{nerve}:spool:dead", Values: []string{"id", "1-1", "reason", "r", "w", "x"}}).Err())
	assert.Contains(t, said(t, s, "redis"), "problem: 1 dead letters of spool")

	set("appendonly", "no") // last: a Redis that begins its file anew does not stop
	assert.Contains(t, said(t, s, "redis"), `danger: appendonly is "no"`)

	ahead := s
	ahead.Now = func() time.Time { return time.Now().Add(time.Hour) }
	assert.Contains(t, said(t, ahead, "redis"), "are 1h0m0s apart")
}

func TestSQL(t *testing.T) {
	t.Parallel()
	for kind, url := range map[string]string{"sqlite": "sqlite://" + filepath.Join(t.TempDir(), "nerve.db"), "postgres": testkit.Postgres(t)} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := doctor.Subject{Config: &config.Config{DatabaseURL: config.Secret(url)}}
			store, err := record.Open(context.Background(), url, testkit.Logger(t))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, store.Close()) })
			assert.Contains(t, said(t, s, "sql"), "ok: the delivery log is empty")
			require.NoError(t, store.SaveDeliveries(t.Context(), []contract.Delivery{{ID: "d", Source: "s", ReceivedAt: now}}))
			assert.Contains(t, said(t, s, "sql"), "ok: the newest delivery was received 2026-03-04 05:06:07Z")
			require.NoError(t, store.StopSubscriber(t.Context(), "crm", "outbound/http_410"))
			assert.Contains(t, said(t, s, "sql"), "warning: subscriber crm gets no events since ")
			_, err = store.Rollback(t.Context(), 2)
			require.NoError(t, err)
			assert.Contains(t, said(t, s, "sql"), "problem: the schema is at 2")
			assert.Contains(t, said(t, s, "sql"), "the schema is at 2", "it was left as it was")
		})
	}
}

func TestSlack(t *testing.T) {
	t.Parallel()
	scopes := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-OAuth-Scopes", scopes)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":true,"bot_id":"B0BOT00001","user_id":"U0USER0001","team_id":"T0TEAM0001"}`))
	}))
	t.Cleanup(server.Close)
	s := doctor.Subject{Config: &config.Config{Slack: config.Slack{BotToken: "x", APIURL: server.URL + "/"}}}
	text := said(t, s, "slack")
	assert.Contains(t, text, "ok: nerve is B0BOT00001 in team T0TEAM0001")
	assert.Contains(t, text, "warning: slack.channel is not set")
	assert.NotContains(t, text, "scopes")

	scopes = strings.Join(slack.Scopes[1:], ", ")
	assert.Contains(t, said(t, s, "slack"), "problem: the token lacks the scopes "+slack.Scopes[0])
	scopes = strings.Join(slack.Scopes, ",")
	assert.NotContains(t, said(t, s, "slack"), "scopes")
}
