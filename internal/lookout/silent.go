package lookout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// A source's cadence is learnt from its last deliveries. It fell silent when
// nothing has come for longer than each of these:
//
//   - an hour: what is more regular than that is a heartbeat, and has a monitor
//   - five times the median gap between two deliveries
//   - twice the longest gap, so that a source that comes in bursts, or by day
//     only, is not missed between two of them
//
// A source of fewer than 21 deliveries in 30 days has no cadence, and one of
// which nothing came for seven days is taken for gone, and no longer missed. Nor
// is one that was removed or disabled: somebody wanted that.
const (
	cadenceSample = 101
	cadenceLeast  = 21
	cadenceMemory = 30 * 24 * time.Hour
	silentLeast   = time.Hour
	silentMedian  = 5
	silentLongest = 2
	silentMost    = 7 * 24 * time.Hour
)

// silent finds sources that fell silent: of all of them when cadences are looked
// at, else of those that stand.
func (l *Lookout) silent(ctx context.Context, q contract.WatchQuery) ([]contract.Finding, error) {
	var sources []string
	for _, f := range q.Standing {
		if f.Kind == contract.FindingSilent {
			sources = append(sources, f.Source)
		}
	}
	if q.Cadence {
		var err error
		if sources, err = l.Store.Senders(ctx); err != nil {
			return nil, err
		}
	}
	if len(sources) == 0 {
		return nil, nil
	}
	there, err := l.Sources(ctx)
	if err != nil {
		return nil, err
	}
	var found []contract.Finding
	for _, source := range sources {
		if !slices.Contains(there, source) {
			continue
		}
		times, err := l.Store.Received(ctx, source, q.Now.Add(-cadenceMemory), cadenceSample)
		if err != nil {
			return nil, err
		}
		median, allowed, known := cadence(times)
		if !known {
			continue
		}
		quiet := q.Now.Sub(times[0])
		if quiet <= allowed || quiet > silentMost {
			continue
		}
		found = append(found, contract.Finding{Source: source, Kind: contract.FindingSilent, Since: times[0], Text: fmt.Sprintf(
			"nothing has come since %s; usually something comes every %s, and never was it quiet for longer than %s",
			clock(times[0]), rough(median), rough(longest(times)))})
	}
	return found, nil
}

// cadence is the median gap between times, newest first, and how long a silence
// may last.
func cadence(times []time.Time) (median, allowed time.Duration, known bool) {
	if len(times) < cadenceLeast {
		return 0, 0, false
	}
	gaps := make([]time.Duration, len(times)-1)
	for i := range gaps {
		gaps[i] = times[i].Sub(times[i+1])
	}
	slices.Sort(gaps)
	median = gaps[len(gaps)/2]
	return median, max(silentLeast, silentMedian*median, silentLongest*gaps[len(gaps)-1]), true
}

func longest(times []time.Time) time.Duration {
	var most time.Duration
	for i := range len(times) - 1 {
		most = max(most, times[i].Sub(times[i+1]))
	}
	return most
}

// rough is a duration as people say it.
func rough(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	default:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	}
}
