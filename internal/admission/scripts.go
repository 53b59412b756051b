package admission

import (
	_ "embed" // the scripts live in their own files
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/admit.lua
var admitLua string

//go:embed lua/confirm.lua
var confirmLua string

//go:embed lua/replay.lua
var replayLua string

//go:embed lua/abandon.lua
var abandonLua string

//go:embed lua/release.lua
var releaseLua string

//go:embed lua/append.lua
var appendLua string

//go:embed lua/take.lua
var takeLua string

//go:embed lua/lease.lua
var leaseLua string

//go:embed lua/bury.lua
var buryLua string

//go:embed lua/revive.lua
var reviveLua string

var (
	admitScript   = redis.NewScript(admitLua)
	confirmScript = redis.NewScript(confirmLua)
	replayScript  = redis.NewScript(replayLua)
	abandonScript = redis.NewScript(abandonLua)
	releaseScript = redis.NewScript(releaseLua)
	appendScript  = redis.NewScript(appendLua)
	takeScript    = redis.NewScript(takeLua)
	leaseScript   = redis.NewScript(leaseLua)
	buryScript    = redis.NewScript(buryLua)
	reviveScript  = redis.NewScript(reviveLua)
)

// flag is a condition as the scripts read it.
func flag(on bool) string {
	if on {
		return "1"
	}
	return ""
}

// millis is a TTL as Redis takes it: at least 1.
func millis(d time.Duration) int64 { return max(1, d.Milliseconds()) }

// perToken is the time in which one token comes back, in microseconds.
func perToken(ratePerMin int) string {
	return strconv.FormatFloat(float64(time.Minute.Microseconds())/float64(ratePerMin), 'f', 6, 64)
}

// windowTimes are from when to when a window is open. A window that was opened by
// a release before this one does not know since when.
func windowTimes(sinceMilli int64, left time.Duration, now time.Time) (start, end time.Time) {
	if sinceMilli > 0 {
		start = time.UnixMilli(sinceMilli).UTC()
	}
	return start, now.Add(left).UTC()
}

// repeatToTell is how admit.lua says Repeat with Decision.Tell.
const repeatToTell = "tell"

// parseDecision reads what admit.lua returned.
func parseDecision(reply []any, now time.Time) (d Decision, left time.Duration, full bool, err error) {
	bad := func(err error) (Decision, time.Duration, bool, error) {
		return Decision{}, 0, false, fmt.Errorf("admission: read decision: %w", err)
	}
	if len(reply) != 8 {
		return bad(fmt.Errorf("%d fields", len(reply)))
	}
	var text [3]string
	var number [3]int64
	for i := range text {
		s, ok := reply[i].(string)
		n, isNumber := reply[i+3].(int64)
		if !ok || !isNumber {
			return bad(fmt.Errorf("fields %T and %T", reply[i], reply[i+3]))
		}
		text[i], number[i] = s, n
	}
	left = time.Duration(number[1]) * time.Millisecond
	d = Decision{Verdict: Verdict(text[0]), WorkflowID: text[1], IncidentID: text[2], Count: number[0]}
	if text[0] == repeatToTell {
		d.Verdict, d.Tell = Repeat, true
	}
	since, ok := reply[6].(int64)
	level, known := reply[7].(int64)
	if !ok || !known {
		return bad(fmt.Errorf("fields %T and %T", reply[6], reply[7]))
	}
	d.level = int(level)
	if d.Verdict == Repeat && left > 0 {
		d.WindowStart, d.WindowEnd = windowTimes(since, left, now)
	}
	if d.Verdict == Refused {
		d.RetryAfter = max(left, time.Second)
	}
	return d, left, number[2] == 1, nil
}
