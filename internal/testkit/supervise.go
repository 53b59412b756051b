package testkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// supervisor runs a server as its child and ends it when standard input ends.
// The other end of that pipe is held by the test process alone, so the server
// stops when the test asks for it, when the process exits, and when it is
// killed; no TestMain is needed and no process is ever looked up by name. The
// folder goes last.
//
// Arguments: folder, signal that stops the server, container to remove or "",
// then the server's command line.
const supervisor = `
dir=$1 signal=$2 container=$3
shift 3
exec 3<&0
"$@" </dev/null >"$dir/log" 2>&1 3<&- &
server=$!
(
	read -r _ <&3
	[ -e "$dir/exit" ] || kill -s "$signal" "$server"
	[ -z "$container" ] || docker rm -f "$container"
) >/dev/null 2>&1 &
watcher=$!
wait "$server"
echo $? >"$dir/exit"
wait "$watcher"
rm -rf "$dir"
`

// readyPoll is how often a server that starts is asked whether it is ready.
const readyPoll = 20 * time.Millisecond

// command is a server to run.
type command struct {
	args      []string
	signal    string // stops it: a name that kill knows
	container string // removed at the end, when it is one
	as        *syscall.Credential
	patience  time.Duration // how long it may take to be ready
}

// server is a running one.
type server struct {
	dir   string
	stdin io.Closer
	done  chan struct{} // closed when the supervisor has ended and removed dir
}

// supervise starts a server with its files in dir, which it owns from then on.
func supervise(dir string, c command) (*server, error) {
	args := append([]string{"-c", supervisor, "nerve-testkit", dir, c.signal, c.container}, c.args...)
	cmd := exec.Command("sh", args...) //nolint:gosec // the arguments are testkit's own; it outlives every context
	cmd.Dir = dir
	// A group of its own, so that Ctrl-C reaches the tests and not the server.
	// Its output goes to a file: go test waits for whoever holds its own.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: c.as}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &server{dir: dir, stdin: stdin, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its status is the shell's and says nothing
		close(s.done)
	}()
	return s, nil
}

// stop ends the server and waits until its files are gone.
func (s *server) stop() {
	_ = s.stdin.Close() // a second close changes nothing
	<-s.done
}

// ready asks the server until it answers. It fails with the end of the server's
// log when the server ends or takes too long, and stops it.
func (s *server) ready(patience time.Duration, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		if _, gone := os.Stat(filepath.Join(s.dir, "exit")); gone == nil {
			err = errors.New("it ended")
		} else if ctx.Err() == nil {
			<-tick.C
			continue
		}
		log := s.logTail()
		s.stop()
		return fmt.Errorf("testkit: the server did not start: %w\n%s", err, log)
	}
}

// logTail returns the last lines of the server's output.
func (s *server) logTail() []byte {
	log, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return []byte("(no log: " + err.Error() + ")")
	}
	return bytes.TrimSpace(log[max(0, len(log)-2000):])
}

// newDir makes a folder for a server's files, owned by who will run it.
func newDir(pattern string, as *syscall.Credential) (string, error) {
	dir, err := os.MkdirTemp("", pattern)
	if err != nil || as == nil {
		return dir, err
	}
	if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// unprivileged returns who to run as where this process is root, which
// PostgreSQL refuses to be, and nil where it is not.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil // as this process
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("testkit: this is root, PostgreSQL refuses root, and there is no user postgres or nobody")
}
