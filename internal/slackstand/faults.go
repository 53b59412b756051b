package slackstand

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Fault makes calls fail on purpose.
type Fault struct {
	Method     string        // "" or "*" is every method
	Times      int           // how many calls; 0 means one, below 0 until ClearFaults
	Error      string        // answer {"ok":false,"error":Error}; "ratelimited" answers 429
	Status     int           // answer this HTTP status with no JSON, such as 500
	RetryAfter time.Duration // with a 429; whole seconds on the wire, at least one
	Hang       time.Duration // wait so long first, or until the caller gives up
	Drop       bool          // cut the connection instead of answering
	// After does the work first, then fails: the caller cannot tell that its
	// message was posted.
	After bool
}

// answers says that the fault has an answer of its own.
func (f Fault) answers() bool { return f.Error != "" || f.Status != 0 || f.Drop }

func (f Fault) reply() reply {
	if f.Status == http.StatusTooManyRequests || f.Error == "ratelimited" {
		return reply{
			status: http.StatusTooManyRequests, retryAfter: f.RetryAfter,
			body: map[string]any{"ok": false, "error": "ratelimited"},
		}
	}
	if f.Error != "" {
		return reply{status: http.StatusOK, body: map[string]any{"ok": false, "error": f.Error}}
	}
	return reply{status: f.Status}
}

// Fail adds a fault. Faults for one method apply in the order they were added.
func (s *Server) Fail(f Fault) { s.faults.add(f) }

// ClearFaults removes every fault.
func (s *Server) ClearFaults() { s.faults.clear() }

// SetPostInterval sets the least time between two chat.postMessage calls in one
// channel; 0 switches the limit off. Slack's is about 1 s.
func (s *Server) SetPostInterval(d time.Duration) { s.limits.set(d) }

type faultQueue struct {
	mu   sync.Mutex
	list []Fault
}

func (q *faultQueue) add(f Fault) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	q.list = append(q.list, f)
}

func (q *faultQueue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = nil
}

// take is the fault for the next call of a method, if there is one.
func (q *faultQueue) take(method string) (Fault, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, f := range q.list {
		if f.Method != "" && f.Method != "*" && f.Method != method {
			continue
		}
		if f.Times > 0 {
			q.list[i].Times--
			if q.list[i].Times == 0 {
				q.list = slices.Delete(q.list, i, i+1)
			}
		}
		return f, true
	}
	return Fault{}, false
}

// hang waits, and says whether there is still somebody to answer.
func (s *Server) hang(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.stop.Done():
	}
	return false
}

// postLimits is the rate limit of chat.postMessage.
type postLimits struct {
	mu       sync.Mutex
	interval time.Duration
	last     map[string]time.Time
}

func newPostLimits(d time.Duration) *postLimits {
	return &postLimits{interval: d, last: map[string]time.Time{}}
}

func (l *postLimits) set(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.interval = d
	clear(l.last)
}

func (l *postLimits) allow(channel string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.interval <= 0 {
		return nil
	}
	last, seen := l.last[channel]
	if wait := l.interval - now.Sub(last); seen && wait > 0 {
		return &refusal{code: "ratelimited", retryAfter: wait}
	}
	l.last[channel] = now
	return nil
}
