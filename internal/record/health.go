package record

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// SenderCounts is what came of one source's attempts in a stretch of time.
type SenderCounts struct {
	Source    string
	Attempts  int64 // those that were not kept included
	Unproved  int64 // refused for a signature or token that is wrong or missing
	Mismatch  int64 // of them, those with a proof that no secret matched
	Stale     int64 // a right signature outside the tolerance: replays
	Failed    int64 // proved, and not processed; or its incident's workflow failed
	Proved    int64
	Timed     int64 // those whose signature covers a time
	MinSkewMS int64 // of those: received minus signed, in milliseconds
	MaxSkewMS int64
}

// senderCounts reads a few minutes of the log by its index on the time. What was
// not kept of a flood is counted with the entry that says so.
const senderCounts = `
SELECT source,
       SUM(n) AS attempts,
       SUM(CASE WHEN reason IN (?0) THEN n ELSE 0 END) AS unproved,
       SUM(CASE WHEN reason = ?1 THEN n ELSE 0 END) AS mismatch,
       SUM(CASE WHEN reason = ?2 THEN n ELSE 0 END) AS stale,
       SUM(CASE WHEN outcome = 'failed' OR broken = 'failed' THEN 1 ELSE 0 END) AS failed,
       SUM(CASE WHEN assurance <> '' THEN 1 ELSE 0 END) AS proved,
       COUNT(skew) AS timed,
       COALESCE(MIN(skew), 0) AS min_skew_ms,
       COALESCE(MAX(skew), 0) AS max_skew_ms
FROM (
    SELECT d.source, d.reason, d.outcome, d.assurance, i.phase AS broken,
           1 + COALESCE(CAST(d.trace ->> 'not_kept' AS BIGINT), 0) AS n,
           CAST(d.trace ->> 'skew_ms' AS BIGINT) AS skew
    FROM deliveries AS d
    LEFT JOIN incidents AS i ON i.id = d.incident_id AND i.phase = 'failed'
    WHERE d.received_at >= ?3 AND d.received_at < ?4 AND d.part = 0 AND d.source <> '' AND d.trace ->> 'replay_of' IS NULL
) AS recent
GROUP BY source
ORDER BY source`

// SenderHealth counts what came of the attempts between two times, for each
// source that had one. A replay is none of its sender.
func (s *Store) SenderHealth(ctx context.Context, since, until time.Time) ([]SenderCounts, error) {
	var counts []SenderCounts
	err := s.read.NewRaw(senderCounts,
		bun.List([]string{
			contract.ReasonUnsigned.String(), contract.ReasonSignature.String(), contract.ReasonAssurance.String(), contract.ReasonBackoff.String(),
		}),
		contract.ReasonSignature.String(), contract.ReasonStale.String(), since.UTC(), until.UTC(),
	).Scan(ctx, &counts)
	if err != nil {
		return nil, fmt.Errorf("record: count what came of attempts: %w", err)
	}
	return counts, nil
}

// Unmatched is what no secret of a source matched since it was last proved.
type Unmatched struct {
	LastProved time.Time // zero: not within the time that was looked at
	Count      int64
	First      time.Time // the first refusal since then
}

// Unmatched looks for refusals of a source since its last proved delivery, both
// not before a time.
func (s *Store) Unmatched(ctx context.Context, source string, notBefore time.Time) (Unmatched, error) {
	var u Unmatched
	proved, err := s.received(ctx, source, notBefore, 1)
	if err != nil || len(proved) == 0 {
		return u, err
	}
	u.LastProved = proved[0]
	var rows []struct{ ReceivedAt time.Time }
	err = s.read.NewSelect().Table("deliveries").Column("received_at").
		Where("source = ?", cleanText(source)).Where("received_at > ?", u.LastProved).Where("part = 0").
		Where("reason = ?", contract.ReasonSignature.String()).
		Order("received_at ASC").Limit(maxLimit).Scan(ctx, &rows)
	if err != nil {
		return u, fmt.Errorf("record: look for refusals: %w", err)
	}
	if u.Count = int64(len(rows)); u.Count > 0 {
		u.First = rows[0].ReceivedAt.UTC()
	}
	return u, nil
}

// Received returns when a source's last proved deliveries came, newest first. A
// replay did not come from the source.
func (s *Store) Received(ctx context.Context, source string, notBefore time.Time, limit int) ([]time.Time, error) {
	return s.received(ctx, source, notBefore, int(bounded(limit)))
}

func (s *Store) received(ctx context.Context, source string, notBefore time.Time, limit int) ([]time.Time, error) {
	var rows []struct{ ReceivedAt time.Time }
	err := s.read.NewSelect().Table("deliveries").Column("received_at").
		Where("source = ?", cleanText(source)).Where("received_at >= ?", notBefore.UTC()).Where("part = 0").Where("assurance <> ''").
		Where("trace ->> 'replay_of' IS NULL").
		Order("received_at DESC").Limit(int64(limit)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("record: look when a source was heard of: %w", err)
	}
	times := make([]time.Time, len(rows))
	for i := range rows {
		times[i] = rows[i].ReceivedAt.UTC()
	}
	return times, nil
}

// senders steps from name to name through the index on the source, however many
// deliveries each has.
const senders = `
WITH RECURSIVE names (name) AS (
    SELECT MIN(source) FROM deliveries WHERE source > ''
    UNION ALL
    SELECT (SELECT MIN(d.source) FROM deliveries AS d WHERE d.source > names.name) FROM names WHERE names.name IS NOT NULL
)
SELECT name FROM names WHERE name IS NOT NULL`

// Senders lists the sources that the delivery log has something of.
func (s *Store) Senders(ctx context.Context) ([]string, error) {
	var names []string
	if err := s.read.NewRaw(senders).Scan(ctx, &names); err != nil {
		return nil, fmt.Errorf("record: list senders: %w", err)
	}
	return names, nil
}
