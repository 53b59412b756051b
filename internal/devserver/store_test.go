package devserver

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func execSQL(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open(sqliteDriver, "file:"+uriPath(path)+"?mode=rwc")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	for _, s := range statements {
		_, err := db.ExecContext(t.Context(), s)
		require.NoError(t, err)
	}
}

func TestFileStore(t *testing.T) {
	t.Parallel()
	const older, unreadable = "another version of Temporal", "cannot be read as a Temporal database"
	tests := map[string]struct {
		before func(t *testing.T, path string)
		want   string // "" when the database is taken
	}{
		"missing": {before: func(*testing.T, string) {}},
		"made but never written": {before: func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
		}},
		"made by this version": {before: func(t *testing.T, path string) {
			require.NoError(t, ensureSchema(t.Context(), path))
		}},
		"made by another version": {before: func(t *testing.T, path string) {
			require.NoError(t, ensureSchema(t.Context(), path))
			execSQL(t, path, "PRAGMA user_version = 12345")
		}, want: older},
		"not made by nerve": {before: func(t *testing.T, path string) {
			execSQL(t, path, "CREATE TABLE namespaces (id INTEGER)")
		}, want: older},
		"not a database": {before: func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, make([]byte, 4096), 0o600))
		}, want: unreadable},
		"a damaged page": {before: func(t *testing.T, path string) {
			require.NoError(t, ensureSchema(t.Context(), path))
			damage(t, path)
		}, want: unreadable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, databaseFile)
			tt.before(t, path)
			store, err := fileStore(t.Context(), dir, false)
			if tt.want == "" {
				require.NoError(t, err)
				assert.Equal(t, "wal", store.ConnectAttributes["journal_mode"])
				assert.Equal(t, 1, store.MaxConns)
				return
			}
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, "--fresh")

			_, err = fileStore(t.Context(), dir, true)
			require.NoError(t, err, "--fresh does what the error promises")
		})
	}
}

// damage overwrites the database's second page.
func damage(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	_, err = f.WriteAt([]byte("not what SQLite wrote"), 4096)
	require.NoError(t, err)
}

func TestFreshRefusesWhatThisProcessHolds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := fileStore(t.Context(), dir, false)
	require.NoError(t, err)
	_, err = fileStore(t.Context(), dir, true)
	require.ErrorContains(t, err, "start a new process")
}

func TestDatabaseIsTheOwnersOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), databaseFile)
	require.NoError(t, ensureSchema(t.Context(), path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Zero(t, info.Mode().Perm()&0o077, "%v", info.Mode())
}

func TestLockDir(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "for", "it")
	held, err := lockDir(dir)
	require.NoError(t, err)

	_, err = lockDir(dir)
	require.ErrorContains(t, err, "state directory "+dir+" is in use by process ")
	require.ErrorContains(t, err, "choose another")

	require.NoError(t, held.Close())
	again, err := lockDir(dir)
	require.NoError(t, err, "a lock ends with its holder, the file may stay")
	require.NoError(t, again.Close())
}
