package cli_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

const datadogBody = `{"title":"[Triggered] CPU is high","alert_id":"42","event_id":"7","alert_transition":"Triggered","priority":"P2","body":"x"}`

// logbook is a record with a few deliveries in it, in the environment's database.
func logbook(t *testing.T) *record.Store {
	t.Helper()
	url := "sqlite://" + filepath.Join(t.TempDir(), "nerve.db")
	store, err := record.Open(t.Context(), url, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	keys, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	exported, err := keys.Export()
	require.NoError(t, err)
	for name, value := range map[string]string{
		"DATABASE_URL": url, "NERVE_KEYSET": string(exported), "DATADOG_WEBHOOK_TOKEN": strings.Repeat("t", 40),
		"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_UI_URL": "https://temporal.example.com",
	} {
		t.Setenv(name, value)
	}
	sealer, err := privacy.NewSealer(keys)
	require.NoError(t, err)
	sealed, err := sealer.Seal([]byte(datadogBody), contract.SealContext("datadog", "kept"))
	require.NoError(t, err)
	now := time.Now().UTC()
	kept := contract.Delivery{
		ID: "kept", Source: "datadog", Provider: "datadog", ReceivedAt: now.Add(-time.Hour), RemoteIP: "192.0.2.1", Scheme: "token",
		Assurance: "token", SecretID: "0a1b2c3d", Outcome: contract.OutcomeRejected, Reason: contract.ReasonMalformed.String(),
		Code: "WEBHOOK_PAYLOAD_MALFORMED", Status: 400, ContentType: "application/json", Size: len(datadogBody), SHA256: "00", Sealed: sealed,
	}
	several := contract.Delivery{
		ID: "several", Source: "alertmanager", Provider: "alertmanager", ReceivedAt: now.Add(-time.Minute), Scheme: "token", Assurance: "token",
		Outcome: contract.OutcomeAccepted, Status: 200, Signals: 2,
	}
	one, two := several, several
	one.ID, one.Part, one.IncidentID, one.WorkflowID = "several-1", 1, "am_1", "alertmanager:alert:1"
	one.Trace = &contract.Trace{Key: "alertmanager:alert:1", KeyKind: incident.KeyAlert, Window: contract.WindowKey, Rule: contract.RuleNew}
	two.ID, two.Part, two.Outcome, two.Reason = "several-2", 2, contract.OutcomeIgnored, contract.ReasonNothingToResolve.String()
	forged := contract.Delivery{
		ID: "forged", Source: "datadog", Provider: "datadog", ReceivedAt: now, Outcome: contract.OutcomeRejected, Status: 401,
		Reason: contract.ReasonSignature.String(), Code: "WEBHOOK_SIGNATURE_INVALID",
	}
	require.NoError(t, store.SaveDeliveries(t.Context(), []contract.Delivery{kept, several, one, two, forged}))
	require.NoError(t, store.SaveIncident(t.Context(), record.Incident{
		ID: "am_1", Version: 1, Source: "alertmanager", Status: incident.StatusFiring, Severity: incident.SeverityHigh, Phase: contract.PhaseOpen,
		Title: "Instance is down", OpenedAt: now,
	}))
	return store
}

func TestDeliveriesList(t *testing.T) {
	logbook(t)
	code, out, errOut := run(t, "deliveries", "list")
	require.Zero(t, code, errOut)
	lines := strings.Split(out, "\n")
	for i, id := range []string{"DELIVERY", "forged", "several ", "kept"} {
		assert.True(t, strings.HasPrefix(lines[i], id), lines[i])
	}
	assert.NotContains(t, out, "several-1", "a list shows attempts")
	for args, want := range map[string][]string{
		"--source datadog":                            {"forged", "kept"},
		"--outcome rejected --since 30m":              {"forged"},
		"--outcome accepted,ignored":                  {"several"},
		"--incident am_1":                             {"several-1"},
		"--text malformed":                            {"kept"},
		"--until 30m":                                 {"kept"},
		"--source datadog --limit 1":                  {"forged"},
		"--since 2001-02-03 --until 2001-02-04":       {},
		"--outcome failed --since 2001-02-03T04:05Z ": nil, // not a time
	} {
		code, out, errOut := run(t, append([]string{"deliveries", "list", "--json"}, strings.Fields(args)...)...)
		if want == nil {
			assert.Equal(t, 2, code)
			assert.Contains(t, errOut, "is neither a time nor how long ago")
			continue
		}
		require.Zero(t, code, errOut)
		var found []contract.Delivery
		require.NoError(t, json.Unmarshal([]byte(out), &found))
		ids := make([]string, len(found))
		for i, d := range found {
			ids[i] = d.ID
			assert.Empty(t, d.Sealed)
		}
		assert.Equal(t, want, ids, args)
	}
	code, _, errOut = run(t, "deliveries", "list", "--outcome", "lost")
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "there are accepted duplicate")
}

