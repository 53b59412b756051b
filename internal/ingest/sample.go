package ingest

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Unproved requests that are logged, for each source: enough to see who fails and
// why, too few to make the log a lever for whoever sends them (section 2, C6).
const (
	rejectedPerSecond = 20
	rejectedBurst     = 100
	// flushAfter is how long the last of a flood waits for one that is kept.
	flushAfter = 10 * time.Second
	// maxSamplers bounds the sources remembered; those beyond it share one.
	maxSamplers = 4096
)

// thinner keeps a bounded number of unproved requests a second for each source,
// so that whoever floods one does not hide what fails at another. What it does
// not keep it counts: the next entry that is kept carries the number, or, when
// none comes, the last that was not kept is kept after all.
type thinner struct {
	now func() time.Time

	mu       sync.Mutex
	samplers map[string]*sampler
}

type sampler struct {
	limiter *rate.Limiter
	dropped int64
	last    contract.Delivery // of those dropped
	at      time.Time         // when
}

func newThinner(now func() time.Time) *thinner {
	return &thinner{now: now, samplers: map[string]*sampler{}}
}

// keep returns the entry as it is to be logged, or nil. Requests for sources that
// are not there share one bound, because anybody can make up names.
func (t *thinner) keep(known bool, d contract.Delivery) *contract.Delivery {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, s := t.now(), t.of(known, d.Source)
	if !s.limiter.AllowN(now, 1) {
		s.dropped, s.last, s.at = s.dropped+1, d, now
		return nil
	}
	s.count(&d, s.dropped)
	return &d
}

// count notes on an entry how many before it were not kept.
func (s *sampler) count(d *contract.Delivery, dropped int64) {
	if dropped > 0 {
		amend(d, func(t *contract.Trace) { t.NotKept = dropped })
	}
	s.dropped, s.last = 0, contract.Delivery{}
}

func (t *thinner) of(known bool, source string) *sampler {
	if !known {
		source = ""
	}
	s := t.samplers[source]
	if s == nil && len(t.samplers) >= maxSamplers {
		source, s = "", t.samplers[""]
	}
	if s == nil {
		s = &sampler{limiter: rate.NewLimiter(rejectedPerSecond, rejectedBurst)}
		t.samplers[source] = s
	}
	return s
}

// rest returns the last of each flood that has been over for a time.
func (t *thinner) rest(over time.Duration) []contract.Delivery {
	t.mu.Lock()
	defer t.mu.Unlock()
	var rest []contract.Delivery
	for _, s := range t.samplers {
		if s.dropped > 0 && t.now().Sub(s.at) >= over {
			d := s.last
			s.count(&d, s.dropped-1)
			rest = append(rest, d)
		}
	}
	return rest
}

// Flush logs what the sampling of unproved requests holds back, of the sources
// that have been quiet for a time.
func (s *Server) Flush(ctx context.Context, quiet time.Duration) {
	for _, d := range s.thinner.rest(quiet) {
		s.journal(ctx, &d)
	}
}

// flushing tells of floods that are over, until ctx ends.
func (s *Server) flushing(ctx context.Context) {
	ticker := time.NewTicker(flushAfter)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.Flush(context.WithoutCancel(ctx), flushAfter)
		}
	}
}
