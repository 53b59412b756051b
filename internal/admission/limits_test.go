package admission

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBucket(t *testing.T) {
	t.Parallel()
	eachBackend(t, true, func(t *testing.T, a *Admission, advance func(time.Duration)) {
		n := 0
		next := func() Decision {
			n++
			c := claim(n)
			c.Window = fmt.Sprintf("w-%d", n)
			c.Limits = Limits{RatePerMin: 60, Burst: 3, HardCap: 1000}
			return admit(t, a, c)
		}
		for range 3 {
			require.Equal(t, New, next().Verdict)
		}
		d := next()
		require.Equal(t, Over, d.Verdict)
		assert.Equal(t, "wf-4", d.WorkflowID)

		// Nothing was claimed: with the storm's id, past the bucket, it is new.
		storm := Claim{
			Source: "datadog-prod", WorkflowID: "storm-1", IncidentID: "storm", DeliveryID: "over-1", Window: "storm",
			SkipRate: true, Limits: Limits{RatePerMin: 60, Burst: 3, HardCap: 1000},
		}
		require.Equal(t, New, admit(t, a, storm).Verdict)
		confirm(t, a, storm)
		storm.DeliveryID = "over-2"
		assert.Equal(t, Repeat, admit(t, a, storm).Verdict)

		other := claim(900)
		other.Source = "zendesk"
		assert.Equal(t, New, admit(t, a, other).Verdict, "one source's rate is not another's")

		advance(999 * time.Millisecond)
		assert.Equal(t, Over, next().Verdict)
		advance(time.Millisecond)
		assert.Equal(t, New, next().Verdict)
		assert.Equal(t, Over, next().Verdict)
		advance(time.Hour)
		for range 3 {
			require.Equal(t, New, next().Verdict, "it fills to its size and no further")
		}
		assert.Equal(t, Over, next().Verdict)
	})
}

// The figures' whole range is taken: no rate makes Redis refuse the script.
func TestExtremeLimits(t *testing.T) {
	t.Parallel()
	eachBackend(t, false, func(t *testing.T, a *Admission, _ func(time.Duration)) {
		for i, l := range []Limits{
			{RatePerMin: 1 << 30, Burst: 1 << 30, HardCap: 1 << 40},
			{RatePerMin: 1, Burst: 1 << 30},
			{DeliveryTTL: 1, WindowTTL: 1, PendingTTL: 1},
			{RatePerMin: -1, Burst: -1, HardCap: -1, DeliveryTTL: -1, WindowTTL: -1, PendingTTL: -1},
		} {
			away := a.Stats().Away
			c := claim(i)
			c.Window, c.Limits = fmt.Sprint("w", i), l
			assert.Equal(t, New, admit(t, a, c).Verdict)
			confirm(t, a, c)
			assert.Equal(t, away, a.Stats().Away)
		}
	})
}

func TestHardCap(t *testing.T) {
	t.Parallel()
	eachBackend(t, true, func(t *testing.T, a *Admission, advance func(time.Duration)) {
		limits := Limits{RatePerMin: 1, Burst: 1} // so the cap is 20
		c := claim(1)
		c.Limits = limits
		require.Equal(t, New, admit(t, a, c).Verdict)
		confirm(t, a, c)
		advance(20 * time.Second)
		for i := 2; i <= 20; i++ {
			r := claim(i)
			r.Limits = limits
			require.Equal(t, Repeat, admit(t, a, r).Verdict)
		}
		r := claim(21)
		r.Limits = limits
		d := admit(t, a, r)
		require.Equal(t, Refused, d.Verdict)
		assert.Equal(t, 40*time.Second, d.RetryAfter)
		assert.Equal(t, Refused, admit(t, a, c).Verdict, "the cap comes before everything that is looked up")

		skip := r
		skip.SkipRate = true
		assert.Equal(t, Repeat, admit(t, a, skip).Verdict, "what was counted already is not refused")

		advance(39*time.Second + 900*time.Millisecond)
		d = admit(t, a, r)
		assert.Equal(t, Refused, d.Verdict)
		assert.Equal(t, time.Second, d.RetryAfter, "never less than a second")
		advance(100 * time.Millisecond)
		assert.NotEqual(t, Refused, admit(t, a, r).Verdict)
	})
}
