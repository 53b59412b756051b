//go:build unix

package record_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

// visitor is the variable that makes the test below the other process, and names
// the file.
const visitor = "NERVE_TEST_VISITED"

// A process that opens a SQLite file twice, as nerve dev does, keeps its locks on
// it: without them whoever looks into the file with the sqlite3 shell would take away the -wal file, and what is
// written from then on would be lost.
func TestAnotherProcessTakesNothingAway(t *testing.T) {
	t.Parallel()
	if file := os.Getenv(visitor); file != "" {
		f, err := os.Open(file)
		require.NoError(t, err)
		defer func() { assert.NoError(t, f.Close()) }()
		// What SQLite asks for before it takes the -wal file away: the range that
		// its readers hold.
		lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: 0x40000000 + 2, Len: 510}
		require.NoError(t, syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock))
		assert.NotEqual(t, int16(syscall.F_UNLCK), lock.Type, "nobody holds the file")
		return
	}
	file := filepath.Join(t.TempDir(), "nerve.db")
	first, err := record.Open(context.Background(), "sqlite://"+file, testkit.Logger(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, first.Close()) })
	second, err := record.Connect(t.Context(), "sqlite://"+file)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, second.Close()) })

	for _, id := range []string{"d1", "d2"} {
		require.NoError(t, first.SaveDeliveries(t.Context(), []contract.Delivery{{ID: id, Source: "s", ReceivedAt: time.Now()}}))
		visit := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		visit.Env = append(os.Environ(), visitor+"="+file)
		out, err := visit.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	found, err := second.Deliveries(t.Context(), record.DeliveryFilter{})
	require.NoError(t, err)
	assert.Len(t, found, 2)
}
