package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var vendors = []string{"datadog", "slack", "zendesk"}

func long(s string) string { return strings.Repeat(s, minSecret/len(s)+1) }

// enough is an environment with which ingest starts.
func enough(more ...string) []string {
	return append([]string{
		"SLACK_SIGNING_SECRET=" + long("s"), "TEMPORAL_ADDRESS=temporal:7233",
		"REDIS_URL=redis://:hunter2@redis:6379/0", "NERVE_KEYSET={}",
	}, more...)
}

func yamlFile(t *testing.T, yaml string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nerve.yaml")
	require.NoError(t, os.WriteFile(path, []byte(yaml), 0o600))
	return path
}

func load(t *testing.T, o Options) *Config {
	t.Helper()
	if o.Providers == nil {
		o.Providers = vendors
	}
	if o.Program == "" {
		o.Program = Ingest
	}
	c, err := Load(o)
	require.NoError(t, err)
	return c
}

func mistakes(t *testing.T, o Options) map[string]Mistake {
	t.Helper()
	if o.Providers == nil {
		o.Providers = vendors
	}
	if o.Program == "" {
		o.Program = Ingest
	}
	_, err := Load(o)
	var errs Errors
	require.ErrorAs(t, err, &errs)
	found, told := map[string]Mistake{}, map[Mistake]bool{}
	for _, m := range errs {
		assert.False(t, told[m], "told twice: %s", m)
		told[m] = true
		assert.NotEmpty(t, m.Fix, m.Key)
		found[m.Key] = m
	}
	return found
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c := load(t, Options{Environ: enough()})
	assert.Equal(t, "0.0.0.0:8080", c.Addr())
	assert.EqualValues(t, 1<<20, c.MaxBody)
	assert.Equal(t, 24*time.Hour, c.QuietPeriod)
	assert.Equal(t, Start{Deadline: 30 * time.Millisecond, InFlight: 8}, c.Start)
	day := 24 * time.Hour
	assert.Equal(t, Retention{Deliveries: 90 * day, Bodies: 30 * day, Incidents: 400 * day}, c.Retention)
	assert.Equal(t, "https://slack.com/api/", c.Slack.APIURL)
	require.Len(t, c.Sources, 1)
	assert.Equal(t, DefaultSource("slack", "slack", Secret(long("s"))), c.Sources[0])
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90": 90 * time.Second, " 15m ": 15 * time.Minute, "1h30m": 90 * time.Minute,
		"1d": 24 * time.Hour, "36500d": 36500 * 24 * time.Hour, "0d": 0,
	} {
		got, err := parseDuration(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "1d2h", "70000d", "soon"} {
		_, err := parseDuration(text)
		assert.Error(t, err, text)
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	path := yamlFile(t, "host: 10.0.0.1\nport: 1000\nlog:\n  level: warn\n  format: text\nquiet_period: 2h\ncodec:\n  origins: [\"http://a:1\", \"http://b:2\"]\n")
	c := load(t, Options{
		Environ: enough("NERVE_CONFIG="+path, "PORT=2000", "LOG_LEVEL=debug", "LOG_FORMAT="),
		Set:     map[string]string{"log.level": "error", "host": ""},
	})
	assert.Equal(t, "10.0.0.1:2000", c.Addr(), "the environment wins over the file, an empty flag over nothing")
	assert.Equal(t, "ERROR", c.Log.Level.String(), "a flag wins over the environment")
	assert.Equal(t, "text", c.Log.Format, "an empty variable is not set")
	assert.Equal(t, 2*time.Hour, c.Sources[0].QuietPeriod)
	assert.Equal(t, []string{"http://a:1", "http://b:2"}, c.Codec.Origins)
}

func TestSources(t *testing.T) {
	t.Parallel()
	secretFile := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secretFile, []byte(long("f")+"\n"), 0o600))
	path := yamlFile(t, fmt.Sprintf(`
sources:
  - name: datadog-prod
    provider: datadog
    secrets: [env:DD_TOKEN, "file:%s", %s]
    channel: C0EXAMPLE
    window: 30m
    rate: 10
    delivery_ttl: 96h
    stale_status: 400
    min_assurance: signed
    paused: true
  - name: slack
    provider: slack
    secrets: %s
    hard_cap: 5000
`, secretFile, long("literal"), long("mine")))
	c := load(t, Options{File: path, Environ: enough("DD_TOKEN="+long("d"), "SLACK_CHANNEL=C0DEFAULT", "WEBHOOK_SIGNATURE_MAX_AGE_SECONDS=60")})
	require.Len(t, c.Sources, 2, "the file's slack replaces the shortcut's")
	dd, sl := c.Sources[0], c.Sources[1]
	assert.Equal(t, DefaultSource("", "", Secret(long("d")), Secret(long("f")), Secret(long("literal"))).Secrets, dd.Secrets)
	assert.Equal(t, "C0EXAMPLE", dd.Channel)
	assert.Equal(t, 30*time.Minute, dd.Window)
	assert.Equal(t, []int{10, 200, 200}, []int{dd.Rate, dd.Burst, dd.HardCap}, "the cap follows the rate")
	assert.Equal(t, 400, dd.StaleStatus)
	assert.Equal(t, "signed", dd.MinAssurance)
	assert.True(t, dd.Paused)
	assert.Equal(t, DefaultSource("", "", Secret(long("mine"))).Secrets, sl.Secrets)
	assert.Equal(t, "C0DEFAULT", sl.Channel)
	assert.Equal(t, time.Minute, sl.TolerancePast)
	assert.Equal(t, 5000, sl.HardCap)
}

func TestEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	path := yamlFile(t, `
prot: 80
log: {levell: info}
sources:
  - name: Bad Name
    provider: datadgo
    secrets: [short, "env:NOT_SET", "file:/does/not/exist"]
    windw: 5m
    debounce: soon
    rate: 0
    delivery_ttl: 999h
    stale_status: 200
    min_assurance: none
    paused: maybe
  - provider: slack
    name: twice
  - name: twice
    provider: slack
    secrets: [`+long("x")+`]
    rate: 100
    hard_cap: 5
  - just text
`)
	found := mistakes(t, Options{File: path, Environ: []string{
		"PORT=eighty", "LOG_LEVEL=loud", "LOG_FORMAT=xml", "QUEUE_BACKEND_TYPE=redis", "TIMESTAMP_TOLERANCE=-5",
		"WEBHOOK_SIGNATURE_MAX_AGE_SECONDS=7", "TEMPORAL_ADDRESS=temporal", "TEMPORAL_API_KEY=k", "TEMPORAL_TLS=perhaps",
		"REDIS_URL=http://:hunter2@redis", "NERVE_TRUSTED_PROXIES=10.0.0.0/8,nonsense", "NERVE_MAX_BODY=1GB", "NERVE_QUIET_PERIOD=0",
		"NERVE_CODEC_ORIGINS=*", "NERVE_CODEC_TOKEN=abc", "SLACK_API_URL=slack.com", "SLACK_BOT_TOKEN=" + "xapp-" + long("1"),
		"SLACK_APP_TOKEN=" + "xoxb-" + long("1"), "SLACK_EVENTS_TOPIC=a b", "ZENDESK_SIGNING_SECRET=tiny", "DATABASE_URL=mysql://x",
		"NERVE_START_IN_FLIGHT=0",
	}})
	for _, key := range []string{
		"prot", "log.levell", "sources[Bad Name].name", "sources[Bad Name].provider", "sources[Bad Name].secrets[0]",
		"sources[Bad Name].secrets[1]", "sources[Bad Name].secrets[2]", "sources[Bad Name].windw", "sources[Bad Name].debounce",
		"sources[Bad Name].rate", "sources[Bad Name].delivery_ttl", "sources[Bad Name].stale_status",
		"sources[Bad Name].min_assurance", "sources[Bad Name].paused", "sources[twice].secrets", "sources[twice].name",
		"sources[twice].hard_cap", "sources[3]", "PORT", "LOG_LEVEL", "LOG_FORMAT", "QUEUE_BACKEND_TYPE", "WEBHOOK_SIGNATURE_MAX_AGE_SECONDS",
		"TEMPORAL_ADDRESS", "TEMPORAL_API_KEY", "TEMPORAL_TLS", "REDIS_URL", "NERVE_TRUSTED_PROXIES", "NERVE_MAX_BODY", "NERVE_QUIET_PERIOD",
		"NERVE_CODEC_ORIGINS", "NERVE_CODEC_TOKEN", "SLACK_API_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_EVENTS_TOPIC",
		"ZENDESK_SIGNING_SECRET", "DATABASE_URL", "NERVE_START_IN_FLIGHT", "NERVE_KEYSET (keyset)",
	} {
		assert.Contains(t, found, key)
	}
	assert.Contains(t, found["prot"].Fix, "Did you mean port?")
	assert.Contains(t, found["log.levell"].Fix, "log.level")
	assert.Contains(t, found["sources[Bad Name].windw"].Fix, "window")
	assert.Contains(t, found["QUEUE_BACKEND_TYPE"].Problem, "Temporal is the queue")
	for _, m := range found {
		assert.NotContains(t, m.String(), "hunter2", "a secret is never repeated")
		assert.NotContains(t, m.String(), "tiny")
	}
}

func TestRequiredKeysPerProgram(t *testing.T) {
	t.Parallel()
	ingest := mistakes(t, Options{Program: Ingest, Environ: []string{}})
	assert.Contains(t, ingest, "sources")
	assert.NotContains(t, ingest, "DATABASE_URL (database.url)")
	worker := mistakes(t, Options{Program: Worker, Environ: []string{}})
	assert.NotContains(t, worker, "sources")
	for _, k := range []string{"TEMPORAL_ADDRESS (temporal.address)", "REDIS_URL (redis.url)", "NERVE_KEYSET (keyset)"} {
		assert.Contains(t, ingest, k)
		assert.Contains(t, worker, k)
	}
	for _, k := range []string{"DATABASE_URL (database.url)", "SLACK_BOT_TOKEN (slack.bot_token)"} {
		assert.Contains(t, worker, k)
	}
	assert.NotNil(t, load(t, Options{Program: Dev, Environ: []string{}}))
}

