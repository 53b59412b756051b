package dev

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"syscall"
)

type listeners struct {
	ingest, worker, slack net.Listener
}

// listen takes the ports before anything else, because the parts must know of
// each other.
func (d *Dev) listen(ctx context.Context, o Options) (listeners, error) {
	var l listeners
	for _, want := range []struct {
		to   *net.Listener
		port int
		flag string
	}{{&l.ingest, o.Port, "--port"}, {&l.worker, o.WorkerPort, "--worker-port"}, {&l.slack, o.SlackPort, "--slack-port"}} {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(loopback, strconv.Itoa(want.port)))
		if err != nil {
			return l, portError(err, want.port, want.flag)
		}
		*want.to = listener
		d.onClose(func() { _ = listener.Close() })
	}
	return l, nil
}

// portError says what to do about a port that could not be bound.
func portError(err error, port int, flag string) error {
	choose := "choose another with " + flag + ", or take free ones for everything with --free-ports"
	switch {
	case port < 0 || port > 65535:
		return fmt.Errorf("dev: %s %d is not a port: give one from 1 to 65535, or 0 for a free one", flag, port)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("dev: port %d is taken: %s", port, choose)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("dev: port %d is not for this user to take: %s", port, choose)
	default:
		return fmt.Errorf("dev: listen on port %d: %w; %s", port, err, choose)
	}
}
