package admission

import (
	"sync"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// maxMarks bounds the marks kept in memory: about 15 MB.
const maxMarks = 50_000

// memory decides as admit.lua does, for the time in which Redis is away. It
// observes what Redis decides, so that a window which this process has seen
// still folds its repeats when Redis is gone.
type memory struct {
	mu         sync.Mutex
	marks      map[string]mark // by the name that the mark has in Redis
	allowances map[string]*allowance
	max        int
}

type mark struct {
	pending            bool
	tell               bool // pending until the incident was told of it; count is then the delivery's
	workflow, incident string
	count              int64
	level              int       // of a window, that its incident is known to have
	since, expires     time.Time // since: of an open window
}

func newMemory(limit int) *memory {
	return &memory{marks: map[string]mark{}, allowances: map[string]*allowance{}, max: limit}
}

// admit decides. counted says that the claim added an occurrence to a window,
// which a retry does not.
func (m *memory) admit(k keys, c Claim, now time.Time) (d Decision, counted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	claimed := Decision{WorkflowID: c.WorkflowID, IncidentID: c.IncidentID}
	allow := m.allowance(k.bucket, c.Limits, now)
	if !c.SkipRate {
		if wait := allow.overCap(c.Limits.HardCap, now); wait > 0 {
			claimed.Verdict, claimed.RetryAfter = Refused, max(wait, time.Second)
			return claimed, false
		}
	}
	win, hasWin := mark{}, false
	if c.Window != "" {
		win, hasWin = m.get(k.window, now)
	}
	if held, ok := m.get(k.delivery, now); ok && c.DeliveryID != "" {
		d := knownDelivery(held, win)
		d.Raised = d.raisedBy(c)
		if hasWin && d.Verdict == Pending && win.pending && c.Level < win.level {
			win.level = c.Level // see markLocked
			m.put(k.window, win, now)
		}
		return d, false
	}
	if hasWin {
		return m.countLocked(k, c, win, now), true
	}
	if !c.SkipRate && !allow.bucket.AllowN(now, 1) {
		claimed.Verdict = Over
		return claimed, false
	}
	claimed.Verdict, claimed.Count, claimed.level = New, 1, c.Level
	m.markLocked(k, c, claimed, c.Limits.PendingTTL, now)
	return claimed, true
}

func knownDelivery(d, win mark) Decision {
	known := Decision{Verdict: Duplicate, WorkflowID: d.workflow, IncidentID: d.incident, level: win.level}
	if d.tell {
		known.Verdict, known.Tell = Repeat, true
		if win.workflow == d.workflow && win.incident == d.incident {
			known.Count = d.count
		}
		return known
	}
	if win.workflow == d.workflow {
		known.Count = win.count
	}
	if d.pending {
		known.Verdict, known.Count = Pending, max(known.Count, 1)
	}
	return known
}

// countLocked counts one more occurrence in a window that exists.
func (m *memory) countLocked(k keys, c Claim, win mark, now time.Time) Decision {
	d := Decision{Verdict: Repeat, WorkflowID: win.workflow, IncidentID: win.incident, Count: win.count + 1, level: win.level}
	if win.pending {
		d.Verdict = Pending
	} else {
		d.WindowStart, d.WindowEnd = win.since, win.expires.UTC()
	}
	d.Raised = d.raisedBy(c)
	d.Tell = !win.pending && (d.Raised || contract.Milestone(d.Count))
	m.markLocked(k, c, d, win.expires.Sub(now), now)
	return d
}

// observe takes over what Redis decided. left is how long the window lives on.
func (m *memory) observe(k keys, c Claim, d Decision, left time.Duration, now time.Time) {
	switch d.Verdict {
	case New:
		left = c.Limits.PendingTTL
	case Over, Refused:
		return
	case Pending, Repeat, Duplicate:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.markLocked(k, c, d, left, now)
}

// markLocked writes the marks that a decision leaves. A window is written only
// when it is known how long it lives on.
func (m *memory) markLocked(k keys, c Claim, d Decision, left time.Duration, now time.Time) {
	owner := mark{pending: d.Verdict == New || d.Verdict == Pending, workflow: d.WorkflowID, incident: d.IncidentID}
	if c.DeliveryID != "" {
		delivery := owner
		delivery.expires = now.Add(c.Limits.DeliveryTTL)
		if d.Tell {
			delivery.pending, delivery.tell, delivery.count = true, true, d.Count
		}
		if delivery.pending {
			delivery.expires = now.Add(c.Limits.PendingTTL)
		}
		m.put(k.delivery, delivery, now)
	}
	if c.Window != "" && left > 0 {
		owner.count, owner.level, owner.since, owner.expires = d.Count, d.level, d.WindowStart, now.Add(left)
		if d.Verdict == Pending {
			// Any of those that meet a pending window may be the one that starts the
			// incident, so of that no more is known than the lowest level among them.
			owner.level = min(d.level, c.Level)
		}
		m.put(k.window, owner, now)
	}
}

// confirm opens what a claim marked. counted is how often the window has counted
// that it opened, and 0 when it opened none.
func (m *memory) confirm(k keys, c Claim, now time.Time) (counted int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := mark{workflow: c.WorkflowID, incident: c.IncidentID, count: 1}
	if c.DeliveryID != "" {
		if d, ok := m.get(k.delivery, now); !ok || d.workflow == c.WorkflowID {
			own.expires = now.Add(c.Limits.DeliveryTTL)
			m.put(k.delivery, own, now)
		}
	}
	win, ok := m.get(k.window, now)
	if ok && !win.pending && win.workflow == c.WorkflowID && win.incident == c.IncidentID && c.Level > win.level {
		win.level = c.Level
		m.put(k.window, win, now)
	}
	if c.Window == "" {
		return 0
	}
	if ok && win.workflow != c.WorkflowID {
		return 0
	}
	if ok {
		own.count = win.count
	}
	if ok && !win.pending && win.incident != c.IncidentID && c.Level < win.level {
		// The alert lives on in another incident than the one that the window was
		// opened for, and what that was told of the new one need not know.
		win.level = c.Level
		m.put(k.window, win, now)
	}
	if !ok || win.pending {
		own.level, own.since, own.expires = c.Level, now.UTC(), now.Add(c.Limits.WindowTTL)
		m.put(k.window, own, now)
		counted = own.count
	}
	own.expires = now.Add(lastTTL)
	m.put(k.last, own, now)
	return counted
}

func (m *memory) abandon(k keys, c Claim) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range []string{k.delivery, k.window} {
		if held, ok := m.marks[key]; ok && held.pending && held.workflow == c.WorkflowID {
			delete(m.marks, key)
		}
	}
}

func (m *memory) release(k keys, workflowID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.marks[k.window].workflow == workflowID {
		delete(m.marks, k.window)
	}
}

func (m *memory) lookup(k keys, now time.Time) (mark, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if win, ok := m.get(k.window, now); ok {
		return win, true
	}
	return m.get(k.last, now)
}

func (m *memory) get(key string, now time.Time) (mark, bool) {
	held, ok := m.marks[key]
	if ok && !now.Before(held.expires) {
		delete(m.marks, key)
		return mark{}, false
	}
	return held, ok
}

// put stores a mark. When there is no room, what expired goes, and if that is
// not enough, a sixteenth of all, whichever it hits: a lost mark costs a start
// that Temporal refuses.
func (m *memory) put(key string, held mark, now time.Time) {
	if _, ok := m.marks[key]; !ok && len(m.marks) >= m.max {
		for other := range m.marks {
			m.get(other, now)
		}
		spare := m.max - m.max/16 - 1
		for other := range m.marks {
			if len(m.marks) <= spare {
				break
			}
			delete(m.marks, other)
		}
	}
	m.marks[key] = held
}
