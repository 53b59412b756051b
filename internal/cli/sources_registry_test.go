package cli_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/internal/testkit"
	"github.com/nerve-alerts/nerve/providers"
)

// deployed is a nerve of one operator, by its configuration file.
func deployed(t *testing.T, single bool) (file, database string, store *record.Store) {
	t.Helper()
	dir := t.TempDir()
	database = "sqlite://" + filepath.Join(dir, "nerve.db")
	store, err := record.Open(t.Context(), database, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	keys, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	raw, err := keys.Export()
	require.NoError(t, err)
	yaml := fmt.Sprintf("keyset: '%s'\ndatabase: {url: %q}\nredis: {url: %q}\napprovals: {single_operator: %t}\nsources:\n- {name: filed, provider: datadog, secrets: [%s]}\n",
		raw, database, testkit.Redis(t), single, strings.Repeat("f", 40))
	file = filepath.Join(dir, "nerve.yaml")
	require.NoError(t, os.WriteFile(file, []byte(yaml), 0o600))
	return file, database, store
}

func secretFile(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(secret+"\n"), 0o600))
	return path
}

// fits fails when output does not fit 100 columns.
func fits(t *testing.T, out string) {
	t.Helper()
	for line := range strings.Lines(out) {
		assert.LessOrEqual(t, len([]rune(line)), 101, line)
	}
}

// A source from its first day to the end of its first secret.
func TestARotationInCommands(t *testing.T) {
	t.Parallel()
	file, _, store := deployed(t, true)
	secret := strings.Repeat("n", 40)
	do := func(args ...string) string {
		t.Helper()
		code, out, errOut := run(t, append([]string{"sources"}, append(args, "--config", file)...)...)
		require.Zero(t, code, errOut)
		fits(t, out)
		return out
	}
	out := do("add", "dd", "--provider", "datadog", "--generate", "--set", "window=30m", "--set", "channel=C0ALERTS")
	made := regexp.MustCompile(`Secret +([0-9a-f]{64})`).FindStringSubmatch(out)
	require.NotNil(t, made, out)
	assert.Contains(t, out, "/webhooks/dd")
	out = do("list")
	assert.Regexp(t, `dd +datadog +database +ready +1`, out)
	assert.Regexp(t, `filed +datadog +file +ready +1`, out)

	ids := func(out string) []string { return regexp.MustCompile(`\b[0-9a-f]{16}\b`).FindAllString(out, -1) }
	oldest := ids(do("show", "dd"))
	require.Len(t, oldest, 1)
	out = do("rotate", "dd", "--secret", secretFile(t, secret))
	newer := ids(out)
	require.NotEmpty(t, newer, out)
	assert.Contains(t, out, "both work now")
	assert.NotContains(t, out, secret)
	later := do("rotate", "dd", "--secret", secretFile(t, strings.Repeat("l", 40)), "--not-before", "2999-01-01T00:00:00Z")
	assert.Contains(t, later, "the new one from 2999-01-01T00:00:00Z")
	assert.NotContains(t, later, "both work now")
	do("remove-secret", "dd", ids(later)[0])
	out = do("show", "dd")
	assert.Contains(t, out, newer[0])
	assert.NotContains(t, out, providers.SecretID(secret), "a guess could be tried on it")
	assert.Contains(t, out, "has proved nothing yet")
	assert.NotContains(t, out, made[1])

	var got http.Header
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		got.Set("Path", r.URL.Path)
		_, _ = io.WriteString(w, `{"status":"enqueued"}`)
	}))
	defer front.Close()
	do("test", "dd", "--url", front.URL)
	assert.Equal(t, "/webhooks/dd", got.Get("Path"))
	proof, err := json.Marshal(got)
	require.NoError(t, err)
	assert.Contains(t, string(proof), secret, "it proves itself by the newest secret")

	require.NoError(t, store.SaveDeliveries(t.Context(), []contract.Delivery{
		{ID: "1", Source: "dd", SecretID: oldest[0], Outcome: contract.OutcomeAccepted, ReceivedAt: time.Now()},
	}))
	code, _, errOut := run(t, "sources", "remove-secret", "dd", oldest[0], "--config", file)
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "--force")
	do("remove-secret", "dd", oldest[0], "--force")
	code, _, errOut = run(t, "sources", "remove-secret", "dd", newer[0], "--config", file)
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "last secret")

	assert.Contains(t, do("set", "dd", "window=1h", "channel="), "has its new channel, window")
	assert.Contains(t, do("set", "dd", "window=1h"), "so already")
	do("disable", "dd")
	assert.Regexp(t, `dd +datadog +database +disabled`, do("list"))
	do("enable", "dd")
	do("purge", "dd")
	code, _, errOut = run(t, "sources", "purge", "dd", "--config", file)
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "again at")
	var view registry.View
	require.NoError(t, json.Unmarshal([]byte(do("show", "dd", "--json")), &view))
	assert.Equal(t, "1h0m0s", view.Effective.Window)
	do("remove", "dd")
	log, err := store.AuditLog(t.Context(), record.AuditFilter{Target: "dd"})
	require.NoError(t, err)
	assert.Len(t, log, 10)
	for _, e := range log {
		assert.NotContains(t, fmt.Sprint(e), secret)
	}
}

