package testkit

import (
	"context"
	"crypto/rand"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// How long a server may take to be ready. A container may have to be fetched.
const (
	programPatience   = time.Minute
	containerPatience = 5 * time.Minute
	startAttempts     = 3 // a free port may be taken before the server has it
)

// FreePort returns a TCP port on 127.0.0.1 that nobody listens on, for a program
// that is told where to listen. It lies below the ports that systems give to
// outgoing connections and to listeners that ask for any, so that only another
// caller could take it meanwhile.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatalf("testkit: no free port: %v", err)
	}
	return port
}

// Listen listens on such a port until the test ends. A listener on a port from
// FreePort can fail: a process that another test has just forked holds the one
// that tried the port until it becomes another program.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := listen()
	if err != nil {
		t.Fatalf("testkit: no free port: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// The ports to choose from: Linux hands out 32768 and above, others 49152.
const (
	firstPort    = 15000
	lastPort     = 32000
	portAttempts = 100
)

func freePort() (int, error) {
	l, err := listen()
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

func listen() (net.Listener, error) {
	var last error
	for range portAttempts {
		n, err := rand.Int(rand.Reader, big.NewInt(lastPort-firstPort))
		if err != nil {
			return nil, err
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+int(n.Int64())))
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
		if err == nil {
			return l, nil
		}
		last = err
	}
	return nil, last
}

// program finds an executable by its first known name, in PATH and then in the
// folders, which may hold wildcards; the newest version comes last and wins.
func program(names []string, folders ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		for _, folder := range folders {
			found, _ := filepath.Glob(filepath.Join(folder, name)) // fails on a malformed pattern only
			if len(found) > 0 {
				return found[len(found)-1]
			}
		}
	}
	return ""
}

// docker reports whether a Docker engine answers.
var docker = sync.OnceValue(func() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Version}}").Run() == nil
})

// container is the command that runs an image with one of its ports on port of
// 127.0.0.1.
func container(image string, port, inside int, env, args []string) command {
	name := "nerve-test-" + strings.ToLower(rand.Text()[:12])
	run := []string{
		"docker", "run", "--rm", "--name", name,
		"-p", "127.0.0.1:" + strconv.Itoa(port) + ":" + strconv.Itoa(inside),
	}
	for _, e := range env {
		run = append(run, "-e", e)
	}
	run = append(append(run, image), args...)
	return command{args: run, signal: "TERM", container: name, patience: containerPatience}
}

// short leaves a test out that needs a real server, when -short asks for it.
func short(t testing.TB, what string) {
	t.Helper()
	if testing.Short() {
		t.Skip("real " + what + ": left out by -short; run without it (make deps installs what is missing)")
	}
}

// given returns the address of a server that the environment names.
func given(key string) string {
	return os.Getenv(key)
}