func TestDeliveriesExplain(t *testing.T) {
	logbook(t)
	code, out, errOut := run(t, "deliveries", "explain", "several")
	require.Zero(t, code, errOut)
	assert.Contains(t, out, "Yes: one of its 2 signals started an incident.")
	assert.Contains(t, out, "Incident am_1: Instance is down (high, firing, open)")
	assert.Contains(t, out, "https://temporal.example.com/namespaces/default/workflows/alertmanager:alert:1")
	code, out, _ = run(t, "deliveries", "explain", "forged", "--json")
	require.Zero(t, code)
	var e struct {
		Paged    bool
		Headline string
		Next     []string
	}
	require.NoError(t, json.Unmarshal([]byte(out), &e))
	assert.False(t, e.Paged)
	assert.Contains(t, e.Headline, "no secret of the source made it")
	assert.NotEmpty(t, e.Next)
	code, _, errOut = run(t, "deliveries", "explain", "nope")
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "no delivery nope")
}

// The bytes are shown to somebody, who is in the audit log before they are.
func TestDeliveriesShow(t *testing.T) {
	store := logbook(t)
	code, out, errOut := run(t, "deliveries", "show", "kept")
	require.Zero(t, code, errOut)
	assert.Contains(t, out, "400, rejected, malformed_payload, WEBHOOK_PAYLOAD_MALFORMED")
	assert.NotContains(t, out, "CPU is high")
	code, out, _ = run(t, "deliveries", "show", "several", "--json")
	require.Zero(t, code)
	assert.Contains(t, out, `"id": "several-2"`)

	entries := func() int {
		log, err := store.AuditLog(t.Context(), record.AuditFilter{Target: "kept"})
		require.NoError(t, err)
		return len(log)
	}
	assert.Zero(t, entries(), "what is shown of it is no secret")
	code, out, errOut = run(t, "deliveries", "show", "kept", "--raw", "--by", "Alex")
	require.Zero(t, code, errOut)
	sent := []byte(datadogBody)
	assert.Equal(t, sent, []byte(out), "byte for byte, not only the same JSON")
	assert.Equal(t, 1, entries())
	file := filepath.Join(t.TempDir(), "body")
	code, out, errOut = run(t, "deliveries", "show", "kept", "--raw", "--output", file, "--by", "alex")
	require.Zero(t, code, errOut)
	assert.NotContains(t, out, "CPU is high")
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, sent, body)
	log, err := store.AuditLog(t.Context(), record.AuditFilter{Target: "kept"})
	require.NoError(t, err)
	require.Len(t, log, 2)
	assert.Equal(t, "alex", log[1].Actor.Person)

	require.NoError(t, store.Close())
	t.Setenv("NERVE_KEYSET", otherKeyset(t))
	code, out, _ = run(t, "deliveries", "show", "kept", "--raw", "--by", "alex")
	assert.Equal(t, 1, code, "another keyset")
	assert.Empty(t, out)
	for _, args := range [][]string{{"show", "forged", "--raw"}, {"show", "kept", "--output", "x"}, {"show", "kept", "--raw", "--json"}} {
		code, out, _ := run(t, append([]string{"deliveries"}, args...)...)
		assert.NotZero(t, code, args)
		assert.Empty(t, out)
	}
}

func otherKeyset(t *testing.T) string {
	t.Helper()
	keys, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	exported, err := keys.Export()
	require.NoError(t, err)
	return string(exported)
}

func TestDeliveriesReplayDryRun(t *testing.T) {
	store := logbook(t)
	t.Setenv("REDIS_URL", testkit.Redis(t))
	code, out, errOut := run(t, "deliveries", "replay", "kept", "--dry-run")
	require.Zero(t, code, errOut)
	assert.Contains(t, out, "kept  was rejected; would differ:")
	assert.Contains(t, out, "(nothing) -> CPU is high")
	assert.Contains(t, out, "Nothing was done.")
	code, out, _ = run(t, "deliveries", "replay", "--source", "datadog", "--dry-run", "--json")
	require.Zero(t, code)
	var plans []struct {
		ID      string `json:"delivery_id"`
		Changed bool
	}
	require.NoError(t, json.Unmarshal([]byte(out), &plans))
	require.Len(t, plans, 1, "what was forged was not kept")
	assert.True(t, plans[0].Changed)
	log, err := store.AuditLog(t.Context(), record.AuditFilter{})
	require.NoError(t, err)
	assert.Empty(t, log)

	for want, args := range map[string][]string{
		"nothing proved where it came from": {"forged", "--dry-run"},
		"replay the whole delivery":         {"several-1", "--dry-run"},
		"no delivery nope":                  {"nope", "--dry-run"},
	} {
		code, out, _ := run(t, append([]string{"deliveries", "replay"}, args...)...)
		assert.Equal(t, 1, code)
		assert.Contains(t, out, want)
	}
	for _, args := range [][]string{{}, {"kept", "--source", "datadog"}} {
		code, _, errOut := run(t, append([]string{"deliveries", "replay"}, args...)...)
		assert.Equal(t, 2, code, errOut)
	}
	t.Setenv("REDIS_URL", "")
	code, _, errOut = run(t, "deliveries", "replay", "kept")
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "set REDIS_URL")
}
