package silence

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

const (
	// MaxAhead is how many silences can hold or wait at once: each is evaluated
	// for each alert, in some microseconds.
	MaxAhead = 200
	// MaxLength is the longest silence.
	MaxLength = 31 * 24 * time.Hour
	// warnEvery is how often the same silence is warned about.
	warnEvery = time.Minute
)

// Set is the silences that hold or will, compiled. It is safe for concurrent
// use, and its zero value holds nothing back.
type Set struct {
	Log *slog.Logger

	list   atomic.Pointer[[]compiled]
	mu     sync.Mutex
	warned map[string]time.Time
}

type compiled struct {
	record.Silence
	expression *Expression
}

// Use replaces the silences. One that cannot be compiled, as when another release
// made it, holds nothing back.
func (s *Set) Use(all []record.Silence) {
	known := map[string]*Expression{}
	if old := s.list.Load(); old != nil {
		for _, c := range *old {
			known[c.expression.text] = c.expression
		}
	}
	list := make([]compiled, 0, len(all))
	for _, one := range all {
		e := known[one.Expression]
		if e == nil {
			var err error
			if e, err = Compile(one.Expression); err != nil {
				s.warn(one.ID, time.Now(), err)
				continue
			}
		}
		list = append(list, compiled{one, e})
	}
	s.list.Store(&list)
}

// Match returns the silence that holds a signal back at a time, the one that ends
// last where there are several, or nil.
func (s *Set) Match(signal *incident.Signal, now time.Time) *contract.Silencing {
	list := s.list.Load()
	if list == nil || len(*list) == 0 {
		return nil
	}
	var found *contract.Silencing
	var view *Signal
	for i := range *list {
		c := &(*list)[i]
		if !c.Active(now) || found != nil && !c.EndsAt.After(found.Until) {
			continue
		}
		if view == nil {
			view = signalOf(signal)
		}
		holds, err := c.expression.match(view)
		if err != nil {
			s.warn(c.ID, now, err)
			continue
		}
		if holds {
			found = &contract.Silencing{ID: c.ID, Until: c.EndsAt}
		}
	}
	return found
}

// warn says that a silence holds nothing back, once a minute for each.
func (s *Set) warn(id string, now time.Time, err error) {
	s.mu.Lock()
	again := now.Sub(s.warned[id]) < warnEvery
	if !again {
		if s.warned == nil || len(s.warned) > MaxAhead {
			s.warned = map[string]time.Time{}
		}
		s.warned[id] = now
	}
	s.mu.Unlock()
	if !again && s.Log != nil {
		s.Log.Warn("a silence cannot be evaluated and holds nothing back", "silence", id, "error", err)
	}
}
