package testsuite

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands before a server and can make it seem away or silent.
type proxy struct {
	target   string
	listener net.Listener

	mu    sync.Mutex
	mode  proxyMode
	conns map[net.Conn]bool
}

type proxyMode int

const (
	passing proxyMode = iota
	cut               // connections are closed at once
	hanging           // connections are taken, and nothing goes through
	mute              // what clients say goes through, what the server answers does not
)

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding does not block
	require.NoError(t, err)
	p := &proxy{target: target, listener: l, conns: map[net.Conn]bool{}}
	go p.serve()
	t.Cleanup(func() {
		_ = l.Close()
		p.set(cut)
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// set changes the mode. Leaving a mode in which bytes were held back closes the
// connections, so that what was held back is lost and not merely late.
func (p *proxy) set(m proxyMode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m == cut || p.mode == hanging || p.mode == mute {
		for c := range p.conns {
			_ = c.Close()
		}
		clear(p.conns)
	}
	p.mode = m
}

func (p *proxy) is() proxyMode {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode
}

// keep remembers a connection, or closes it when the server is to seem away.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode == cut {
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *proxy) serve() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.keep(c) {
			go p.carry(c)
		}
	}
}

func (p *proxy) carry(client net.Conn) {
	server, err := net.Dial("tcp", p.target) //nolint:noctx // on loopback
	if err != nil {
		_ = client.Close()
		return
	}
	if !p.keep(server) {
		_ = client.Close()
		return
	}
	go p.copy(server, client, hanging, hanging)
	p.copy(client, server, hanging, mute)
}

// copy carries bytes one way, and drops them in the two modes that say so.
func (p *proxy) copy(to, from net.Conn, one, other proxyMode) {
	defer func() {
		_ = to.Close()
		_ = from.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, to)
		delete(p.conns, from)
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if m := p.is(); n > 0 && m != one && m != other {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
