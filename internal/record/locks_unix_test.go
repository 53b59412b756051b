//go:build unix

package record_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// visitor names the file that TestVisit looks at, in a process of its own: a
// process never sees its own locks.
const visitor = "NERVE_TEST_VISIT"

// Where SQLite locks a file for reading: https://www.sqlite.org/fileformat2.html#the_lock_byte_page
const (
	sharedFirst = 0x40000000 + 2
	sharedSize  = 510
)

// TestVisit fails where nobody holds the lock of a reader. Alone it does nothing.
func TestVisit(t *testing.T) {
	file := os.Getenv(visitor)
	if file == "" {
		return
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	require.NoError(t, err)
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: sharedFirst, Len: sharedSize}
	require.NoError(t, syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock))
	assert.Equal(t, int16(syscall.F_RDLCK), lock.Type)
	require.NoError(t, f.Close())
}

// Who finds no lock on a SQLite database takes itself for the last one, and
// removes the WAL when it leaves: the sqlite3 shell, a backup. nerve dev has two
// stores in one process; opening the second must not drop the first one's locks.
func TestTwoStoresHoldTheirLock(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nerve.db")
	for range 2 {
		open(t, "sqlite://"+filepath.ToSlash(file))
	}
	program, err := os.Executable()
	require.NoError(t, err)
	visit := exec.CommandContext(t.Context(), program, "-test.run=^TestVisit$")
	visit.Env = append(os.Environ(), visitor+"="+file)
	out, err := visit.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
