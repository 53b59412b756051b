package slackstand_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
)

func callback(t *testing.T, event map[string]any) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"type": "event_callback", "event_id": "Ev1", "event": event})
	require.NoError(t, err)
	return raw
}

func TestImportMakesMessageKnown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const ts = "1595926230.009600"
	ref := slack.NewRefToMessage("C0IMPORTED", ts)
	require.EqualError(t, b.api.AddReactionContext(t.Context(), "eyes", ref), "channel_not_found")
	event := callback(t, map[string]any{
		"type": "message", "subtype": "bot_message", "bot_id": "B0DATADOG", "username": "Datadog", "channel": "C0IMPORTED",
		"ts": ts, "text": "", "attachments": []any{map[string]any{"title": "CPU is high"}},
	})
	got, err := b.Import(event)
	require.NoError(t, err)
	assert.Equal(t, slackstand.Imported{Channel: "C0IMPORTED", TS: ts, New: true}, got)
	require.NoError(t, b.api.AddReactionContext(t.Context(), "eyes", ref))
	got, err = b.Import(event)
	require.NoError(t, err)
	assert.False(t, got.New)
	r, err := b.api.GetReactionsContext(t.Context(), ref, slack.NewGetReactionsParameters())
	require.NoError(t, err)
	assert.Len(t, r.Reactions, 1, "a second import leaves the message as it is")
	_, page := b.get(t, "/channel/C0IMPORTED")
	assert.Contains(t, page, "CPU is high")
	assert.Contains(t, page, "Datadog")
}

// A legacy outgoing webhook tells of a message too, as a form or as JSON, and so
// does an event that was kept without its envelope.
func TestImportOtherShapes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for ts, body := range map[string]string{
		"1595926230.009601": `{"channel_id":"C0OUTGOING","timestamp":"1595926230.009601","user_id":"U0BOB00001","text":"outage: login","trigger_word":"outage"}`,
		"1595926230.009602": "token=t&channel_id=C0OUTGOING&timestamp=1595926230.009602&user_id=U0BOB00001&text=outage%3A+search&trigger_word=outage",
	} {
		got, err := b.Import([]byte(body))
		require.NoError(t, err)
		assert.Equal(t, slackstand.Imported{Channel: "C0OUTGOING", TS: ts, New: true}, got)
		require.NoError(t, b.api.AddReactionContext(t.Context(), "eyes", slack.NewRefToMessage("C0OUTGOING", ts)))
	}
	_, page := b.get(t, "/channel/C0OUTGOING")
	assert.Contains(t, page, "outage: login")
	assert.Contains(t, page, "outage: search")

	got, err := b.Import([]byte(`{"type":"app_mention","user":"U0BOB00001","text":"is it down?","ts":"1595926230.009603","channel":"C0OUTGOING"}`))
	require.NoError(t, err)
	assert.True(t, got.New, "an event without its envelope")

	got, err = b.Import([]byte("token=t&command=%2Fnerve&text=&channel_id=C0COMMAND1"))
	require.NoError(t, err)
	assert.Equal(t, slackstand.Imported{}, got, "a slash command is no message")
}

func TestImportThreadReplyOfUnknownParent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Import(callback(t, map[string]any{
		"type": "message", "user": "U0BOB00001", "channel": alerts, "ts": "200.000001", "thread_ts": "100.000001", "text": "any news?",
	}))
	require.NoError(t, err)
	_, _, msg, err := b.api.PostMessageWithResponseContext(t.Context(), alerts, slack.MsgOptionTS("100.000001"), slack.MsgOptionText("yes", false))
	require.NoError(t, err)
	assert.Equal(t, "100.000001", msg.ThreadTimestamp)
	got, err := b.Import(callback(t, map[string]any{
		"type": "message", "user": "U0BOB00001", "channel": alerts, "ts": "100.000001", "text": "the parent itself",
	}))
	require.NoError(t, err)
	assert.False(t, got.New)
	assert.Equal(t, []string{"the parent itself"}, b.texts(t))
}

func TestImportChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ts := b.say(t, "before")
	_, err := b.Import(callback(t, map[string]any{
		"type": "message", "subtype": "message_changed", "channel": alerts, "ts": "300.1",
		"message": map[string]any{"type": "message", "user": "U0ALICE001", "ts": ts, "text": "after"},
	}))
	require.NoError(t, err)
	assert.Equal(t, []string{"after"}, b.texts(t))
	reaction := map[string]any{
		"type": "reaction_added", "user": "U0BOB00001", "reaction": "tada", "item": map[string]any{"type": "message", "channel": alerts, "ts": ts},
	}
	_, err = b.Import(callback(t, reaction))
	require.NoError(t, err)
	r, err := b.api.GetReactionsContext(t.Context(), slack.NewRefToMessage(alerts, ts), slack.NewGetReactionsParameters())
	require.NoError(t, err)
	assert.Equal(t, []slack.ItemReaction{{Name: "tada", Count: 1, Users: []string{"U0BOB00001"}}}, r.Reactions)
	reaction["type"] = "reaction_removed"
	_, err = b.Import(callback(t, reaction))
	require.NoError(t, err)
	_, err = b.Import(callback(t, map[string]any{"type": "message", "subtype": "message_deleted", "channel": alerts, "deleted_ts": ts, "ts": "301.1"}))
	require.NoError(t, err)
	assert.Empty(t, b.texts(t))
}

func TestImportOfOtherBodies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, body := range []string{
		`{"type":"url_verification","challenge":"x"}`,
		`{"type":"event_callback","event":{"type":"channel_created","channel":{"id":"C0X","name":"x"}}}`,
		`{"type":"event_callback","event":{"type":"message","channel":"<script>","ts":"1.1"}}`,
	} {
		got, err := b.Import([]byte(body))
		require.NoError(t, err, body)
		assert.Empty(t, got.Channel)
	}
	for _, body := range []string{
		``, `[]`, `{"event":{"type":"message","channel":"` + alerts + `","ts":"1.1<"}}`,
		`{"event":{"type":"message","subtype":"message_deleted","channel":"` + alerts + `"}}`,
	} {
		_, err := b.Import([]byte(body))
		require.ErrorContains(t, err, "slackstand: import", body)
	}
}

// Every real event body can be imported, and what it makes known can be shown.
func TestImportCorpus(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("NERVE_CORPUS")
	if dir == "" {
		t.Skip("set NERVE_CORPUS to the folder with the vendors' payloads")
	}
	files, err := filepath.Glob(filepath.Join(dir, "slack", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	b := setup(t)
	shown := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		if !strings.Contains(string(raw), `"event"`) {
			continue
		}
		got, err := b.Import(raw)
		require.NoError(t, err, file)
		if got.Channel == "" {
			continue
		}
		status, _ := b.get(t, "/channel/"+got.Channel)
		assert.Equal(t, http.StatusOK, status, file)
		shown++
	}
	assert.Positive(t, shown)
}
