package testsuite

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// How long a test polls for something that must come. It is only ever spent by
// a test that fails; the machine may be busy.
const (
	patience = 90 * time.Second
	poll     = 50 * time.Millisecond
)

// process is a running program of nerve.
type process struct {
	t    testing.TB
	name string
	cmd  *exec.Cmd
	log  string // file of standard output and error
	done chan struct{}
	err  error // of Wait, once done is closed
}

func (s *system) start(program string, env map[string]string) *process {
	s.t.Helper()
	s.started++
	p := &process{t: s.t, name: program, done: make(chan struct{})}
	p.log = filepath.Join(s.logs, program+"-"+string(rune('a'+s.started-1))+".log")
	out, err := os.Create(p.log)
	require.NoError(s.t, err)
	defer func() { _ = out.Close() }()
	p.cmd = exec.Command(filepath.Join(s.bin, program))
	p.cmd.Stdout, p.cmd.Stderr = out, out
	for k, v := range env {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	require.NoError(s.t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	s.t.Cleanup(func() {
		p.kill()
		if s.t.Failed() {
			s.t.Logf("last of %s:\n%s", filepath.Base(p.log), tail(p.text(), 40))
		}
	})
	return p
}

// text is what the program has written so far.
func (p *process) text() string {
	raw, err := os.ReadFile(p.log)
	if err != nil {
		return ""
	}
	return string(raw)
}

// line waits for a log entry and returns its fields.
func (p *process) line(message string) map[string]any {
	p.t.Helper()
	var found map[string]any
	require.Eventually(p.t, func() bool {
		select {
		case <-p.done:
			return true
		default:
		}
		found = p.find(message)
		return found != nil
	}, patience, poll, "%s never said %q", p.name, message)
	if found = p.find(message); found == nil {
		require.FailNow(p.t, p.name+" ended before it said "+message, p.text())
	}
	return found
}

func (p *process) find(message string) map[string]any {
	for raw := range bytes.SplitSeq([]byte(p.text()), []byte("\n")) {
		var fields map[string]any
		if json.Unmarshal(raw, &fields) == nil && fields["msg"] == message {
			return fields
		}
	}
	return nil
}

// kill ends the program at once, as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.done
}

// terminate asks the program to stop.
func (p *process) terminate() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
}

// ended waits until the program has stopped by itself, in good order.
func (p *process) ended() {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		select {
		case <-p.done:
			return true
		default:
			return false
		}
	}, patience, poll, "%s did not stop", p.name)
	require.NoError(p.t, p.err, "%s did not stop in good order:\n%s", p.name, tail(p.text(), 20))
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
