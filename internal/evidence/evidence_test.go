package evidence_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/evidence"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/slack"
)

var at = time.Date(2026, 2, 8, 2, 22, 0, 0, time.UTC)

type thread struct {
	said []slack.ThreadMessage
	err  error
}

func (t thread) Thread(context.Context, incident.SlackRef) ([]slack.ThreadMessage, error) {
	return t.said, t.err
}

func query() contract.EvidenceQuery {
	return contract.EvidenceQuery{Signal: incident.Signal{
		IncidentID: "i1", Source: "slack", Fingerprint: "f1", Title: "Disk is full",
		Slack: &incident.SlackRef{ChannelID: "C0ALERTS01", ThreadTS: "1.2"},
	}}
}

func TestThreadIsTheLastMessages(t *testing.T) {
	t.Parallel()
	var said []slack.ThreadMessage
	for i := range 15 {
		said = append(said, slack.ThreadMessage{Author: "U1", Text: strconv.Itoa(i), At: at})
	}
	said = append(said, slack.ThreadMessage{Author: "U1"})
	found, err := evidence.Thread{Slack: thread{said: said}}.Fetch(t.Context(), query())
	require.NoError(t, err)
	require.Len(t, found, 9, "ten messages, one of them empty")
	assert.Equal(t, "14", found[8].Text)
	assert.Equal(t, "In the thread, U1", found[0].Title)

	_, err = evidence.Thread{Slack: thread{err: errors.New("away")}}.Fetch(t.Context(), query())
	require.ErrorContains(t, err, "away")

	q := query()
	q.Signal.Slack = nil
	found, err = evidence.Thread{Slack: thread{said: said}}.Fetch(t.Context(), q)
	require.NoError(t, err)
	assert.Empty(t, found)
}

// The tools on a real database.
func TestHistory(t *testing.T) {
	t.Parallel()
	store, err := record.Open(t.Context(), "sqlite://"+t.TempDir()+"/nerve.db", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	for i, past := range []contract.IncidentRecord{
		{
			ID: "old", Phase: contract.PhaseClosed, ResolvedBy: "the sender", ClosedAt: at.Add(5 * time.Minute), Occurrences: 3,
			Verdict: &incident.Verdict{LikelyCause: "a disk is filling up"},
		},
		{ID: "quiet", Phase: contract.PhaseClosed, ClosedAt: at.Add(time.Hour), LastSeen: at.Add(time.Minute)},
		{ID: "broken", Phase: contract.PhaseFailed, ClosedAt: at.Add(time.Minute)},
		{ID: "going", Phase: contract.PhaseOpen},
		{ID: "i1", Phase: contract.PhaseOpen},
	} {
		past.Revision, past.OpenedAt = 1, at.Add(time.Duration(i)*time.Millisecond)
		past.Signal = incident.Signal{Source: "slack", Fingerprint: "f1", Title: "Disk is full"}
		require.NoError(t, store.Record(t.Context(), past))
	}
	found, err := evidence.Past{Record: store}.Fetch(t.Context(), query())
	require.NoError(t, err)
	var texts []string
	for _, e := range found {
		texts = append(texts, e.Text)
	}
	assert.Equal(t, []string{
		"still open (going)",
		"its analysis failed (broken)",
		"went quiet after 1m0s (quiet)",
		"resolved by the sender after 5m0s; seen 3 times; likely cause: a disk is filling up (old)",
	}, texts)

	occurrences := evidence.Occurrences{Record: store}
	found, err = occurrences.Fetch(t.Context(), query())
	require.NoError(t, err)
	assert.Empty(t, found, "the delivery that opened it is no repeat")
	require.NoError(t, store.SaveDeliveries(t.Context(), []contract.Delivery{
		{ID: "d1", Source: "slack", IncidentID: "i1", Outcome: contract.OutcomeAccepted, ReceivedAt: at},
		{ID: "d2", Source: "slack", IncidentID: "i1", Outcome: contract.OutcomeDebounced, ReceivedAt: at.Add(time.Minute)},
		{ID: "d3", Source: "slack", IncidentID: "i1", Outcome: contract.OutcomeDuplicate, ReceivedAt: at.Add(time.Minute)},
	}))
	found, err = occurrences.Fetch(t.Context(), query())
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "the last 2 came at 02:22:00, 02:23:00 UTC", found[0].Text)
}
