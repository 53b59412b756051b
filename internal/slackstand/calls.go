package slackstand

import (
	"maps"
	"sync"
	"time"
)

// callsKept bounds the record of calls; the oldest go first.
const callsKept = 10_000

// Call is one request to the Web API, answered or not.
type Call struct {
	Method string            `json:"method"`
	Args   map[string]string `json:"args"` // without the token; arrays and objects as JSON
	At     time.Time         `json:"at"`
	Status int               `json:"status"`          // 0 while it is in hand, or when it was given up
	Error  string            `json:"error,omitempty"` // Slack's error, "" when it went well
}

// Calls are the requests to a method so far, in the order in which they came;
// "" gives those to all methods. A call is in the list before it is answered.
func (s *Server) Calls(method string) []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	var out []Call
	for _, c := range s.calls.list {
		if method == "" || c.Method == method {
			copied := *c
			copied.Args = maps.Clone(c.Args)
			out = append(out, copied)
		}
	}
	return out
}

// ClearCalls forgets the requests so far.
func (s *Server) ClearCalls() {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	s.calls.list = nil
}

type callLog struct {
	mu   sync.Mutex
	list []*Call
}

func (l *callLog) begin(method string, a args, now time.Time) *Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &Call{Method: method, Args: maps.Clone(a), At: now}
	l.list = append(l.list, c)
	if over := len(l.list) - callsKept; over > 0 {
		l.list = append([]*Call(nil), l.list[over:]...)
	}
	return c
}

func (l *callLog) finish(c *Call, status int, code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.Status, c.Error = status, code
}
