package admission

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// model is admission as plainly as it can be said: a list of facts with an end,
// and a list of past requests to count in.
type model struct {
	now    time.Duration
	facts  map[string]fact
	asked  map[string][]time.Duration // starts of caps, and requests since
	tokens map[string]int64           // thousandths of a token missing
	filled map[string]time.Duration
}

type fact struct {
	confirmed bool
	tell      bool // counted as count in the incident's window, and not told yet
	incident  string
	owner     string
	count     int64
	level     int           // of a window: what its incident has been told, at least
	since     time.Duration // of an open window
	until     time.Duration
}

func newModel() *model {
	return &model{
		facts: map[string]fact{}, asked: map[string][]time.Duration{},
		tokens: map[string]int64{}, filled: map[string]time.Duration{},
	}
}

func (m *model) fact(key string) (fact, bool) {
	f, ok := m.facts[key]
	return f, ok && m.now < f.until
}

func (m *model) capped(c Claim) bool {
	asked := m.asked[c.Source]
	if len(asked) > 0 && m.now-asked[0] >= time.Minute {
		asked = nil
	}
	m.asked[c.Source] = append(asked, m.now)
	return len(m.asked[c.Source]) > c.Limits.HardCap
}

func (m *model) token(c Claim) bool {
	missing := m.tokens[c.Source]
	missing -= int64(m.now-m.filled[c.Source]) * int64(c.Limits.RatePerMin) / 60 / int64(time.Millisecond)
	missing = max(missing, 0)
	m.filled[c.Source] = m.now
	took := missing+1000 <= int64(c.Limits.Burst)*1000
	if took {
		missing += 1000
	}
	m.tokens[c.Source] = missing
	return took
}

func windowOf(c Claim) string   { return "window/" + c.Source + "/" + c.Window }
func deliveryOf(c Claim) string { return "delivery/" + c.Source + "/" + c.DeliveryID }

func (m *model) admit(c Claim) (verdict Verdict, owner string, count int64, tell, raised bool) {
	if !c.SkipRate && m.capped(c) {
		return Refused, c.WorkflowID, 0, false, false
	}
	win, open := m.fact(windowOf(c))
	open = open && c.Window != ""
	worse := c.Level > 0
	if open {
		worse = c.Level > win.level
	}
	if d, known := m.fact(deliveryOf(c)); known && c.DeliveryID != "" {
		if open && win.owner == d.owner {
			count = win.count
		}
		switch {
		case d.confirmed:
			return Duplicate, d.owner, count, false, false
		case d.tell && open && win.owner == d.owner && win.incident == d.incident:
			return Repeat, d.owner, d.count, true, worse
		case d.tell:
			return Repeat, d.owner, 0, true, worse
		}
		if open && !win.confirmed {
			win.level = min(win.level, c.Level)
			m.facts[windowOf(c)] = win
		}
		return Pending, d.owner, max(count, 1), false, worse
	}
	verdict, owner = New, c.WorkflowID
	switch {
	case open && win.confirmed:
		verdict, owner = Repeat, win.owner
	case open:
		verdict, owner = Pending, win.owner
		win.level = min(win.level, c.Level)
	case !c.SkipRate && !m.token(c):
		return Over, c.WorkflowID, 0, false, false
	default:
		win = fact{owner: owner, incident: c.IncidentID, level: c.Level, until: m.now + c.Limits.PendingTTL}
	}
	win.count++
	if c.Window != "" {
		m.facts[windowOf(c)] = win
	}
	raised = verdict != New && worse
	tell = verdict == Repeat && (raised || contract.Milestone(win.count))
	if c.DeliveryID != "" {
		d := fact{owner: owner, until: m.now + c.Limits.PendingTTL}
		switch {
		case tell:
			d.tell, d.count, d.incident = true, win.count, win.incident
		case verdict == Repeat:
			d.confirmed, d.until = true, m.now+c.Limits.DeliveryTTL
		}
		m.facts[deliveryOf(c)] = d
	}
	return verdict, owner, win.count, tell, raised
}

// window is from when to when the window of a repeat is open, unless the delivery
// was known.
func (m *model) window(c Claim, v Verdict, known bool) (start, end time.Time) {
	win, open := m.fact(windowOf(c))
	if v != Repeat || known || !open {
		return start, end
	}
	zero := newClock().Now()
	return zero.Add(win.since), zero.Add(win.until)
}

