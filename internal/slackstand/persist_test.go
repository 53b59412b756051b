package slackstand_test

import (
	"errors"
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

// killed is what a process finds that starts after this one was killed now.
func killed(t *testing.T, dir string) string {
	t.Helper()
	after := t.TempDir()
	// In this order: a change that has left the journal is in the state file.
	for _, name := range []string{"slack.journal", "slack.json"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(after, name), raw, 0o600))
	}
	return after
}

// Whatever a caller was told is done has survived a kill right after it.
func TestAcknowledgedSurvivesAKill(t *testing.T) {
	t.Parallel()
	in := func(dir string) func(o *slackstand.Options) { return func(o *slackstand.Options) { o.Dir = dir } }
	dir := t.TempDir()
	first := setup(t, in(dir))
	_, own, err := first.api.PostMessageContext(t.Context(), alerts, slack.MsgOptionText("disk full", false))
	require.NoError(t, err)
	second := setup(t, in(killed(t, dir)))
	assert.Equal(t, []string{"disk full"}, second.texts(t), "a post")

	_, _, _, err = first.api.UpdateMessageContext(t.Context(), alerts, own, slack.MsgOptionText("disk empty", false))
	require.NoError(t, err)
	gone := first.say(t, "never mind")
	asked := first.say(t, "what now?")
	require.NoError(t, first.api.AddReactionContext(t.Context(), "eyes", slack.NewRefToMessage(alerts, asked)))
	_, err = first.Import([]byte(`{"event":{"type":"message","subtype":"message_deleted","channel":"` + alerts + `","deleted_ts":"` + gone + `"}}`))
	require.NoError(t, err)
	require.NoError(t, first.AddChannel(slackstand.Channel{ID: "C0OTHER001", Name: "war-room"}))
	_, err = first.Import([]byte(`{"event":{"type":"message","channel":"C0OTHER001","user":"U0CAROL001","text":"hello","ts":"1770517375.000100"}}`))
	require.NoError(t, err)
	after := killed(t, dir)
	second = setup(t, in(after))
	assert.Equal(t, []string{"what now?", "disk empty"}, second.texts(t), "an edit, a deletion, a message by a person")
	r, err := second.api.GetReactionsContext(t.Context(), slack.NewRefToMessage(alerts, asked), slack.NewGetReactionsParameters())
	require.NoError(t, err)
	require.Len(t, r.Reactions, 1)
	u, err := second.api.GetUserInfoContext(t.Context(), "U0CAROL001")
	require.NoError(t, err)
	assert.Equal(t, "carol", u.Name)
	c, err := second.api.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: "C0OTHER001"})
	require.NoError(t, err)
	assert.Equal(t, "war-room", c.Name)

	// And once more, over a journal that was cut off in the middle of a line.
	again := killed(t, after)
	f, err := os.OpenFile(filepath.Join(again, "slack.journal"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"seq":99,"mess`)
	require.NoError(t, errors.Join(err, f.Close()))
	third := setup(t, in(again))
	third.say(t, "still there")
	assert.Equal(t, []string{"still there", "what now?", "disk empty"}, setup(t, in(killed(t, again))).texts(t))
}

// What cannot be kept is not acknowledged.
func TestNotAcknowledgedWhenItCannotBeKept(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *slackstand.Options) { o.Dir = t.TempDir() })
	require.NoError(t, b.Close())
	_, _, err := b.api.PostMessageContext(t.Context(), alerts, slack.MsgOptionText("disk full", false))
	require.EqualError(t, err, "internal_error")
	_, err = b.Post(t.Context(), alerts, slackstand.Message{User: "U0ALICE001", Text: "?", StoreOnly: true})
	require.ErrorContains(t, err, "slackstand: write the journal")
}

// Nothing needs Close to be saved, and the journal does not grow for ever.
func TestSavedWithoutClose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := setup(t, func(o *slackstand.Options) { o.Dir = dir })
	b.say(t, "disk full")
	require.Eventually(t, func() bool {
		raw, err := os.ReadFile(filepath.Join(dir, "slack.json"))
		journal, err2 := os.Stat(filepath.Join(dir, "slack.journal"))
		return err == nil && strings.Contains(string(raw), "disk full") && err2 == nil && journal.Size() == 0
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
	t.Run("journal", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "slack.journal"), []byte("{\"seq\":1,\n{\"seq\":2}\n"), 0o600))
		_, err := slackstand.New(slackstand.Options{Token: token, Dir: dir})
		require.ErrorContains(t, err, "move it away")
	})
}
