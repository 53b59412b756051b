package cli_test

import (
	"bytes"
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

func TestMistakesExitWith2AndSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"nonsense"}, "nerve --help"},
		{[]string{"send", "nobody"}, "datadog, slack, zendesk"},
		{[]string{"send", "slack", "--state", dir}, "start nerve dev first"},
		{[]string{"send", "slack", "--fixture", "nope"}, "bot_attachment_firing"},
		{[]string{"incidents", "list", "--state", dir}, "nerve dev does not run on"},
		{[]string{"incidents", "list", "--open", "--failed"}, "can't be used together"},
		{[]string{"spool", "list"}, "set REDIS_URL"},
		{[]string{"spool", "retry", "--queue", "other"}, "spool"},
	} {
		code, _, errOut := run(t, tt.args...)
		assert.Equal(t, 2, code, tt.args)
		assert.Contains(t, errOut, tt.want, tt.args)
	}
}

func TestHelpFits100Columns(t *testing.T) {
	for _, args := range [][]string{
		{}, {"dev", "--help"}, {"send", "--help"}, {"incidents", "list", "--help"}, {"incidents", "rerun", "--help"}, {"keys", "rotate", "--help"},
		{"spool", "list", "--help"}, {"spool", "retry", "--help"},
	} {
		code, out, _ := run(t, args...)
		assert.Zero(t, code, args)
		for line := range bytes.Lines([]byte(out)) {
			assert.LessOrEqual(t, len([]rune(string(line))), 101, "%v: %s", args, line)
		}
	}
}

func TestKeysAreMadeAndRotated(t *testing.T) {
	code, out, _ := run(t, "keys", "new")
	require.Zero(t, code)
	_, err := privacy.ParseKeyset([]byte(out))
	require.NoError(t, err)
}

func TestFixturesAreListed(t *testing.T) {
	code, out, _ := run(t, "send", "datadog", "--list")
	require.Zero(t, code)
	assert.Contains(t, out, "triggered\n")
}
