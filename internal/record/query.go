package record

import "github.com/uptrace/bun"

// How many rows a list returns.
const (
	defaultLimit = 50
	maxLimit     = 1000
)

func bounded(limit int) int64 {
	if limit <= 0 {
		return defaultLimit
	}
	return int64(min(limit, maxLimit))
}

// equal narrows a query to rows whose column has a value, unless it is empty.
func equal(q *bun.SelectQuery, column, value string) {
	if value != "" {
		q.Where("? = ?", bun.Ident(column), cleanText(value))
	}
}
