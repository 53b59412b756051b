package providers

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// naive compares as one must not: it stops at the first byte that differs.
func naive(x, y []byte) int {
	if len(x) != len(y) {
		return 0
	}
	for i := range x {
		if x[i] != y[i] {
			return 0
		}
	}
	return 1
}

// TestComparisonTakesItsTime measures whether a signature that is wrong in its
// last byte takes longer to refuse than one that is wrong in its first. It holds
// the real comparison against one that leaks: each of many rounds times all four
// in turn, so that whatever else the machine does falls on all of them, and the
// medians are compared. Each comparison is made many times over, so that what it
// gives away stands out of the rest of the work. There is no figure that a slow
// machine could miss.
func TestComparisonTakesItsTime(t *testing.T) { //nolint:paralleltest // the fewer others run, the sooner it is sure
	const repeated = 50
	s := Scheme{Kind: KindHMAC, Hash: "sha512", Header: "X-Sig"} // the longest text that is compared
	c := sent(t, s, "key", "{}")
	code := c.request.Header.Get("X-Sig")
	build := func(equal func(x, y []byte) int, wrongAt int) func() {
		v, err := c.verifier()
		require.NoError(t, err)
		method := v.methods[0].(*signature)
		if equal == nil {
			equal = method.equal
		}
		method.equal = func(x, y []byte) (same int) {
			for range repeated {
				same = equal(x, y)
			}
			return same
		}
		r := c.copied().request
		r.Header.Set("X-Sig", spoilt(code, wrongAt, 1))
		return func() { _, _ = v.Verify(r) }
	}
	last := len(code) - 1
	runs := []func(){
		build(nil, 0), build(nil, last), build(naive, 0), build(naive, last),
	}
	const attempts, rounds, calls = 5, 500, 20
	var ours, leak time.Duration
	for range attempts {
		samples := make([][]time.Duration, len(runs))
		for round := range rounds {
			for i := range runs {
				which := (i + round) % len(runs)
				started := time.Now()
				for range calls {
					runs[which]()
				}
				samples[which] = append(samples[which], time.Since(started)/calls)
			}
		}
		medians := make([]time.Duration, len(runs))
		for i := range samples {
			slices.Sort(samples[i])
			medians[i] = samples[i][rounds/2]
		}
		ours, leak = (medians[1] - medians[0]).Abs(), medians[3]-medians[2]
		t.Logf("first byte wrong %s, last byte wrong %s; with a comparison that stops early %s and %s", medians[0], medians[1], medians[2], medians[3])
		if leak > 0 && ours < leak/3 {
			return
		}
	}
	assert.Failf(t, "the time to refuse tells where a signature is wrong", "%s, where a comparison that stops early shows %s", ours, leak)
}
