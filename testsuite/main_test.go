// Package testsuite tests nerve from the outside: the built programs, configured
// by environment, on a real Temporal (embedded, on disk), a real Redis with
// appendonly, a real PostgreSQL, and the stand-in for Slack over HTTP. A small
// proxy before each of the three makes them slow, silent or absent.
//
// It is tests only and one package only, because it links the embedded server.
// Nothing waits for a fixed time: a test polls for what must come, and proves
// that something did not come by sending a canary behind it.
package testsuite

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/devserver"
)

var record = flag.Bool("record", false, "record the workflow histories that workflows/replay_test.go replays")

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "testsuite:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// shared is what all tests use: the programs and one Temporal server. Both are
// made when the first test asks for them.
var shared = &commons{}

type commons struct {
	mu       sync.Mutex
	dir      string
	built    bool
	temporal *devserver.Temporal
	err      error
}

// get builds and starts once; a failure is every test's failure.
func (c *commons) get() (dir string, temporal *devserver.Temporal, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.built {
		c.built = true
		c.err = c.make()
	}
	return c.dir, c.temporal, c.err
}

func (c *commons) make() error {
	dir, err := os.MkdirTemp("", "nerve-testsuite-")
	if err != nil {
		return err
	}
	c.dir = dir
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "../cmd/ingest", "../cmd/worker")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	c.temporal, err = devserver.StartTemporal(context.Background(), devserver.TemporalOptions{
		Dir: filepath.Join(dir, "temporal"), UIPort: -1,
		Retention: contract.Retention, SearchAttributes: contract.SearchAttributes,
	})
	return err
}

func (c *commons) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	if c.temporal != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		errs = append(errs, c.temporal.Close(ctx))
	}
	if c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}
