package providers

import (
	"strconv"
	"strings"
	"time"
)

// timeLayouts are the written forms of a time. Fractions of a second need no
// form of their own. A form without a zone is taken as UTC; one with a zone's
// short name is not read, since those are ambiguous ("CST").
var timeLayouts = []string{
	time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05-0700",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 UTC", // Freshstatus, Groove
	"Mon Jan _2 15:04:05 UTC 2006",                 // Checkmk
	"1/2/2006 3:04:05 PM",                          // SCOM, Azure
	"Mon, 02 Jan 2006 15:04:05 GMT", time.RFC1123Z, // AWS Health
}

// parseTime reads the times that vendors send: RFC 3339 and other written forms,
// and Unix time in seconds, milliseconds, microseconds or nanoseconds, told apart
// by size. Times outside 2000 to 2100 are not believed. ok is false for anything
// else.
func parseTime(s string) (at time.Time, ok bool) {
	s = strings.TrimSpace(s)
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), believable(t)
		}
	}
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n <= 0 {
		return time.Time{}, false
	}
	switch {
	case n < 1e11:
		fraction = (fraction + "000000000")[:9]
		nanos, err := strconv.ParseInt(fraction, 10, 64)
		if err != nil || nanos < 0 {
			return time.Time{}, false
		}
		at = time.Unix(n, nanos)
	case n < 1e14:
		at = time.UnixMilli(n)
	case n < 1e17:
		at = time.UnixMicro(n)
	default:
		at = time.Unix(0, n)
	}
	return at.UTC(), believable(at)
}

func believable(t time.Time) bool { return t.Year() >= 2000 && t.Year() <= 2100 }
