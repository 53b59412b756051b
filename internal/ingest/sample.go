package ingest

import (
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Rejected deliveries that are logged: enough to see who fails and why, too few
// to make the log a lever for whoever sends them (section 2, C6).
const (
	rejectedPerSecond = 20
	rejectedBurst     = 100
)

// sampler lets through a bounded number a second and counts the rest.
type sampler struct {
	limiter *rate.Limiter
	now     func() time.Time
	dropped atomic.Int64
}

func newSampler(now func() time.Time) *sampler {
	return &sampler{limiter: rate.NewLimiter(rejectedPerSecond, rejectedBurst), now: now}
}

func (s *sampler) allow() bool {
	if s.limiter.AllowN(s.now(), 1) {
		return true
	}
	s.dropped.Add(1)
	return false
}

// skipped returns how many were not logged since it was last asked.
func (s *sampler) skipped() int64 { return s.dropped.Swap(0) }