func TestASourceOfTasksIsShownWithTheirKeys(t *testing.T) {
	t.Parallel()
	file, _, _ := deployed(t, true)
	yaml, err := os.ReadFile(file)
	require.NoError(t, err)
	yaml = fmt.Appendf(yaml, "- {name: models, provider: replicate, handler: task_result, output_hosts: [replicate.delivery], task_notices: failures, "+
		"require_known: true, tolerance_future: 1m, secrets: [whsec_%s]}\n", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	require.NoError(t, os.WriteFile(file, yaml, 0o600))
	code, out, errOut := run(t, "sources", "show", "models", "--config", file)
	require.Zero(t, code, errOut)
	fits(t, out)
	assert.Regexp(t, `Outputs +from replicate.delivery\n +image/png, .*; 67108864\n +bytes at most\n`, out)
	assert.Contains(t, out, "only those that nerve tasks expect has registered; the channel hears of failures")
	assert.Regexp(t, `Tolerance +5m0s old, ahead 1m0s, answered as the vendor has it\n`, out)
	assert.Regexp(t, `Quiet +closes after 24h0m0s\n`, out)
	_, out, _ = run(t, "sources", "show", "filed", "--config", file)
	assert.NotContains(t, out, "Outputs")
}

func TestMistakesWithSources(t *testing.T) {
	t.Parallel()
	file, _, _ := deployed(t, true)
	for line, says := range map[string]string{
		"add dd --provider datadgo --generate":                         "did you mean datadog?",
		"add dd --provider datadog":                                    "secret: is missing",
		"add dd --provider datadog --generate --set windw=5m":          "did you mean window?",
		"add dd --provider datadog --generate --set window=soon":       "window: ",
		"add dd --provider datadog --generate --set rate":              "KEY=VALUE",
		"add filed --provider datadog --generate":                      "configuration file defines",
		"add dd --provider sendgrid --generate --set schemes=sendgrid": "key of its own",
		"set nobody window=5m":                                         "no such source",
		"set nobody":                                                   "nothing to set",
		"rotate nobody":                                                "say where the new secret is",
		"show nobody":                                                  "no such source",
		"test filed":                                                   "--url",
		"test nobody --url http://127.0.0.1:1":                         "no such source",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			code, _, errOut := run(t, append(append([]string{"sources"}, strings.Fields(line)...), "--config", file)...)
			assert.Equal(t, 2, code, errOut)
			assert.Contains(t, errOut, says)
		})
	}
}

func TestAChangeThatNeedsASecondPersonIsNotMadeAlone(t *testing.T) {
	t.Parallel()
	file, _, store := deployed(t, false)
	code, out, errOut := run(t, "sources", "add", "dd", "--provider", "datadog", "--generate", "--config", file)
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "second person")
	assert.Empty(t, out, "no secret is shown that is not kept")
	set, err := store.Sources(t.Context())
	require.NoError(t, err)
	assert.Empty(t, set.Sources)
}
