package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Bounds of lists.
const (
	defaultPage = 50
	maxPage     = 200
)

// Paging is what every list takes.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most"`
	Cursor string `query:"cursor" maxLength:"500" doc:"next_cursor of the page before"`
}

// page is one page of a list.
type page[T any] struct {
	Items      []T    `json:"items" nullable:"false"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Where the next page begins; missing on the last one"`
}

// pageOf is the answer of a list.
type pageOf[T any] struct{ Body page[T] }

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// matches compares If-Match with a version. An empty one matches everything.
func matches(header string, version int64) *Problem {
	if header == "" || strings.TrimSpace(header) == "*" {
		return nil
	}
	for tag := range strings.SplitSeq(header, ",") {
		if strings.TrimSpace(tag) == etag(version) {
			return nil
		}
	}
	return fail(http.StatusPreconditionFailed, codeChanged, fmt.Sprintf("It has changed since: it is at %s now.", etag(version)))
}
