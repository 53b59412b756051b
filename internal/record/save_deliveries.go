package record

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// One statement holds at most this many rows and sealed bytes (which are twice
// as long in SQLite's text), so that a batch of large bodies stays a few megabytes of
// memory here and in the database.
const (
	rowsPerInsert  = 200
	bytesPerInsert = 2 << 20
)

// RefusedError names the deliveries of a batch that the database can never
// hold. All others of the batch are saved.
type RefusedError struct {
	IDs []string
	Err error // why, of the last one
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("record: refused %d deliveries (%s): %v", len(e.IDs), strings.Join(e.IDs, ", "), e.Err)
}

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// SaveDeliveries writes a batch of the delivery log. The same delivery may come
// any number of times, in one batch or in several: an entry that has an outcome
// replaces one that has none, and is never replaced, but for what a workflow
// recorded of its opening. Sealed bytes and headers stay, whichever entry brought
// them.
//
// A Retryable error means that not all of it was saved and the batch should come
// again. A *RefusedError means that all but the named deliveries are saved, so
// that one bad entry cannot hold up the log.
func (s *Store) SaveDeliveries(ctx context.Context, batch []contract.Delivery) error {
	rows := make([]deliveryRow, len(batch))
	for i := range batch {
		rows[i] = rowOfDelivery(&batch[i])
	}
	return s.saveEach(ctx, rows)
}

// saveEach saves rows together, and one by one when the database refuses them.
func (s *Store) saveEach(ctx context.Context, rows []deliveryRow) error {
	err := s.saveRows(ctx, rows)
	if err == nil || ctx.Err() != nil || Retryable(err) {
		return err
	}
	refused := &RefusedError{}
	for i := range rows {
		err := s.saveRows(ctx, rows[i:i+1])
		if err != nil && (ctx.Err() != nil || Retryable(err)) {
			return err
		}
		if err != nil {
			refused.IDs, refused.Err = append(refused.IDs, rows[i].ID), err
		}
	}
	if refused.Err == nil {
		return nil
	}
	return refused
}

func (s *Store) saveRows(ctx context.Context, rows []deliveryRow) error {
	if len(rows) == 0 {
		return nil
	}
	save := s.saveLiterals
	if s.postgres() {
		save = s.saveArrays
	}
	if err := save(ctx, rows); err != nil {
		return fmt.Errorf("record: save deliveries: %w", err)
	}
	return nil
}

// saveLiterals writes rows in one transaction with statements that bun writes,
// values and all.
func (s *Store) saveLiterals(ctx context.Context, rows []deliveryRow) error {
	return s.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		for len(rows) > 0 {
			n := insertable(rows)
			chunk := rows[:n]
			if err := countUse(ctx, tx, chunk); err != nil {
				return err
			}
			if _, err := upsertDeliveries(tx, &chunk).Exec(ctx); err != nil {
				return err
			}
			rows = rows[n:]
		}
		return nil
	})
}

// insertable says how many rows go into the next statement: as many as the
// limits allow, and no id twice, which an upsert refuses in PostgreSQL.
func insertable(rows []deliveryRow) int {
	seen, size := make(map[string]bool, min(len(rows), rowsPerInsert)), 0
	for i := range rows {
		size += len(rows[i].Sealed)
		if i > 0 && (i == rowsPerInsert || size > bytesPerInsert || seen[rows[i].ID]) {
			return i
		}
		seen[rows[i].ID] = true
	}
	return len(rows)
}

func upsertDeliveries(tx bun.Tx, rows *[]deliveryRow) *bun.InsertQuery {
	q := tx.NewInsert().Model(rows).On("CONFLICT (id) DO UPDATE")
	for _, c := range deliveryColumns {
		q.Set(c.name + " = " + settles(c.name))
	}
	return q.Where(settlesWhere)
}

// settlesWhere is when an entry changes the row that is there: when it brings
// the outcome, or the bytes that are missing.
const settlesWhere = "EXCLUDED.settled > d.settled OR (d.sealed IS NULL AND EXCLUDED.sealed IS NOT NULL)"

// settles is what a column becomes then: what came with the outcome, and of the
// bytes and headers whatever there is.
func settles(column string) string {
	theirs, ours := "EXCLUDED."+column, "d."+column
	if column == "sealed" || column == "headers" {
		return "CASE WHEN EXCLUDED.settled > d.settled THEN COALESCE(" + theirs + ", " + ours + ") " +
			"ELSE COALESCE(" + ours + ", " + theirs + ") END"
	}
	return "CASE WHEN EXCLUDED.settled > d.settled THEN " + theirs + " ELSE " + ours + " END"
}
