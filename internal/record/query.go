package record

import (
	"strings"

	"github.com/uptrace/bun"
)

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

// anyOf narrows a query to rows whose column has one of the values, if there are any.
func anyOf[T ~string](q *bun.SelectQuery, column string, values []T) {
	switch len(values) {
	case 0:
	case 1: // an index serves this in its own order
		q.Where("? = ?", bun.Ident(column), cleanText(string(values[0])))
	default:
		clean := make([]string, len(values))
		for i, v := range values {
			clean[i] = cleanText(string(v))
		}
		q.Where("? IN (?)", bun.Ident(column), bun.List(clean))
	}
}

// pattern finds a text anywhere, as it is: its % and _ stand for themselves.
// The condition says ESCAPE '!'.
func pattern(text string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}

// foldASCII is what lower() makes of text in SQLite, and in PostgreSQL with the
// collation "C".
func foldASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}
