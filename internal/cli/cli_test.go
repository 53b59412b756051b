package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/cli"
	"github.com/nerve-alerts/nerve/internal/privacy"
)

func run(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = cli.Main(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

// written is a file with a content.
func written(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestMistakesExitWith2AndSayWhatToDo(t *testing.T) {
	t.Parallel()
	dir, secret, empty := t.TempDir(), written(t, "hush"), written(t, "")
	huge := written(t, strings.Repeat("x", 16<<20+1))
	elsewhere := []string{"--url", "http://127.0.0.1:1/x", "--secret", secret}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"nonsense"}, "\nnerve --help shows"},
		{[]string{"incidents", "show"}, "\nnerve incidents show --help shows"},
		{[]string{"incidents", "list", "--open", "--failed"}, "can't be used together"},
		{[]string{"incidents", "list", "--limit=-1"}, `--limit: "-1" is not how many`},
		{[]string{"spool", "list"}, "set REDIS_URL"},
		{[]string{"spool", "retry", "--queue", "other"}, "spool"},
		{[]string{"incidents", "list", "--state", dir}, "nerve dev is not running (state " + dir + `): start it with "nerve dev --state ` + dir + `", or set TEMPORAL_ADDRESS`},
		{[]string{"incidents", "list", "--state", dir, "--config", dir}, "can't be used together"},
		{[]string{"keys", "rotate", filepath.Join(dir, "none")}, "none cannot be read: no such file"},
		{[]string{"keys", "rotate", empty}, "is empty"},
		{[]string{"keys", "rotate", secret}, "is not a keyset that nerve made"},
		{[]string{"dev", "--port", "99999"}, `--port: "99999" is not a port`},
		{[]string{"dev", "--ui-port", "-1"}, `--ui-port: "-1" is not a port`},
		{[]string{"dev", "--slack-port"}, `--slack-port: "" is not a port`},
		{[]string{"dev", "--exit", "--state", dir}, "--exit goes with --demo"},
		{[]string{"dev", "--port", "7233", "--state", dir}, "--port and --temporal-port are both 7233"},
		{[]string{"send"}, "nerve send --help shows"},
		{[]string{"send", "nobody"}, "nerve sources providers lists them"},
		{[]string{"send", "slack", "--state", dir}, `start it with "nerve dev --state ` + dir + `", or give --url and --secret`},
		{[]string{"send", "slack", "--fixture", "nope"}, "bot_attachment_firing"},
		{[]string{"send", "slack", "--file", empty}, "--file: " + empty + " is empty"},
		{[]string{"send", "slack", "--file", huge}, "is larger than 16 MiB"},
		{[]string{"send", "slack", "--file", dir}, "cannot be read: is a directory"},
		{[]string{"send", "slack", "--file", "-", "--secret", "-"}, "cannot both be standard input"},
		{[]string{"send", "slack", "--count", "0"}, `--count: "0" is not how many`},
		{[]string{"send", "slack", "--count=-3"}, `--count: "-3" is not how many`},
		{[]string{"send", "slack", "--rate", "-1"}, `--rate: "-1" is not a rate`},
		{[]string{"send", "slack", "--rate", "0"}, `--rate: "0" is not a rate`},
		{[]string{"send", "slack", "--rate", "NaN"}, `--rate: "NaN" is not a rate`},
		{[]string{"send", "slack", "--distinct", "--repeat"}, "can't be used together"},
		{append([]string{"send", "slack", "--source", "x"}, elsewhere...), "leave them out with --url and --secret"},
		{append([]string{"send", "datadog", "--stale"}, elsewhere...), "--stale: datadog signs no time"},
		{[]string{"send", "slack", "--url", "alerts.example.com", "--secret", secret}, "--url: give the source's whole URL"},
		{[]string{"send", "slack", "--url", "http://127.0.0.1:1/x", "--secret", written(t, " \n")}, "--secret: it is empty"},
	} {
		code, _, errOut := run(t, tt.args...)
		assert.Equal(t, 2, code, tt.args)
		assert.Contains(t, errOut, tt.want, tt.args)
		assert.True(t, strings.HasPrefix(errOut, "nerve: "), errOut)
	}
}

func TestExitAndDemoGoTogether(t *testing.T) {
	t.Parallel()
	code, _, errOut := run(t, "dev", "--exit", "--demo", "--state", written(t, "no directory"))
	assert.Equal(t, 1, code, "a directory that is none is no mistake of the command line's form")
	assert.Contains(t, errOut, "name another with --state")
}

