package record

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Page is one page of a list, newest first.
type Page[T any] struct {
	Items []T
	// Next is the cursor of the page that follows, for the filter's After; empty
	// on the last page. It names the last item of this page, so what is added
	// meanwhile shifts nothing: no item comes twice and none is left out.
	Next string
}

// ErrCursor refuses a cursor that no page has given.
var ErrCursor = errors.New("record: this is not a cursor of a page")

// cursor is the place of a row in a list that is sorted by time and id.
type cursor struct {
	at time.Time
	id string
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(c.at.UnixMicro(), 36) + "." + c.id))
}

func parseCursor(text string) (cursor, error) {
	plain, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return cursor{}, ErrCursor
	}
	micros, id, found := strings.Cut(string(plain), ".")
	at, err := strconv.ParseInt(micros, 36, 64)
	if !found || err != nil || id == "" {
		return cursor{}, ErrCursor
	}
	c := cursor{at: time.UnixMicro(at).UTC(), id: id}
	if year := c.at.Year(); year < 1 || year > 9999 || cleanText(id) != id {
		return cursor{}, ErrCursor
	}
	return c, nil
}

// listing says which rows come, in the order of a time column and the id.
type listing struct {
	column       string // the time that the list is sorted by
	since, until time.Time
	after        string
	limit        int
}

// page narrows and orders a query to a page, and one row more.
func (l listing) page(q *bun.SelectQuery) error {
	column := bun.Ident(l.column)
	if !l.since.IsZero() {
		q.Where("? >= ?", column, l.since)
	}
	if !l.until.IsZero() {
		q.Where("? < ?", column, l.until)
	}
	if l.after != "" {
		c, err := parseCursor(l.after)
		if err != nil {
			return err
		}
		q.Where("(?, id) < (?, ?)", column, c.at, c.id)
	}
	q.OrderExpr("? DESC, id DESC", column).Limit(bounded(l.limit) + 1)
	return nil
}

// paged cuts the row that is too many, which tells that there is a next page.
func paged[R, T any](rows []R, limit int, item func(*R) T, place func(*R) cursor) Page[T] {
	var p Page[T]
	if most := int(bounded(limit)); len(rows) > most {
		rows = rows[:most]
		p.Next = place(&rows[most-1]).String()
	}
	p.Items = make([]T, len(rows))
	for i := range rows {
		p.Items[i] = item(&rows[i])
	}
	return p
}
