package record

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// SecretUse is how a secret of a source was used.
type SecretUse struct {
	SecretID string    // as providers.SecretID
	LastUsed time.Time // when a delivery came that it proved, UTC
	Week     int64     // deliveries that it proved today and on the six days before, in UTC
}

// SecretUse tells of every secret of a source that ever proved a delivery when
// it did so last; the one used last comes first. A secret that is not in the
// list was never used. It is kept beside the log and outlives clean-up. It
// follows through the delivery stream, as the log does, so the newest may be
// missing: the log's newest delivery says how far it is.
func (s *Store) SecretUse(ctx context.Context, source string) ([]SecretUse, error) {
	var rows []struct {
		SecretID string `bun:"secret_id"`
		LastUsed time.Time
		Week     int64
	}
	err := s.read.NewSelect().Table("secret_use").
		Column("secret_id").
		ColumnExpr("max(last_used_at) AS last_used").
		ColumnExpr("sum(CASE WHEN day >= ? THEN uses ELSE 0 END) AS week", dayOf(s.now().AddDate(0, 0, -6))).
		Where("source = ?", cleanText(source)).
		Group("secret_id").
		OrderExpr("last_used DESC, secret_id").
		Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("record: look up the use of secrets: %w", err)
	}
	list := make([]SecretUse, len(rows))
	for i, r := range rows {
		list[i] = SecretUse{SecretID: r.SecretID, LastUsed: r.LastUsed.UTC(), Week: r.Week}
	}
	return list, nil
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// useRow is a row of the table secret_use.
type useRow struct {
	bun.BaseModel `bun:"table:secret_use,alias:u"`

	Source     string
	SecretID   string `bun:"secret_id"`
	Day        string
	LastUsedAt time.Time
	Uses       int64
}

// countUse counts the use of secrets by rows that are about to be written, each
// delivery once however often it is written. PostgreSQL does the same in the
// statement that writes them (save_postgres.go).
func countUse(ctx context.Context, tx bun.Tx, rows []deliveryRow) error {
	var proved []string
	for i := range rows {
		if rows[i].proved() {
			proved = append(proved, rows[i].ID)
		}
	}
	if len(proved) == 0 {
		return nil
	}
	var known []string
	err := tx.NewSelect().Model((*deliveryRow)(nil)).Column("id").
		Where("settled = ?", settledIngest).Where("id IN (?)", bun.List(proved)).Scan(ctx, &known)
	if err != nil {
		return err
	}
	uses := usesOf(rows, known)
	if len(uses) == 0 {
		return nil
	}
	_, err = tx.NewInsert().Model(&uses).On("CONFLICT (source, secret_id, day) DO UPDATE").
		Set("last_used_at = max(u.last_used_at, EXCLUDED.last_used_at)").
		Set("uses = u.uses + EXCLUDED.uses").Exec(ctx)
	return err
}

// proved reports whether a secret proved the delivery when it came. A part of
// one was proved with the whole, and a replay was proved when it came first.
func (r *deliveryRow) proved() bool {
	replay := r.Trace.value != nil && r.Trace.value.ReplayOf != ""
	return r.Source != "" && r.SecretID != "" && r.Settled == settledIngest && r.Part == 0 && !replay
}

func usesOf(rows []deliveryRow, known []string) []useRow {
	var uses []useRow
	for i := range rows {
		r := &rows[i]
		if !r.proved() || slices.Contains(known, r.ID) {
			continue
		}
		one := useRow{Source: r.Source, SecretID: r.SecretID, Day: dayOf(r.ReceivedAt), LastUsedAt: r.ReceivedAt, Uses: 1}
		at, found := slices.BinarySearchFunc(uses, one, func(a, b useRow) int {
			return strings.Compare(a.Source+"\x00"+a.SecretID+"\x00"+a.Day, b.Source+"\x00"+b.SecretID+"\x00"+b.Day)
		})
		if !found {
			uses = slices.Insert(uses, at, one)
			continue
		}
		uses[at].Uses++
		if one.LastUsedAt.After(uses[at].LastUsedAt) {
			uses[at].LastUsedAt = one.LastUsedAt
		}
	}
	return uses
}
