package testsuite

import (
	"strings"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
	sql "github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/silence"
)

// book is where silences are added and ended, as the command line does it.
func (s *system) book() *silence.Book {
	s.t.Helper()
	store, err := sql.Connect(s.t.Context(), s.sqlURL)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = store.Close() })
	sealer, err := privacy.NewSealer(s.keyset)
	require.NoError(s.t, err)
	return &silence.Book{Store: store, Announcer: silence.Carrier{Client: s.store, Sealer: sealer}}
}

// notes are nerve's notes in a thread, or at the top of the channel.
func (s *system) notes(channel, thread string) []slackgo.Message {
	s.t.Helper()
	replies, _, _, err := s.slack.GetConversationReplies(&slackgo.GetConversationRepliesParameters{
		ChannelID: channel, Timestamp: thread, Limit: 200, IncludeAllMetadata: true,
	})
	require.NoError(s.t, err)
	var notes []slackgo.Message
	for _, m := range replies {
		if m.Metadata.EventType == "nerve_note" {
			notes = append(notes, m)
		}
	}
	return notes
}

// TestSilence holds what comes in while a silence lasts, closes quietly what is
// over meanwhile, and raises the rest when it is ended.
func TestSilence(t *testing.T) {
	t.Parallel()
	s, in, _ := running(t)
	s.canary(in.url)
	by := audit.Actor{Person: "ops@example.com", Via: audit.ViaCLI}
	book := s.book()
	added, untold, err := book.Add(t.Context(), silence.Draft{
		Expression: `signal.source == "datadog" && !signal.title.contains("canary")`, EndsAt: time.Now().Add(time.Hour), Why: "a test",
	}, by)
	require.NoError(t, err)
	require.NoError(t, untold)
	held := map[string]string{} // incident -> workflow
	n := 100
	require.Eventually(t, func() bool { // ingest hears of it within two seconds
		n++
		a := s.send(in.url, "datadog", other(t, n))
		require.Equal(t, "enqueued", a.Status, a.raw)
		id := s.find(a.Incident).WorkflowID
		if s.state(id).Silence == nil {
			return false
		}
		held[a.Incident] = id
		return len(held) == 2
	}, patience, poll, "nothing is silenced")
	fired := s.send(in.url, "datadog", fixture(t, "datadog", "triggered"))
	require.Equal(t, "enqueued", fired.Status, fired.raw)
	over := s.send(in.url, "datadog", fixture(t, "datadog", "recovered"))
	require.Equal(t, "resolved", over.Status, over.raw)
	s.stored([]string{"closed"}, "SELECT phase FROM incidents WHERE id = $1", fired.Incident)
	s.stored([]string{added.ID}, "SELECT trace ->> 'silence' FROM deliveries WHERE incident_id = $1 AND outcome = 'accepted'", fired.Incident)
	s.canary(in.url)
	for id := range held {
		assert.Empty(t, s.headlines(alerts, id), "nothing is told of %s", id)
		s.stored([]string{"silenced"}, "SELECT phase FROM incidents WHERE id = $1", id)
	}

	_, untold, err = book.End(t.Context(), added.ID, "done sooner", by)
	require.NoError(t, err)
	require.NoError(t, untold)
	told, err := s.onCall().ReleaseSilence(t.Context(), contract.SilenceEnded{ID: added.ID, Actor: by, Reason: "done sooner"})
	require.NoError(t, err)
	assert.Equal(t, 2, told)
	for id := range held {
		h, _ := s.answered(id)
		require.Eventually(t, func() bool {
			notes := s.notes(alerts, h.Timestamp)
			return len(notes) == 1 && strings.Contains(notes[0].Text, "Raised: the silence "+added.ID+" was ended by ops@example.com.")
		}, patience, poll, "the thread of %s does not say why it was raised", id)
	}
	assert.Empty(t, s.headlines(alerts, fired.Incident), "what was over is told to nobody")
	s.stored([]string{"silence.add", "silence.end"}, "SELECT action FROM audit WHERE target = $1 ORDER BY seq", added.ID)

	// A decision is told in the thread, and is in the audit log once.
	for id, workflow := range held {
		_, err := s.onCall().Acknowledge(t.Context(), workflow, contract.Decision{By: "ops@example.com", Reason: "on it", Actor: by})
		require.NoError(t, err)
		s.stored([]string{"incident.acknowledge"}, "SELECT action FROM audit WHERE target = $1", id)
		break
	}
}
