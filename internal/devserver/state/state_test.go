package state_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

// running is a note of this process, which listens where the note says.
func running(t *testing.T) (state.Note, net.Listener) {
	t.Helper()
	l := testkit.Listen(t)
	return state.Note{PID: os.Getpid(), IngestURL: "http://" + l.Addr().String(), Secrets: map[string]string{"slack": "s"}}, l
}

func TestNoteIsFoundWhileItsProcessRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want, l := running(t)
	require.NoError(t, state.Write(dir, want))
	got, err := state.Find(t.Context(), dir)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, want.IngestURL+"/webhooks/slack", got.SourceURL("slack"))
	info, err := os.Stat(filepath.Join(dir, "dev.json"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds secrets")

	require.NoError(t, l.Close())
	// A process that another test starts has the listener too, until it becomes
	// another program: until then the system takes connections.
	require.Eventually(t, func() bool {
		_, err = state.Find(t.Context(), dir)
		return errors.Is(err, state.ErrNotRunning)
	}, time.Minute, time.Millisecond, "nobody listens")
	require.ErrorContains(t, err, dir)

	require.NoError(t, state.Remove(dir))
	_, err = state.Find(t.Context(), dir)
	require.ErrorIs(t, err, state.ErrNotRunning)
	require.NoError(t, state.Remove(dir), "it is gone already")
	_, err = state.Read(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A nerve dev that was killed leaves its note, and another program may have its
// port by now.
func TestNoteOfADeadProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dead := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	require.NoError(t, dead.Run())
	note, _ := running(t)
	note.PID = dead.Process.Pid
	require.NoError(t, state.Write(dir, note))
	_, err := state.Find(t.Context(), dir)
	require.ErrorIs(t, err, state.ErrNotRunning)
}

func TestDamagedNote(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dev.json"), []byte("{"), 0o600))
	_, err := state.Find(t.Context(), dir)
	require.ErrorContains(t, err, "start nerve dev again")
	require.NotErrorIs(t, err, state.ErrNotRunning)
}

func TestDir(t *testing.T) {
	base := t.TempDir()
	t.Setenv("XDG_STATE_HOME", base)
	dir, err := state.Dir("")
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(base, "nerve"), dir)
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", base)
	dir, err = state.Dir("")
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(base, ".local", "state", "nerve"), dir)
	dir, err = state.Dir("here")
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(dir))
}

// What rests in the directory is encrypted with the secrets, so they stay.
func TestSecretsAreMadeOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made := 0
	keyset := func() (string, error) { made++; return "keyset", nil }
	secret := func(source string) (string, error) { return fmt.Sprint(source, " ", made, " ", rand.Text()), nil }
	first, err := state.LoadSecrets(dir, []string{"slack"}, keyset, secret)
	require.NoError(t, err)
	second, err := state.LoadSecrets(dir, []string{"slack", "datadog"}, keyset, secret)
	require.NoError(t, err)
	assert.Equal(t, 1, made)
	assert.Equal(t, first.SlackToken, second.SlackToken)
	assert.Equal(t, first.Sources["slack"], second.Sources["slack"])
	assert.Contains(t, second.Sources["datadog"], "datadog ", "it is made for its source")
	info, err := os.Stat(filepath.Join(dir, "secrets.json"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, os.WriteFile(filepath.Join(dir, "secrets.json"), []byte("{"), 0o600))
	_, err = state.LoadSecrets(dir, nil, keyset, nil)
	require.ErrorContains(t, err, "--fresh")
}
