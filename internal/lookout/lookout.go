package lookout

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

const (
	// window is over how long rates are counted (section 2, C25).
	window = 5 * time.Minute
	// keyMemory is how far back a sender's last proved delivery is looked for.
	keyMemory = 30 * 24 * time.Hour
	// keyRefusals is how many refusals since then make a key unknown: one is a
	// stranger's mistake.
	keyRefusals = 3
)

// Store is the delivery log.
type Store interface {
	SenderHealth(ctx context.Context, since, until time.Time) ([]record.SenderCounts, error)
	Unmatched(ctx context.Context, source string, notBefore time.Time) (record.Unmatched, error)
	Received(ctx context.Context, source string, notBefore time.Time, limit int) ([]time.Time, error)
	Senders(ctx context.Context) ([]string, error)
}

// Limits are when something is wrong. Rates are percent of a source's attempts
// within five minutes, and count from Samples attempts on.
type Limits struct {
	Signatures int // refused for their signature or token
	Replays    int // rightly signed, too long ago
	Errors     int // proved, and not processed
	Samples    int
}

// DefaultLimits are the blueprint's.
var DefaultLimits = Limits{Signatures: 5, Replays: 10, Errors: 3, Samples: 20}

// Lookout finds what is wrong with senders.
type Lookout struct {
	Store  Store
	Limits Limits
	// Sources are the sources that there are now: no other is missed.
	Sources func(ctx context.Context) ([]string, error)
	// Sweep is called with each look; see Sweeper. It may be nil.
	Sweep func(ctx context.Context, now time.Time) error
	Log   *slog.Logger
}

// Look returns what is wrong now.
func (l *Lookout) Look(ctx context.Context, q contract.WatchQuery) (contract.WatchReport, error) {
	if l.Sweep != nil {
		if err := l.Sweep(ctx, q.Now); err != nil {
			l.Log.WarnContext(ctx, "the end of a silence was not told; the next look tries again", "error", err)
		}
	}
	counts, err := l.Store.SenderHealth(ctx, q.Now.Add(-window), q.Now)
	if err != nil {
		return contract.WatchReport{}, err
	}
	var found []contract.Finding
	for _, c := range counts {
		found = append(found, l.rates(c, q.Now)...)
		if f := skew(c, q.Now); f != nil {
			found = append(found, *f)
		}
	}
	keys, err := l.keys(ctx, q, counts)
	if err != nil {
		return contract.WatchReport{}, err
	}
	silent, err := l.silent(ctx, q)
	if err != nil {
		return contract.WatchReport{}, err
	}
	return contract.WatchReport{Findings: slices.Concat(found, keys, silent)}, nil
}

// rates compares what went wrong with the limits.
func (l *Lookout) rates(c record.SenderCounts, now time.Time) []contract.Finding {
	if c.Attempts < int64(l.Limits.Samples) {
		return nil
	}
	var found []contract.Finding
	for _, r := range []struct {
		kind  contract.FindingKind
		n     int64
		limit int
		says  string
	}{
		{contract.FindingSignatures, c.Unproved, l.Limits.Signatures, "deliveries in 5 minutes had no right signature"},
		{contract.FindingReplays, c.Stale, l.Limits.Replays, "deliveries in 5 minutes were signed too long ago (replays, or a clock that is off)"},
		{contract.FindingErrors, c.Failed, l.Limits.Errors, "deliveries in 5 minutes were proved and could not be processed"},
	} {
		if r.n*100 > int64(r.limit)*c.Attempts {
			text := fmt.Sprintf("%d of %d %s: %.1f %%, and %d %% is the limit", r.n, c.Attempts, r.says, 100*float64(r.n)/float64(c.Attempts), r.limit)
			found = append(found, contract.Finding{Source: c.Source, Kind: r.kind, Text: text, Since: now.Add(-window)})
		}
	}
	return found
}

const (
	// skewSamples is how many signed times must agree.
	skewSamples = 5
	// behind is how late every delivery of five minutes must be: the least of them
	// counts, so that a slow network or a retry is not a clock. ahead is the same
	// the other way, where nothing but a clock explains it.
	behind = time.Minute
	ahead  = 5 * time.Second
)

// skew finds a clock that is off before deliveries are refused for it.
func skew(c record.SenderCounts, now time.Time) *contract.Finding {
	least, most := time.Duration(c.MinSkewMS)*time.Millisecond, time.Duration(c.MaxSkewMS)*time.Millisecond
	f := contract.Finding{Source: c.Source, Kind: contract.FindingSkew, Since: now.Add(-window)}
	switch {
	case c.Timed < skewSamples:
		return nil
	case least > behind:
		f.Text = fmt.Sprintf("its deliveries are signed at least %s before they come: its clock is behind, or something holds them up", least.Round(time.Second))
	case most < -ahead:
		f.Text = fmt.Sprintf("its deliveries are signed at least %s after they come: its clock is ahead", (-most).Round(time.Second))
	default:
		return nil
	}
	return &f
}

// keys finds sources whose deliveries no secret matches any more, though one did
// before. It is over when one is proved again.
func (l *Lookout) keys(ctx context.Context, q contract.WatchQuery, counts []record.SenderCounts) ([]contract.Finding, error) {
	var suspects []string
	for _, c := range counts {
		if c.Mismatch > 0 && c.Proved == 0 {
			suspects = append(suspects, c.Source)
		}
	}
	for _, f := range q.Standing {
		if f.Kind == contract.FindingUnknownKey && !slices.Contains(suspects, f.Source) {
			suspects = append(suspects, f.Source)
		}
	}
	var found []contract.Finding
	for _, source := range suspects {
		u, err := l.Store.Unmatched(ctx, source, q.Now.Add(-keyMemory))
		if err != nil {
			return nil, err
		}
		if u.LastProved.IsZero() || u.Count < keyRefusals {
			continue
		}
		found = append(found, contract.Finding{Source: source, Kind: contract.FindingUnknownKey, Since: u.First, Text: fmt.Sprintf(
			"unknown key since %s: no secret has matched its %s, and one did until %s. Was the secret changed at the sender?",
			clock(u.First), deliveries(u.Count), clock(u.LastProved))})
	}
	return found, nil
}

func deliveries(n int64) string {
	if n >= 1000 {
		return "deliveries (1,000 or more)"
	}
	return fmt.Sprintf("%d deliveries since then", n)
}

func clock(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }
