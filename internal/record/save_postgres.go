package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// PostgreSQL takes the rows of a statement as one array for each column. The
// text of the statement is always the same, so each connection prepares it once;
// values travel in binary. Against bun's literal text that is half the time and
// a third of the server's work (ADR 16 has the figures).
var insertArrays = arraysStatement()

func arraysStatement() string {
	var names, picks, params, set []string
	for i, c := range deliveryColumns {
		names = append(names, c.name)
		picks = append(picks, c.name+c.cast)
		params = append(params, fmt.Sprintf("$%d::%s", i+1, c.kind))
		set = append(set, c.name+" = "+settles(c.name))
	}
	list := strings.Join(names, ", ")
	params = append(params, fmt.Sprintf("$%d::boolean[]", len(params)+1))
	return `WITH entry AS (
	SELECT * FROM unnest(` + strings.Join(params, ", ") + `) AS e (` + list + `, proved)
), used AS (
	INSERT INTO secret_use AS u (source, secret_id, day, last_used_at, uses)
	SELECT source, secret_id, to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), max(received_at), count(*)
	FROM entry
	WHERE proved AND COALESCE((SELECT known.settled FROM deliveries AS known WHERE known.id = entry.id), 0) < ` + strconv.Itoa(settledIngest) + `
	GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
	ON CONFLICT (source, secret_id, day) DO UPDATE
	SET last_used_at = GREATEST(u.last_used_at, EXCLUDED.last_used_at), uses = u.uses + EXCLUDED.uses
)
INSERT INTO deliveries AS d (` + list + `)
SELECT ` + strings.Join(picks, ", ") + ` FROM entry
ON CONFLICT (id) DO UPDATE SET ` + strings.Join(set, ", ") + `
WHERE ` + settlesWhere
}

// insertPrepared writes rows with the prepared statement.
func (s *Store) insertPrepared(ctx context.Context, mode pgx.QueryExecMode, rows []deliveryRow) error {
	args := make([]any, 1, len(deliveryColumns)+2)
	args[0] = mode
	for _, c := range deliveryColumns {
		values, err := c.of(rows)
		if err != nil {
			return err
		}
		args = append(args, values)
	}
	proved := make([]bool, len(rows))
	for i := range rows {
		proved[i] = rows[i].proved()
	}
	args = append(args, proved)
	_, err := s.write.DB.ExecContext(ctx, insertArrays, args...)
	return err
}

// saveArrays writes rows in the order of their ids, each statement in a
// transaction of its own: everybody then locks entries by their ids and after
// them the secrets by theirs, and no two recorders wait for each other. Behind a
// pooler that hands out another connection for each transaction a prepared
// statement may be gone, or be there already under its name: then, and from then
// on, nothing is prepared by name, which costs the server some more work.
func (s *Store) saveArrays(ctx context.Context, rows []deliveryRow) error {
	// Stable: of entries with one id, which are in several statements, the first
	// stays the first.
	rows = slices.SortedStableFunc(slices.Values(rows), func(a, b deliveryRow) int { return strings.Compare(a.ID, b.ID) })
	for len(rows) > 0 {
		n := insertable(rows)
		if err := s.saveArray(ctx, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// saveArray writes the rows of one statement.
func (s *Store) saveArray(ctx context.Context, rows []deliveryRow) error {
	if !s.unprepared.Load() {
		err := s.insertPrepared(ctx, pgx.QueryExecModeCacheStatement, rows)
		if !lostStatement(err) {
			return err
		}
		s.unprepared.Store(true)
	}
	return s.insertPrepared(ctx, pgx.QueryExecModeCacheDescribe, rows)
}

// lostStatement reports whether the server does not know a statement that was
// prepared, or knows another one of its name.
func lostStatement(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "26000" || pg.Code == "42P05")
}
