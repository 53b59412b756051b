package slackstand

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What was noted while the state file was being written stays in the journal.
func TestJournalKeepsWhatTheStateFileHasNot(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), journalFile)
	j, err := openJournal(path)
	require.NoError(t, err)
	require.NoError(t, j.add([]change{{Seq: 1, Removed: "1.1"}, {Seq: 2, Removed: "1.2"}}))
	covered := j.size
	require.NoError(t, j.add([]change{{Seq: 3, Removed: "1.3"}}))
	require.NoError(t, j.drop(covered))
	require.NoError(t, j.add([]change{{Seq: 4, Removed: "1.4"}}))
	left, err := readJournal(path, 0)
	require.NoError(t, err)
	assert.Equal(t, []change{{Seq: 3, Removed: "1.3"}, {Seq: 4, Removed: "1.4"}}, left)
	left, err = readJournal(path, 3)
	require.NoError(t, err)
	assert.Len(t, left, 1, "the state file has the third")
	require.NoError(t, j.drop(j.size))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Zero(t, info.Size())
	require.NoError(t, j.file.Close())
}

func BenchmarkPostKept(b *testing.B) {
	s, err := New(Options{Token: "t", Dir: b.TempDir()})
	require.NoError(b, err)
	for b.Loop() {
		_, err := s.Post(b.Context(), "C0ALERTS01", Message{User: "U0ALICE001", Text: "disk full", StoreOnly: true})
		require.NoError(b, err)
	}
	require.NoError(b, s.Close())
}
