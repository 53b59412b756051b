package cli_test

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/record"
)

// recorded is a configuration file that names an empty record.
func recordedURL(t *testing.T) string {
	t.Helper()
	url := "sqlite://" + filepath.Join(t.TempDir(), "nerve.db")
	store, err := record.Open(t.Context(), url, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, store.Close())
	return written(t, "database: {url: '"+url+"'}\n")
}

func TestTokensInCommands(t *testing.T) {
	t.Parallel()
	file := recordedURL(t)
	code, out, errOut := run(t, "tokens", "create", "ci", "--scope", "respond", "--owner", "CI-Bot", "--expires", "30d", "--by", "Ana@example.com", "--config", file)
	require.Zero(t, code, errOut)
	token := strings.TrimSpace(out)
	assert.Regexp(t, `^nrv_[a-z2-7]{16}_[a-z2-7]{59}$`, token, "the token alone is on standard output")
	assert.Contains(t, errOut, "acts as ci-bot, may respond")
	id := token[4:20]

	code, out, errOut = run(t, "tokens", "list", "--config", file)
	require.Zero(t, code, errOut)
	assert.Contains(t, out, id)
	assert.NotContains(t, out, token[21:])
	for line := range strings.Lines(out) {
		assert.LessOrEqual(t, len(line), 101)
	}
	code, out, errOut = run(t, "tokens", "revoke", id, "--by", "ana@example.com", "--config", file)
	require.Zero(t, code, errOut)
	assert.Contains(t, out, "is revoked")
	code, out, _ = run(t, "tokens", "list", "--json", "--config", file)
	require.Zero(t, code)
	var list []struct {
		Owner     string    `json:"owner"`
		RevokedBy string    `json:"revoked_by"`
		CreatedAt time.Time `json:"created_at"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	assert.Equal(t, "ci-bot", list[0].Owner)
	assert.Equal(t, "ana@example.com", list[0].RevokedBy)
	assert.Equal(t, 30*24*time.Hour, list[0].ExpiresAt.Sub(list[0].CreatedAt))

	code, _, errOut = run(t, "tokens", "revoke", "nope", "--config", file)
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "no token nope")
	for _, args := range [][]string{{"--expires", "366d"}, {"--expires", "soon"}, {"--expires", "0d"}, {"--scope", "root"}, {"--owner", strings.Repeat("x", 300)}} {
		code, out, _ = run(t, append([]string{"tokens", "create", "x", "--config", file}, args...)...)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, out)
	}
	code, out, _ = run(t, "audit", "list", "--config", file)
	require.Zero(t, code)
	assert.Regexp(t, `2 .*ana@example.com .*cli .*token.revoke .*`+id, out)
}

func TestTheAuditLogInCommands(t *testing.T) {
	t.Parallel()
	file := recordedURL(t)
	for _, name := range []string{"a", "b", "c"} {
		code, _, errOut := run(t, "tokens", "create", name, "--by", "ana", "--config", file)
		require.Zero(t, code, errOut)
	}
	code, out, errOut := run(t, "audit", "verify", "--config", file)
	require.Zero(t, code, errOut)
	head := regexp.MustCompile(`Head: (3:[0-9a-f]{64})`).FindStringSubmatch(out)[1]
	code, export, errOut := run(t, "audit", "export", "--config", file)
	require.Zero(t, code, errOut)
	require.Equal(t, 3, strings.Count(export, "\n"))

	verify := func(text string, args ...string) (int, string, string) {
		return run(t, append([]string{"audit", "verify", "--file", written(t, text)}, args...)...)
	}
	code, out, errOut = verify(export, "--head", head)
	require.Zero(t, code, errOut)
	assert.Contains(t, out, "The chain of 3 entries holds.")
	lines := strings.SplitAfter(export, "\n")
	for name, tc := range map[string]struct{ text, want string }{
		"changed":   {strings.Replace(export, `"name":"b"`, `"name":"x"`, 1), "broken at entry 2: it was changed"},
		"removed":   {lines[0] + lines[2], "broken at entry 2: it is missing"},
		"cut off":   {lines[0] + lines[1], "broken at entry 3: the chain ends"},
		"exchanged": {lines[1] + lines[0] + lines[2], "broken at entry 1"},
	} {
		code, _, errOut = verify(tc.text, "--head", head)
		assert.Equal(t, 1, code, name)
		assert.Contains(t, errOut, tc.want, name)
		code, out, _ = verify(tc.text, "--head", head, "--json")
		assert.Equal(t, 1, code, name)
		assert.Contains(t, out, `"holds": false`)
	}
	other := head[:2] + strings.Repeat("0", 64)
	code, _, errOut = run(t, "audit", "verify", "--config", file, "--head", other)
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "written anew")
	code, _, errOut = verify("not json\n")
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "line 1 of the export is no entry")
	for _, args := range [][]string{{"--head", "3"}, {"--file", filepath.Join(t.TempDir(), "none")}, {"--file", "x", "--config", file}} {
		code, _, _ = run(t, append([]string{"audit", "verify"}, args...)...)
		assert.Equal(t, 2, code, args)
	}
	code, out, _ = run(t, "audit", "list", "--limit", "1", "--before", "3", "--json", "--config", file)
	require.Zero(t, code)
	var entries []audit.Entry
	require.NoError(t, json.Unmarshal([]byte(out), &entries))
	require.Len(t, entries, 1)
	assert.Equal(t, int64(2), entries[0].Seq)
}
