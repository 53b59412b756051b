package record

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestInsertable(t *testing.T) {
	t.Parallel()
	rows := func(n, sealed int) []deliveryRow {
		list := make([]deliveryRow, n)
		for i := range list {
			list[i] = deliveryRow{ID: strconv.Itoa(i), Sealed: make([]byte, sealed)}
		}
		return list
	}
	twice := rows(5, 0)
	twice[3].ID = twice[1].ID
	for name, c := range map[string]struct {
		rows []deliveryRow
		want int
	}{
		"one":                   {rows(1, 0), 1},
		"one that is too large": {rows(2, bytesPerInsert+1), 1},
		"as many bytes as go":   {rows(5, bytesPerInsert/2), 2},
		"as many rows as go":    {rows(rowsPerInsert+1, 0), rowsPerInsert},
		"an id twice":           {twice, 3},
	} {
		assert.Equal(t, c.want, insertable(c.rows), name)
	}
}
