package lookout

import (
	"context"
	"time"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// sweepFor is for how long after its end a silence is told of again.
const sweepFor = 15 * time.Minute

// SilenceStore lists silences.
type SilenceStore interface {
	Silences(ctx context.Context, f record.SilenceFilter) ([]record.Silence, error)
}

// Sweeper tells incidents of silences that were ended early. Whoever ends one
// tells them too; this reaches those that started while it ended, and all when
// whoever ended it came no further.
type Sweeper struct {
	Store   SilenceStore
	Release func(ctx context.Context, e contract.SilenceEnded) (int, error)
	// Keep brings the copy for ingests without a database up to date; it may be
	// nil, and is only called while there is something to bring.
	Keep func(ctx context.Context, ahead []record.Silence) error
}

// Sweep looks once.
func (s *Sweeper) Sweep(ctx context.Context, now time.Time) error {
	ended, err := s.Store.Silences(ctx, record.SilenceFilter{EndedSince: now.Add(-sweepFor)})
	if err != nil || len(ended) == 0 {
		return err
	}
	for i := range ended {
		e := contract.SilenceEnded{ID: ended[i].ID, Actor: audit.Actor{Person: ended[i].EndedBy, Via: audit.ViaCLI}, Reason: ended[i].EndReason}
		if _, err := s.Release(ctx, e); err != nil {
			return err
		}
	}
	if s.Keep == nil {
		return nil
	}
	ahead, err := s.Store.Silences(ctx, record.SilenceFilter{AheadAt: now, Limit: 200})
	if err != nil {
		return err
	}
	return s.Keep(ctx, ahead)
}
