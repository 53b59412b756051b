package admission

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/nerve-alerts/nerve/incident"
)

// pageBytes bounds what one read brings into memory.
const pageBytes = 8 << 20

// maxReason bounds what is written of why an entry was buried.
const maxReason = 500

// What take.lua answers.
const (
	takeEmpty = iota
	takeMine
	takeOther
)

func (q *queue) take(ctx context.Context, after string) (state int64, entries []redis.XMessage, err error) {
	reply, err := takeScript.Run(ctx, q.client, []string{q.stream, q.lease},
		q.token, millis(q.timing.leaseTTL), after, q.pageSize, pageBytes).Slice()
	if err != nil {
		return 0, nil, fmt.Errorf("admission: read %s: %w", q.stream, err)
	}
	state, entries, ok := parsePage(reply)
	if !ok {
		return 0, nil, fmt.Errorf("admission: read %s: unexpected reply", q.stream)
	}
	return state, entries, nil
}

func parsePage(reply []any) (state int64, entries []redis.XMessage, ok bool) {
	if len(reply) != 2 {
		return 0, nil, false
	}
	state, isState := reply[0].(int64)
	rows, isRows := reply[1].([]any)
	if !isState || !isRows {
		return 0, nil, false
	}
	for _, row := range rows {
		pair, _ := row.([]any)
		if len(pair) != 2 {
			return 0, nil, false
		}
		id, isID := pair[0].(string)
		fields, isFields := pair[1].([]any)
		if !isID || !isFields {
			return 0, nil, false
		}
		values := make(map[string]any, len(fields)/2)
		for i := 0; i+1 < len(fields); i += 2 {
			if name, isName := fields[i].(string); isName {
				values[name] = fields[i+1]
			}
		}
		entries = append(entries, redis.XMessage{ID: id, Values: values})
	}
	return state, entries, true
}

// done deletes entries that were handled. Whoever stops meanwhile still has it
// written down, or they would be handled again.
func (q *queue) done(ctx context.Context, ids ...string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.timing.grace)
	defer cancel()
	if err := q.client.XDel(ctx, q.stream, ids...).Err(); err != nil {
		return fmt.Errorf("admission: remove from %s: %w", q.stream, err)
	}
	return nil
}

// bury moves an entry that no retry can mend to the dead letters.
func (q *queue) bury(ctx context.Context, id string, reason error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.timing.grace)
	defer cancel()
	err := buryScript.Run(ctx, q.client, []string{q.stream, q.dead}, id, incident.Cut(strings.TrimSpace(reason.Error()), maxReason)).Err()
	if err != nil {
		return fmt.Errorf("admission: bury in %s: %w", q.dead, err)
	}
	q.log.Error("admission: an entry can never be handled and was moved to the dead letters",
		"dead_letters", q.dead, "entry", id, "error", reason)
	return nil
}

func text(m redis.XMessage, field string) string {
	s, _ := m.Values[field].(string)
	return s
}
