package slackstand_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
)

func TestRestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	in := func(o *slackstand.Options) { o.Dir = dir }
	first := setup(t, in)
	ts := first.say(t, "disk full")
	reply := first.say(t, "which one?", ts)
	require.NoError(t, first.api.AddReactionContext(t.Context(), "eyes", slack.NewRefToMessage(alerts, ts)))
	_, own, err := first.api.PostMessageContext(t.Context(), alerts, slack.MsgOptionText("sda1", false), slack.MsgOptionBlocks(slack.NewDividerBlock()))
	require.NoError(t, err)
	require.NoError(t, first.Close())

	second := setup(t, in)
	assert.Equal(t, []string{"sda1", "disk full"}, second.texts(t))
	r, err := second.api.GetReactionsContext(t.Context(), slack.NewRefToMessage(alerts, ts), slack.NewGetReactionsParameters())
	require.NoError(t, err)
	require.Len(t, r.Reactions, 1)
	replies, _, _, err := second.api.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{ChannelID: alerts, Timestamp: ts})
	require.NoError(t, err)
	require.Len(t, replies, 2)
	assert.Equal(t, reply, replies[1].Timestamp)
	_, _, _, err = second.api.UpdateMessageContext(t.Context(), alerts, own, slack.MsgOptionText("sdb1", false))
	require.NoError(t, err, "the message is still the bot's own")

	info, err := os.Stat(filepath.Join(dir, "slack.json"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// A crash loses no more than the last moments: nothing needs Close to be saved.
func TestSavedWithoutClose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := setup(t, func(o *slackstand.Options) { o.Dir = dir })
	b.say(t, "disk full")
	require.Eventually(t, func() bool {
		raw, err := os.ReadFile(filepath.Join(dir, "slack.json"))
		return err == nil && strings.Contains(string(raw), "disk full")
	}, 10*time.Second, 10*time.Millisecond)
	left, err := filepath.Glob(filepath.Join(dir, "slack.json.*"))
	require.NoError(t, err)
	assert.Empty(t, left, "no temporary file stays behind")
}

// With a clock that stands still, over a restart too, no two messages get one
// timestamp.
func TestTimestampsAreUnique(t *testing.T) {
	t.Parallel()
	clock := newClock()
	dir := t.TempDir()
	in := func(o *slackstand.Options) { o.Dir, o.Now = dir, clock.Now }
	seen := map[string]bool{}
	for range 2 {
		b := setup(t, in)
		for range 3 {
			ts := b.say(t, "x")
			assert.Regexp(t, `^1770517375\.\d{6}$`, ts)
			assert.False(t, seen[ts], ts)
			seen[ts] = true
		}
		require.NoError(t, b.Close())
	}
}

func TestDamagedState(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"cut off": `{"version":1,"chan`, "of the future": `{"version":2}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "slack.json")
			require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
			_, err := slackstand.New(slackstand.Options{Token: token, Dir: dir})
			require.ErrorContains(t, err, "slackstand: ")
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, content, string(raw), "it is left for its owner to look at")
		})
	}
}
