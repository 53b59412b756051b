package admission

import (
	"time"

	"golang.org/x/time/rate"
)

// maxAllowances bounds the sources remembered. There are as many as are
// configured, so this only guards against a caller that makes names up.
const maxAllowances = 4096

// allowance is a source's bucket and cap.
type allowance struct {
	bucket  *rate.Limiter
	seen    int
	minute  time.Time // when the cap's minute began
	touched time.Time
}

// allowance returns the source's bucket and cap with the figures of now.
func (m *memory) allowance(source string, l Limits, now time.Time) *allowance {
	a, ok := m.allowances[source]
	refill := rate.Limit(float64(l.RatePerMin) / time.Minute.Seconds())
	if !ok {
		if len(m.allowances) >= maxAllowances {
			m.forgetIdle(now)
		}
		a = &allowance{bucket: rate.NewLimiter(refill, l.Burst)}
		m.allowances[source] = a
	}
	if a.bucket.Limit() != refill {
		a.bucket.SetLimitAt(now, refill)
	}
	if a.bucket.Burst() != l.Burst {
		a.bucket.SetBurstAt(now, l.Burst)
	}
	a.touched = now
	return a
}

// forgetIdle drops the sources that were silent for a minute, or all of them
// when none was: their buckets are then full again.
func (m *memory) forgetIdle(now time.Time) {
	for source, a := range m.allowances {
		if now.Sub(a.touched) > time.Minute {
			delete(m.allowances, source)
		}
	}
	if len(m.allowances) >= maxAllowances {
		clear(m.allowances)
	}
}

// overCap counts one request and returns how long the source has to wait when it
// was one too many.
func (a *allowance) overCap(hardCap int, now time.Time) time.Duration {
	if a.minute.IsZero() || now.Sub(a.minute) >= capWindow {
		a.minute, a.seen = now, 0
	}
	if a.seen++; a.seen > hardCap {
		return capWindow - now.Sub(a.minute)
	}
	return 0
}
