package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/nerve-alerts/nerve/internal/record"
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

// listed is a page of the record as people see it.
func listed[T, V any](found record.Page[T], view func(*T) V) *pageOf[V] {
	out := &pageOf[V]{page[V]{Items: make([]V, len(found.Items)), NextCursor: found.Next}}
	for i := range found.Items {
		out.Body.Items[i] = view(&found.Items[i])
	}
	return out
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// anything reports whether If-Match leaves open what is changed.
func anything(header string) bool {
	header = strings.TrimSpace(header)
	return header == "" || header == "*"
}

// matches compares If-Match with a version. An empty one matches everything.
func matches(header string, version int64) *Problem {
	if anything(header) {
		return nil
	}
	for tag := range strings.SplitSeq(header, ",") {
		if strings.TrimSpace(tag) == etag(version) {
			return nil
		}
	}
	return fail(http.StatusPreconditionFailed, codeChanged, fmt.Sprintf("It has changed since: it is at %s now.", etag(version)))
}
