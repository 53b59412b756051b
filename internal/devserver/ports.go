package devserver

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// loopback is the only address that this package listens on.
const loopback = "127.0.0.1"

// listen binds port on the loopback address, or a free one when port is 0. what
// names the port to the person who has to choose another.
func listen(port int, what string) (net.Listener, error) {
	l, err := net.Listen("tcp", hostPort(port))
	if err != nil {
		return nil, portError(err, port, what)
	}
	return l, nil
}

// portError says what to do about a port that could not be bound.
func portError(err error, port int, what string) error {
	switch {
	case port < 0 || port > 65535:
		return fmt.Errorf("devserver: %s port %d is not a port: choose one up to 65535, or 0 for any free one", what, port)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("devserver: %s port %d is in use: stop what listens there (perhaps another nerve dev), or choose another port (0 for any free one): %w",
			what, port, err)
	default:
		return fmt.Errorf("devserver: listen on %s port %d: %w", what, port, err)
	}
}

func hostPort(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// servicePorts are where Temporal's four services listen.
type servicePorts struct{ frontend, history, matching, worker int }

// pickPorts finds out that the frontend's port is free and three more besides.
// Temporal opens its own listeners, so all of them are given back first: another
// process may take one in between, which newServer then sees.
func pickPorts(frontend int) (servicePorts, error) {
	var ports [4]int
	for i := range ports {
		want := 0
		if i == 0 {
			want = frontend
		}
		l, err := listen(want, "Temporal")
		if err != nil {
			return servicePorts{}, err
		}
		defer func() { _ = l.Close() }() // held until all four are found, so that they differ
		ports[i] = portOf(l)
	}
	return servicePorts{frontend: ports[0], history: ports[1], matching: ports[2], worker: ports[3]}, nil
}