// A state directory that is named is meant, whatever the environment says: it
// must not be production that an incident is resolved in.
func TestNamedStateGoesBeforeTheEnvironment(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	dir := t.TempDir()
	code, _, errOut := run(t, "incidents", "list", "--state", dir)
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "nerve dev is not running (state "+dir)
	code, _, errOut = run(t, "incidents", "list")
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "NERVE_KEYSET")

	_, keyset, _ := run(t, "keys", "new")
	t.Setenv("NERVE_KEYSET", keyset)
	code, _, errOut = run(t, "incidents", "list")
	assert.Equal(t, 1, code, "it is configured, and not there")
	assert.Contains(t, errOut, "nerve: no way to Temporal at 127.0.0.1:1: dial tcp")
	assert.NotContains(t, errOut, "transport:")
}

func TestInterruptedIsSaidSo(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var out, errOut bytes.Buffer
	code := cli.Main(ctx, []string{"send", "slack", "--url", "http://127.0.0.1:1/x", "--secret", written(t, "hush")}, &out, &errOut)
	assert.Equal(t, 1, code)
	assert.Equal(t, "nerve: interrupted\n", errOut.String())
}

func TestWhatPeopleTryFirst(t *testing.T) {
	t.Parallel()
	for first, second := range map[string]string{"": "--help", "help": "--help", "help send": "send --help", "--version": "version"} {
		code, out, _ := run(t, strings.Fields(first)...)
		require.Zero(t, code, first)
		_, same, _ := run(t, strings.Fields(second)...)
		require.NotEmpty(t, out)
		assert.Equal(t, same, out, first)
	}
	_, out, _ := run(t, "version")
	assert.True(t, strings.HasPrefix(out, "nerve "), out)
}

// commandsWithHelp are all that there are.
var commandsWithHelp = [][]string{
	{},
	{"dev"},
	{"send"},
	{"incidents"},
	{"incidents", "list"},
	{"incidents", "show"},
	{"incidents", "rerun"},
	{"incidents", "ack"},
	{"incidents", "resolve"},
	{"keys"},
	{"keys", "new"},
	{"keys", "rotate"},
	{"spool"},
	{"spool", "list"},
	{"spool", "retry"},
	{"version"},
	{"verify"},
	{"parse"},
	{"sources"},
	{"sources", "providers"},
	{"sources", "new"},
}

func TestHelpFits100Columns(t *testing.T) {
	t.Setenv("COLUMNS", "200") // a wide terminal: the bound is nerve's own
	widest := 0
	for _, args := range commandsWithHelp {
		code, out, _ := run(t, append(args, "--help")...)
		assert.Zero(t, code, args)
		assert.Contains(t, out, "Usage: nerve", args)
		for line := range strings.Lines(out) {
			width := len([]rune(strings.TrimSuffix(line, "\n")))
			assert.LessOrEqual(t, width, 100, "%v: %s", args, line)
			widest = max(widest, width)
		}
		assert.NotContains(t, out, "FLOAT-64", "a placeholder is a word")
	}
	assert.Greater(t, widest, 80, "the width was taken from COLUMNS")
}

func TestKeysAreMadeAndRotated(t *testing.T) {
	t.Parallel()
	code, first, _ := run(t, "keys", "new")
	require.Zero(t, code)
	old, err := privacy.ParseKeyset([]byte(first))
	require.NoError(t, err)
	code, second, _ := run(t, "keys", "rotate", written(t, first))
	require.Zero(t, code)
	rotated, err := privacy.ParseKeyset([]byte(second))
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
	assert.NotEqual(t, old.PrimaryKeyID(), rotated.PrimaryKeyID(), "a new key encrypts")
	before, err := privacy.NewDataConverter(old)
	require.NoError(t, err)
	after, err := privacy.NewDataConverter(rotated)
	require.NoError(t, err)
	sealed, err := before.ToPayload("disk full")
	require.NoError(t, err)
	var read string
	require.NoError(t, after.FromPayload(sealed, &read), "the old key still decrypts")
	assert.Equal(t, "disk full", read)
}

func TestFixturesAreListed(t *testing.T) {
	t.Parallel()
	code, out, _ := run(t, "send", "datadog", "--list")
	require.Zero(t, code)
	assert.Contains(t, out, "triggered\n")
}
