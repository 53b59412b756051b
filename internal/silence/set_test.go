package silence_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/silence"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func holding(id, expression string, from, to time.Duration) record.Silence {
	return record.Silence{ID: id, Expression: expression, StartsAt: noon.Add(from), EndsAt: noon.Add(to)}
}

func TestSetFindsTheSilenceThatEndsLast(t *testing.T) {
	t.Parallel()
	var set silence.Set
	assert.Nil(t, set.Match(signal(), noon), "an empty set holds nothing back")
	ended := holding("ended", "true", -time.Hour, 9*time.Hour)
	ended.EndedAt = noon.Add(-time.Minute)
	set.Use([]record.Silence{
		holding("short", "true", -time.Hour, time.Hour),
		holding("long", `signal.provider == "datadog"`, -time.Hour, 3*time.Hour),
		holding("longer, of another", `signal.provider == "slack"`, -time.Hour, 9*time.Hour),
		holding("later", "true", 2*time.Hour, 9*time.Hour),
		ended,
	})
	for at, want := range map[time.Duration]*contract.Silencing{
		-2 * time.Hour:  nil,
		0:               {ID: "long", Until: noon.Add(3 * time.Hour)},
		2 * time.Hour:   {ID: "later", Until: noon.Add(9 * time.Hour)},
		9 * time.Hour:   nil,
		100 * time.Hour: nil,
	} {
		assert.Equal(t, want, set.Match(signal(), noon.Add(at)), at)
	}
	set.Use(nil)
	assert.Nil(t, set.Match(signal(), noon))
}

// A silence that cannot be compiled or evaluated swallows nothing, does not keep
// the others from holding, and is warned about now and then.
func TestSetFailsOpen(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	set := silence.Set{Log: slog.New(slog.NewTextHandler(&log, nil))}
	set.Use([]record.Silence{
		holding("of a newer release", "signal.mood == 1", -time.Hour, time.Hour),
		holding("costly", costly, -time.Hour, time.Hour),
	})
	s := crowded()
	for i := range 90 {
		assert.Nil(t, set.Match(s, noon.Add(time.Duration(i)*time.Second)))
	}
	assert.Equal(t, 1, strings.Count(log.String(), `silence="of a newer release"`))
	assert.Equal(t, 2, strings.Count(log.String(), "silence=costly"), "once a minute")

	set.Use([]record.Silence{holding("broken", "nothing", -time.Hour, time.Hour), holding("good", "true", -time.Hour, time.Hour)})
	assert.Equal(t, "good", set.Match(s, noon).ID)
}
