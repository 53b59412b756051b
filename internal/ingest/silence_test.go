package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
	"github.com/nerve-alerts/nerve/providers"
)

// fakeSilences hold what has a word in its title, and remember the titles.
type fakeSilences struct {
	word  string
	until time.Time
	asked []string
}

func (f *fakeSilences) Match(s *incident.Signal, _ time.Time) *contract.Silencing {
	f.asked = append(f.asked, s.Title)
	if strings.Contains(s.Title, f.word) {
		return &contract.Silencing{ID: "s1", Until: f.until}
	}
	return nil
}

func silencing(f *fakeSilences) func(*Options, *Deps, *[]Source) {
	return func(_ *Options, d *Deps, _ *[]Source) { d.Silences = f }
}

func inSlack(s *incident.Signal) { s.Slack = &incident.SlackRef{ChannelID: "C9", MessageTS: "1.2"} }

func titled(title string) func(*incident.Signal) {
	return func(s *incident.Signal) { s.Title = title }
}

// A silenced signal starts its incident like any other, which keeps quiet by
// itself: no reaction, and its entry says why.
func TestSilencedSignalStartsQuietly(t *testing.T) {
	t.Parallel()
	f := &fakeSilences{word: plantedEmail, until: time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)}
	b := newBench(t, silencing(f))
	_, r := b.post(t, body(t, "e1", signal(inSlack, titled("of "+plantedEmail))))
	assert.Equal(t, "enqueued", r.Status)
	_, r = b.post(t, body(t, "e2", signal(inSlack, event("2"))))
	assert.Equal(t, "enqueued", r.Status)
	b.server.reactions.wait()

	require.Len(t, b.temporal.started, 2)
	assert.Equal(t, &contract.Silencing{ID: "s1", Until: f.until}, b.temporal.started[0].Start.Silence, "it is asked of what was sent, before scrubbing")
	assert.Nil(t, b.temporal.started[1].Start.Silence)
	assert.Len(t, b.reactor.refs, 1, "only what is not silenced gets 👀")
	entries := b.gate.entries()
	assert.Equal(t, "s1", entries[0].Trace.Silence)
	assert.Equal(t, contract.OutcomeAccepted, entries[0].Outcome)
	assert.Empty(t, entries[1].Trace.Silence)
}

// A repeat belongs to an incident that knows by itself whether it is silenced,
// and what is resolved is not held back.
func TestSilencesAreAskedForStartsOnly(t *testing.T) {
	t.Parallel()
	f := &fakeSilences{word: "CPU"}
	b := newBench(t, silencing(f))
	for i := range 4 {
		b.post(t, body(t, fmt.Sprint("e", i), signal()))
	}
	b.post(t, body(t, "e9", signal(resolvedSignal)))
	assert.Len(t, b.temporal.started, 1)
	entries := b.gate.entries()
	assert.Equal(t, "s1", entries[0].Trace.Silence)
	for _, e := range entries[1:] {
		assert.Empty(t, e.Trace.Silence, e.Outcome)
	}
	assert.NotEmpty(t, f.asked)
}

// The start that waits in the spool is silenced too, and so is one that a repeat
// falls back to.
func TestSilencedStartsAreSpooledAsSuch(t *testing.T) {
	t.Parallel()
	b := newBench(t, silencing(&fakeSilences{word: "CPU"}))
	b.temporal.fail = starter.ErrUnavailable
	b.post(t, body(t, "e1", signal()))
	b.post(t, body(t, "e2", signal()))
	require.Len(t, b.gate.spooled, 2)
	assert.NotNil(t, b.gate.spooled[0].Start.Silence)
	assert.NotNil(t, b.gate.spooled[1].Fallback.Silence)
	assert.Equal(t, "s1", b.gate.entries()[0].Trace.Silence)
}

// A storm is held by what is true for the storm, not for what it folds.
func TestStormsAreSilencedByTheirOwnSignal(t *testing.T) {
	t.Parallel()
	for word, held := range map[string]bool{"Alert storm from vendor": true, "CPU": false} {
		b := newBench(t, silencing(&fakeSilences{word: word}))
		b.gate.forced = []admission.Decision{{Verdict: admission.Over}}
		_, r := b.post(t, body(t, "e1", signal()))
		assert.Equal(t, "folded", r.Status)
		assert.Equal(t, held, b.temporal.started[0].Start.Silence != nil, word)
	}
}

func TestClockSkewIsLogged(t *testing.T) {
	t.Parallel()
	received := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for signed, want := range map[time.Time]int64{
		received.Add(-1500 * time.Millisecond): 1500, received.Add(2 * time.Second): -2000, received: 1,
	} {
		var d contract.Delivery
		skewed(&d, received, providers.Proof{SignedAt: signed})
		assert.Equal(t, want, d.Trace.SkewMS)
	}
	var d contract.Delivery
	skewed(&d, received, providers.Proof{})
	assert.Nil(t, d.Trace, "a sender that signs no time")
}