func (m *model) confirm(c Claim) {
	if d, known := m.fact(deliveryOf(c)); c.DeliveryID != "" && (!known || d.owner == c.WorkflowID) {
		m.facts[deliveryOf(c)] = fact{confirmed: true, owner: c.WorkflowID, until: m.now + c.Limits.DeliveryTTL}
	}
	in := windowOf(Claim{Source: c.Source, Window: cmp.Or(c.Window, c.joined)})
	win, open := m.fact(in)
	if open && win.confirmed && win.owner == c.WorkflowID && win.incident == c.IncidentID {
		win.level = max(win.level, c.Level)
		m.facts[in] = win
	}
	if c.Window == "" {
		return
	}
	if open && win.owner != c.WorkflowID {
		return
	}
	if !open {
		win = fact{owner: c.WorkflowID, incident: c.IncidentID, count: 1}
	}
	if win.confirmed && win.incident != c.IncidentID {
		win.level = min(win.level, c.Level)
	}
	if !win.confirmed {
		win.confirmed, win.level, win.since, win.until = true, c.Level, m.now, m.now+c.Limits.WindowTTL
	}
	m.facts[windowOf(c)] = win
	m.facts["last/"+windowOf(c)] = fact{owner: c.WorkflowID, until: m.now + lastTTL}
}

func (m *model) abandon(c Claim) {
	for _, key := range []string{deliveryOf(c), windowOf(c)} {
		if f, ok := m.fact(key); ok && !f.confirmed && f.owner == c.WorkflowID {
			delete(m.facts, key)
		}
	}
}

func (m *model) lookup(c Claim) string {
	if f, ok := m.fact(windowOf(c)); ok {
		return f.owner
	}
	f, ok := m.fact("last/" + windowOf(c))
	if !ok {
		return ""
	}
	return f.owner
}

// Long random sequences end as the model says, step by step.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	for _, b := range backends() {
		for seed := range uint64(12) {
			t.Run(fmt.Sprintf("%s/%d", b.name, seed), func(t *testing.T) {
				t.Parallel()
				a, advance := b.open(t)
				compare(t, a, advance, rand.New(rand.NewPCG(seed, 0)))
			})
		}
	}
}

func compare(t *testing.T, a *Admission, advance func(time.Duration), dice *rand.Rand) {
	t.Helper()
	m := newModel()
	limits := Limits{
		DeliveryTTL: 90 * time.Second, WindowTTL: 20 * time.Second, PendingTTL: 30 * time.Second,
		RatePerMin: 60, Burst: 3, HardCap: 40,
	}
	pick := func(prefix string, n int) string {
		if i := dice.IntN(n); i > 0 {
			return fmt.Sprint(prefix, i)
		}
		return ""
	}
	var made []Claim
	ctx := t.Context()
	for step := range 1500 {
		c := Claim{
			Source: fmt.Sprint("s", dice.IntN(2)), WorkflowID: fmt.Sprint("wf", step), IncidentID: fmt.Sprint("i", step),
			DeliveryID: pick("d", 12), Window: pick("w", 5), SkipRate: dice.IntN(10) == 0,
			Level: dice.IntN(4), Limits: limits,
		}
		if n := len(made); n > 0 && dice.IntN(3) == 0 {
			c = made[n-1-dice.IntN(min(n, 6))]
		}
		at := fmt.Sprintf("step %d of %+v at %s", step, c, m.now)
		switch dice.IntN(10) {
		case 0, 1, 2, 3:
			d, err := a.Admit(ctx, c, contract.Delivery{})
			require.NoError(t, err)
			_, known := m.fact(deliveryOf(c))
			known = known && c.DeliveryID != ""
			verdict, owner, count, tell, raised := m.admit(c)
			require.Equal(t, []any{verdict, owner, count, tell, raised}, []any{d.Verdict, d.WorkflowID, d.Count, d.Tell, d.Raised}, at)
			start, end := m.window(c, verdict, known)
			require.True(t, start.Equal(d.WindowStart), "%s: %s, not %s", at, d.WindowStart, start)
			require.True(t, end.Equal(d.WindowEnd), "%s: %s, not %s", at, d.WindowEnd, end)
			made = append(made, c.For(d))
		case 4, 5:
			require.NoError(t, a.Confirm(ctx, c, contract.Delivery{}))
			m.confirm(c)
		case 6:
			require.NoError(t, a.Abandon(ctx, c))
			m.abandon(c)
		case 7:
			owner, _, _, _ := a.Lookup(ctx, c.Source, c.Window)
			if c.Window != "" {
				require.Equal(t, m.lookup(c), owner, at)
			}
		case 8:
			if f, ok := m.fact(windowOf(c)); ok && f.owner == c.WorkflowID {
				delete(m.facts, windowOf(c))
			}
			require.NoError(t, a.Release(ctx, c.Source, c.Window, c.WorkflowID))
		case 9:
			d := time.Duration(dice.IntN(16)) * 250 * time.Millisecond
			m.now += d
			advance(d)
		}
	}
}
