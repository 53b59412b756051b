package testsuite

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
	"github.com/nerve-alerts/nerve/providers"
)

// TestStorm has an alert repeat 500 times at two fronts: one incident, one
// answer, and the right count.
func TestStorm(t *testing.T) {
	t.Parallel()
	const repeats, lanes = 500, 10
	s := newSystem(t)
	fronts := []*ingest{s.startIngest(), s.startIngest()}
	s.startWorker()
	original, err := providers.Fixture("datadog", "triggered")
	require.NoError(t, err)
	tally, id := map[string]int{}, ""
	results := make(chan said, repeats)
	s.burst(lanes, func(lane int) (last said, err error) {
		for i := range repeats / lanes {
			n := lane*repeats/lanes + i
			if last, err = s.try(fronts[n%2].url, "datadog", refresh(t, "datadog", original, n)); err != nil {
				return last, err
			}
			results <- last
		}
		return last, nil
	})
	close(results)
	for a := range results {
		require.Equal(t, http.StatusOK, a.status, a.raw)
		tally[a.Status]++
		if a.Status == "enqueued" {
			id = a.Incident
		}
	}
	assert.Equal(t, map[string]int{"enqueued": 1, "debounced": repeats - 1}, tally)
	run := s.onlyRuns(fronts[0].url, 1)[0]
	s.answered(id)
	s.counted(t, run.GetExecution().GetWorkflowId(), repeats, fronts...)
	s.stored([]string{"500"}, "SELECT count(*)::text FROM deliveries WHERE incident_id = $1", id)
}

// counted expects that an incident knows its occurrences. It hears of them at
// milestones. Where a busy machine let Redis seem away, no front may have counted
// to the milestone: then Redis knows at least as many, for the next milestone to tell.
func (s *system) counted(t *testing.T, id string, want int64, fronts ...*ingest) {
	t.Helper()
	away := slices.ContainsFunc(fronts, func(in *ingest) bool { return strings.Contains(in.text(), "decisions are made in memory") })
	var told int64
	ok := assert.Eventually(t, func() bool {
		told = s.state(id).Occurrences
		return told == want || away && s.windowed(id) >= want
	}, patience, poll)
	require.True(t, ok, "the incident knows %d of its %d occurrences, its window %d", told, want, s.windowed(id))
}

// windowed is how often an incident's window has counted in Redis. The marks of
// deliveries carry a count too: the milestone that they were to tell.
func (s *system) windowed(id string) int64 {
	s.t.Helper()
	var most int64
	keys, err := s.store.Keys(s.t.Context(), "nerve:*").Result()
	require.NoError(s.t, err)
	for _, k := range keys {
		if v, err := s.store.HMGet(s.t.Context(), k, "w", "n").Result(); err == nil && v[0] == id && v[1] != nil {
			n, err := strconv.ParseInt(fmt.Sprint(v[1]), 10, 64)
			require.NoError(s.t, err)
			most = max(most, n)
		}
	}
	return most
}

// TestStormOfMessages folds another app's repeated messages by channel and
// title, and never by channel alone.
func TestStormOfMessages(t *testing.T) {
	t.Parallel()
	s, in, _ := running(t)
	post := func(title string) slackstand.Posted {
		p, err := s.stand.Post(t.Context(), alerts, slackstand.Message{
			Bot:         &slackstand.Bot{Name: "Monitoring"},
			Attachments: []map[string]any{{"color": "danger", "title": title, "text": "5xx at 7.2 % for 5 minutes"}},
		})
		require.NoError(t, err)
		return p
	}
	const title = "[FIRING:1] Checkout error rate above 5 %"
	for range 20 {
		post(title)
	}
	post("[FIRING:1] Queue of orders is too long")
	runs := s.onlyRuns(in.url, 2)
	var counts []int64
	for _, r := range runs {
		id := r.GetExecution().GetWorkflowId()
		require.Eventually(t, func() bool { n := s.state(id).Occurrences; return n == 1 || n == 20 }, patience, poll)
		counts = append(counts, s.state(id).Occurrences)
	}
	assert.ElementsMatch(t, []int64{1, 20}, counts)
}

// TestRecurrence analyses an alert again that comes after its window.
func TestRecurrence(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.file("sources:\n- name: slack\n  provider: slack\n  secrets: [env:SLACK_SIGNING_SECRET]\n  debounce: 2s\n")
	in := s.startIngest()
	s.startWorker()
	original, err := providers.Fixture("slack", "bot_text_firing")
	require.NoError(t, err)
	body := refresh(t, "slack", original, 0)
	first := s.send(in.url, "slack", body)
	require.Equal(t, "enqueued", first.Status, first.raw)
	s.toldOnce("slack", body, first.Incident)
	var again said
	n := 0
	require.Eventually(t, func() bool {
		n++
		body = refresh(t, "slack", original, n)
		again = s.send(in.url, "slack", body)
		return again.Status == "enqueued"
	}, patience, poll, "the alert is never analysed again")
	assert.NotEqual(t, first.Incident, again.Incident)
	s.toldOnce("slack", body, again.Incident)
	s.onlyRuns(in.url, 2)
}