func TestCheckAddsItsMistakesToTheOthers(t *testing.T) {
	t.Parallel()
	found := mistakes(t, Options{Environ: enough("PORT=x"), Check: func(c *Config) Errors {
		assert.Len(t, c.Sources, 1)
		return Errors{{Key: "NERVE_KEYSET", Problem: "is not a keyset", Fix: "Make one"}}
	}})
	assert.Contains(t, found, "PORT")
	assert.Contains(t, found, "NERVE_KEYSET")
}

// One wrong value is one mistake, also where two checks look at it.
func TestAMistakeIsToldOnce(t *testing.T) {
	t.Parallel()
	_, err := Load(Options{
		Program: Ingest, Providers: vendors,
		Environ: enough("REDIS_URL=http://redis", "NERVE_OIDC_ISSUER=login", "NERVE_OIDC_CLIENT_ID=nerve", "NERVE_OIDC_READ=@example.com"),
		Check: func(c *Config) Errors {
			assert.Empty(t, c.RedisURL.Reveal(), "nothing is left of it to find fault with")
			return nil
		},
	})
	var errs Errors
	require.ErrorAs(t, err, &errs)
	var told []string
	for _, m := range errs {
		told = append(told, m.Key)
	}
	assert.Equal(t, []string{"REDIS_URL", "NERVE_OIDC_ISSUER"}, told)
}

func TestKeysetFile(t *testing.T) {
	t.Parallel()
	path := yamlFile(t, "{\"key\":1}\n")
	without := enough()[:3]
	environ := append(without, "NERVE_KEYSET=", "NERVE_KEYSET_FILE="+path)
	assert.Equal(t, Secret(`{"key":1}`), load(t, Options{Environ: environ}).Keyset)
	assert.Contains(t, mistakes(t, Options{Environ: enough("NERVE_KEYSET_FILE=" + path)}), "NERVE_KEYSET_FILE", "two keysets")
	assert.Contains(t, mistakes(t, Options{Environ: append(without, "NERVE_KEYSET_FILE=/does/not/exist")}), "NERVE_KEYSET_FILE")
}

func TestFileMistakes(t *testing.T) {
	t.Parallel()
	assert.Contains(t, mistakes(t, Options{File: "/does/not/exist", Environ: enough()})["--config"].Problem, "cannot be opened")
	broken := mistakes(t, Options{Environ: enough("NERVE_CONFIG=" + yamlFile(t, "host: [\n"))})
	assert.Contains(t, broken["NERVE_CONFIG"].Problem, "not YAML")
	assert.Contains(t, mistakes(t, Options{File: yamlFile(t, "sources: {a: 1, b: 2}\n"), Environ: enough()}), "sources")
	assert.Contains(t, mistakes(t, Options{File: yamlFile(t, "host: [a]\n"), Environ: enough()}), "host")
}

func TestSecretsNeverShow(t *testing.T) {
	t.Parallel()
	c := load(t, Options{Environ: enough("SLACK_BOT_TOKEN=" + "xoxb-" + strings.Repeat("1", 12))})
	data, err := json.Marshal(c)
	require.NoError(t, err)
	for _, shown := range []string{string(data), fmt.Sprintf("%v %+v %#v %s %q", c, *c, c, c.RedisURL, c.RedisURL), c.RedisURL.LogValue().String()} {
		for _, secret := range []string{"hunter2", "xoxb-", long("s")} {
			assert.NotContains(t, shown, secret)
		}
	}
	assert.Contains(t, c.RedisURL.Reveal(), "hunter2")
}

// TestTable guards what the README and the loader rely on.
func TestTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range Keys() {
		assert.NotEmpty(t, k.Env, k.Path)
		assert.NotEmpty(t, k.Doc, k.Env)
		assert.False(t, seen[k.Env] || seen[k.Path], "%s twice", k.Env)
		seen[k.Env] = true
		if k.Path != "" {
			seen[k.Path] = true
		}
	}
	for _, env := range []string{"HOST", "PORT", "LOG_LEVEL", "SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN", "TIMESTAMP_TOLERANCE", "SLACK_EVENTS_TOPIC", "QUEUE_BACKEND_TYPE", "REDIS_URL"} {
		assert.True(t, seen[env], "row O4 names %s", env)
	}
	assert.Len(t, SourceKeys(), 31)
}

func TestClosest(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "port", Closest("prot", []string{"host", "port"}))
	assert.Equal(t, "aws_cloudwatch", Closest("AWS-Cloud", []string{"aws_sns", "aws_cloudwatch"}))
	assert.Empty(t, Closest("zzzzzzzz", []string{"host", "port"}), "nothing is near")
	assert.Equal(t, 3, edits("kitten", "sitting"))
}
