package record

import (
	"context"
	"fmt"
	"time"
)

// SecretUse is how a secret of a source was used.
type SecretUse struct {
	SecretID string    // as providers.SecretID
	LastUsed time.Time // when a delivery came that it proved, UTC
	Week     int64     // deliveries that it proved in the last seven days
}

// SecretUse tells of every secret of a source that proved a delivery of the log
// when it did so last; the one used last comes first.
func (s *Store) SecretUse(ctx context.Context, source string) ([]SecretUse, error) {
	var rows []struct {
		SecretID string `bun:"secret_id"`
		LastUsed time.Time
		Week     int64
	}
	err := s.read.NewSelect().Model((*deliveryRow)(nil)).Column("secret_id").ColumnExpr("MAX(received_at) AS last_used").
		ColumnExpr("SUM(CASE WHEN received_at >= ? THEN 1 ELSE 0 END) AS week", time.Now().UTC().AddDate(0, 0, -7)).
		Where("source = ?", cleanText(source)).Where("secret_id <> ''").Where("part = 0").
		Group("secret_id").OrderExpr("last_used DESC, secret_id").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("record: look up the use of secrets: %w", err)
	}
	list := make([]SecretUse, len(rows))
	for i, r := range rows {
		list[i] = SecretUse{SecretID: r.SecretID, LastUsed: r.LastUsed.UTC(), Week: r.Week}
	}
	return list, nil
}
