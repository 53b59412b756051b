package cli_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

// recorded is a database with two incidents, in the environment.
func recorded(t *testing.T) *record.Store {
	t.Helper()
	url := "sqlite://" + filepath.Join(t.TempDir(), "nerve.db")
	t.Setenv("DATABASE_URL", url)
	s, err := record.Open(t.Context(), url, testkit.Logger(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	for id, source := range map[string]string{"i1": "datadog", "i2": "zendesk"} {
		require.NoError(t, s.SaveIncident(t.Context(), record.Incident{
			ID: id, Version: 1, Source: source, Severity: incident.SeverityHigh, Title: "Error rate is high", OpenedAt: time.Now(),
			Signal: &incident.Signal{Source: source, Severity: incident.SeverityHigh},
		}))
	}
	return s
}

func TestASilenceInCommands(t *testing.T) {
	s := recorded(t)
	const expression = `signal.source == "datadog" && signal.severity in ["high", "medium", "low"]`
	code, out, errOut := run(t, "silences", "test", expression)
	require.Zero(t, code, errOut)
	assert.Contains(t, out, "i1")
	assert.NotContains(t, out, "i2")
	assert.Contains(t, out, "Of the last 2 incidents it would have silenced 1.")

	code, out, errOut = run(t, "silences", "list")
	require.Zero(t, code, errOut)
	assert.Equal(t, "No silences.\n", out)
	code, out, errOut = run(t, "silences", "add", expression, "--for", "2h", "--why", "database upgrade", "--by", "Alex")
	require.Zero(t, code, errOut)
	id := regexp.MustCompile(`Silence ([a-z0-9]{8}) holds from`).FindStringSubmatch(out)
	require.NotNil(t, id, out)
	assert.Contains(t, out, "Of the last 2 incidents it would have silenced 1.")
	kept, err := s.Silence(t.Context(), id[1])
	require.NoError(t, err)
	assert.Equal(t, "alex", kept.CreatedBy, "as the two-person rule compares it")
	assert.Equal(t, 2*time.Hour, kept.EndsAt.Sub(kept.StartsAt))

	code, out, errOut = run(t, "silences", "add", "true", "--from", "2126-01-01T00:00:00Z", "--until", "2126-01-02T00:00:00Z", "--why", "later", "--json")
	require.Zero(t, code, errOut)
	var planned record.Silence
	require.NoError(t, json.Unmarshal([]byte(out), &planned))
	code, out, errOut = run(t, "silences", "list")
	require.Zero(t, code, errOut)
	assert.Regexp(t, id[1]+` +holds`, out)
	assert.Regexp(t, planned.ID+` +waits`, out)
	for line := range strings.Lines(out) {
		assert.LessOrEqual(t, len([]rune(line)), 101, line)
	}

	// There is no Temporal here: it is ended all the same, and says who tells of it.
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	keys, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	raw, err := keys.Export()
	require.NoError(t, err)
	t.Setenv("NERVE_KEYSET", string(raw))
	code, _, errOut = run(t, "silences", "end", id[1], "--reason", "done")
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "silence "+id[1]+" is ended; the incidents that it holds hear of it from the worker within a minute")
	code, _, errOut = run(t, "silences", "end", id[1])
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "is ended; the incidents", "it is told of again")
	code, out, _ = run(t, "silences", "list", "--all")
	require.Zero(t, code)
	assert.Regexp(t, id[1]+` +ended`, out)
	code, out, _ = run(t, "silences", "list")
	require.Zero(t, code)
	assert.NotContains(t, out, id[1])
}

func TestMistakesWithSilences(t *testing.T) {
	recorded(t)
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"add", `signal.sevrity == "low"`, "--for", "1h", "--why", "x"}, 2, "line 1, column 7: undefined field 'sevrity'\n    signal.sevrity == \"low\"\n          ^"},
		{[]string{"test", `signal.title`}, 2, "it gives a string, and must say true or false"},
		{[]string{"add", "true", "--why", "x"}, 2, "say how long with --for, or until when with --until"},
		{[]string{"add", "true", "--for", "1h", "--until", "2126-01-01T00:00:00Z", "--why", "x"}, 2, "can't be used together"},
		{[]string{"add", "true", "--for", "1h"}, 2, "--why"},
		{[]string{"add", "true", "--for", "800h", "--why", "x"}, 2, "it lasts longer than 31 days"},
		{[]string{"add", "true", "--until", "2020-01-01T00:00:00Z", "--why", "x"}, 2, "its end is in the past"},
		{[]string{"end", "nothing"}, 1, "no silence nothing (nerve silences list shows what there is)"},
	} {
		code, _, errOut := run(t, append([]string{"silences"}, tt.args...)...)
		assert.Equal(t, tt.code, code, "%v: %s", tt.args, errOut)
		assert.Contains(t, errOut, tt.want, tt.args)
	}
	code, _, errOut := run(t, "incidents", "snooze", "i1", "--for", "10s")
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "--for is from 1m0s to 168h0m0s, and 10s is not")
}
