package ingest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
)

func (b *bench) from(t *testing.T, ip, token string) (int, string) {
	t.Helper()
	r := request(t, "/webhooks/vendor", token, body(t, "", signal()))
	r.RemoteAddr = ip + ":1"
	w := b.do(r)
	return w.Code, w.Header().Get("Retry-After")
}

func TestForgersAreHeldOff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const forger, sender = "198.51.100.1", "198.51.100.2"
	for range backoffFree + 1 {
		status, _ := b.from(t, forger, "wrong")
		require.Equal(t, http.StatusUnauthorized, status)
	}
	status, wait := b.from(t, forger, "wrong")
	assert.Equal(t, http.StatusTooManyRequests, status)
	assert.Equal(t, "1", wait)
	status, _ = b.from(t, forger, goodToken)
	assert.Equal(t, http.StatusTooManyRequests, status, "without looking at it")
	status, _ = b.from(t, sender, goodToken)
	assert.Equal(t, http.StatusOK, status, "nobody else is held off")

	b.advance(time.Second)
	status, _ = b.from(t, forger, "wrong")
	assert.Equal(t, http.StatusUnauthorized, status, "another try")
	_, wait = b.from(t, forger, "wrong")
	assert.Equal(t, "2", wait, "and twice the time")
	b.advance(2 * time.Second)
	status, _ = b.from(t, forger, goodToken)
	assert.Equal(t, http.StatusOK, status, "a valid delivery ends it")
	for range 3 * backoffFree {
		status, _ = b.from(t, forger, "wrong")
		require.Equal(t, http.StatusUnauthorized, status, "an address that proved itself is not held off")
	}
	b.advance(backoffTrust)
	for range backoffFree + 1 {
		b.from(t, forger, "wrong")
	}
	status, _ = b.from(t, forger, "wrong")
	assert.Equal(t, http.StatusTooManyRequests, status)
}

func TestBackoffMemory(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := newBackoff(func() time.Time { return now })
	b.succeeded("s", "192.0.2.1")
	for i := range 3 * backoffEntries {
		b.failed("s", fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
	}
	assert.LessOrEqual(t, len(b.entries), backoffEntries)
	assert.Contains(t, b.entries, backoffKey("s", "192.0.2.1"), "whoever proved itself is remembered longest")
	for i := range 3 * backoffEntries {
		b.succeeded("s", fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
	}
	assert.LessOrEqual(t, len(b.entries), backoffEntries)
	for range 100 {
		b.failed("s", "10.9.9.9")
	}
	assert.Equal(t, backoffLongest, b.wait("s", "10.9.9.9"))
	assert.Zero(t, b.wait("other", "10.9.9.9"))
	for i := range 50 {
		b.failed("s", fmt.Sprintf("2001:db8::%x", i+1))
	}
	assert.NotZero(t, b.wait("s", "2001:db8::ffff"), "an IPv6 network is one address")
}

// TestRejectedAreSampled: a flood from many addresses is no lever on the log.
func TestRejectedAreSampled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 3 * rejectedBurst {
		status, _ := b.from(t, fmt.Sprintf("10.1.%d.%d", i/250, i%250), "wrong")
		require.Equal(t, http.StatusUnauthorized, status)
	}
	assert.Len(t, b.gate.entries(), rejectedBurst)
	b.advance(time.Second)
	b.from(t, "10.2.0.1", "wrong")
	assert.Contains(t, b.log.String(), `"not_logged":200`)
	status, _ := b.from(t, "10.3.0.1", goodToken)
	assert.Equal(t, http.StatusOK, status)
	entries := b.gate.entries()
	assert.Equal(t, contract.OutcomeAccepted, entries[len(entries)-1].Outcome, "what is proved is always logged")
}
