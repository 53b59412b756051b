package slackstand_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
)

func TestAuthTest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who, err := b.api.AuthTestContext(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "U0NERVE001", who.UserID)
	assert.Equal(t, "B0NERVE001", who.BotID)
	assert.Equal(t, "T0NERVE001", who.TeamID)
	assert.Equal(t, b.url+"/", who.URL)
	_, err = client(b.url, "").AuthTestContext(t.Context())
	require.EqualError(t, err, "not_authed")
	_, err = client(b.url, "wrong").AuthTestContext(t.Context())
	require.EqualError(t, err, "invalid_auth")
}

func TestTokenPlaces(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		path, kind, auth, body, want string
	}{
		"header, JSON":    {"auth.test", "application/json; charset=utf-8", "Bearer " + token, `{}`, ""},
		"header, no body": {"auth.test", "", "bearer " + token, ``, ""},
		"form":            {"auth.test", "application/x-www-form-urlencoded", "", "token=" + token, ""},
		"query":           {"auth.test?token=" + token, "", "", "", "not_authed"},
		"JSON body":       {"auth.test", "application/json", "", `{"token":"` + token + `"}`, "not_authed"},
		"damaged JSON":    {"auth.test", "application/json", "Bearer " + token, `{`, "invalid_json"},
		"too large":       {"auth.test", "application/json", "Bearer " + token, `"` + strings.Repeat("x", 1<<20) + `"`, "request_too_large"},
		"unknown method":  {"chat.shout", "", "Bearer " + token, "", "unknown_method"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/api/"+c.path, strings.NewReader(c.body))
			require.NoError(t, err)
			req.Header.Set("Content-Type", c.kind)
			req.Header.Set("Authorization", c.auth)
			status, raw := do(t, req)
			assert.Equal(t, http.StatusOK, status)
			var got slack.SlackResponse
			require.NoError(t, json.Unmarshal([]byte(raw), &got))
			assert.Equal(t, c.want, got.Error)
			assert.Equal(t, c.want == "", got.Ok)
		})
	}
}

func TestBotsAndUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bot, err := b.api.GetBotInfoContext(t.Context(), slack.GetBotInfoParameters{Bot: "B0NERVE001"})
	require.NoError(t, err)
	assert.Equal(t, "nerve", bot.Name)
	assert.Equal(t, "A0NERVE001", bot.AppID)
	_, err = b.api.GetBotInfoContext(t.Context(), slack.GetBotInfoParameters{Bot: "B0NOBODY"})
	require.EqualError(t, err, "bot_not_found")

	u, err := b.api.GetUserInfoContext(t.Context(), "U0ALICE001")
	require.NoError(t, err)
	assert.Equal(t, "alice", u.Profile.DisplayName)
	assert.False(t, u.IsBot)
	u, err = b.api.GetUserInfoContext(t.Context(), "U0NERVE001")
	require.NoError(t, err)
	assert.True(t, u.IsBot)
	_, err = b.api.GetUserInfoContext(t.Context(), "U0NOBODY")
	require.EqualError(t, err, "user_not_found")
}

func TestReactions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ts := b.say(t, "disk full")
	ref := slack.NewRefToMessage(alerts, ts)
	require.NoError(t, b.api.AddReactionContext(t.Context(), "eyes", ref))
	require.EqualError(t, b.api.AddReactionContext(t.Context(), "eyes", ref), "already_reacted")
	require.NoError(t, b.api.AddReactionContext(t.Context(), "white_check_mark", ref))
	got, err := b.api.GetReactionsContext(t.Context(), ref, slack.NewGetReactionsParameters())
	require.NoError(t, err)
	assert.Equal(t, []slack.ItemReaction{
		{Name: "eyes", Count: 1, Users: []string{"U0NERVE001"}},
		{Name: "white_check_mark", Count: 1, Users: []string{"U0NERVE001"}},
	}, got.Reactions)
	require.NoError(t, b.api.RemoveReactionContext(t.Context(), "eyes", ref))
	require.EqualError(t, b.api.RemoveReactionContext(t.Context(), "eyes", ref), "no_reaction")
	got, err = b.api.GetReactionsContext(t.Context(), ref, slack.NewGetReactionsParameters())
	require.NoError(t, err)
	require.Len(t, got.Reactions, 1)
	assert.Equal(t, "white_check_mark", got.Reactions[0].Name)
}

func TestReactionRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *slackstand.Options) {
		o.Channels = append(o.Channels, slackstand.Channel{ID: "C0OUTSIDE1", Outside: true},
			slackstand.Channel{ID: "G0SECRET01", Outside: true, Private: true}, slackstand.Channel{ID: "C0OLD", Archived: true})
	})
	ts := b.say(t, "disk full")
	old, err := b.Post(t.Context(), "C0OLD", slackstand.Message{User: "U0ALICE001", Text: "x", StoreOnly: true})
	require.NoError(t, err)
	for want, c := range map[string]struct {
		name string
		ref  slack.ItemRef
	}{
		"invalid_name":      {"No Such", slack.NewRefToMessage(alerts, ts)},
		"no_item_specified": {"eyes", slack.ItemRef{Channel: alerts}},
		"bad_timestamp":     {"eyes", slack.NewRefToMessage(alerts, "yesterday")},
		"channel_not_found": {"eyes", slack.NewRefToMessage("C0NOWHERE1", ts)},
		"not_in_channel":    {"eyes", slack.NewRefToMessage("C0OUTSIDE1", ts)},
		"message_not_found": {"eyes", slack.NewRefToMessage(alerts, "1.000001")},
		"is_archived":       {"eyes", slack.NewRefToMessage("C0OLD", old.TS)},
	} {
		require.EqualError(t, b.api.AddReactionContext(t.Context(), c.name, c.ref), want)
	}
	require.EqualError(t, b.api.AddReactionContext(t.Context(), "eyes", slack.NewRefToMessage("G0SECRET01", ts)), "channel_not_found")
	for i := range 23 {
		require.NoError(t, b.api.AddReactionContext(t.Context(), fmt.Sprintf("clock%d", i/2+1)+[]string{"", "30"}[i%2], slack.NewRefToMessage(alerts, ts)))
	}
	require.EqualError(t, b.api.AddReactionContext(t.Context(), "eyes", slack.NewRefToMessage(alerts, ts)), "too_many_reactions")
}

// Slack answers invalid_name for what is no emoji of the workspace.
func TestReactionNames(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{
		"eyes": true, "white_check_mark": true, "question": true, "x": true, "zzz": true, "warning": true, "+1": true, "thumbsup": true,
		"flag-us": true, "male-detective": true, "large_orange_circle": true, "wave::skin-tone-3": true, "e-mail": true,
		"orange_circle": false, "facepalm": false, "heavy_tick": false, "custom-1": false, "Eyes": false, "#": false, "": false,
		":eyes:": false, "wave::skin-tone-9": false, "wave::": false, "eyes ": false,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			err := b.api.AddReactionContext(t.Context(), name, slack.NewRefToMessage(alerts, b.say(t, "disk full")))
			if known {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "invalid_name")
		})
	}
}

func TestPostMessage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parent := b.say(t, "disk full")
	meta := slack.SlackMetadata{EventType: "nerve_answer", EventPayload: map[string]any{"incident": "slack_1"}}
	_, ts, msg, err := b.api.PostMessageWithResponseContext(t.Context(), alerts, slack.MsgOptionTS(parent),
		slack.MsgOptionText("the log partition is full", false), slack.MsgOptionMetadata(meta),
		slack.MsgOptionBlocks(slack.NewDividerBlock()), slack.MsgOptionAttachments(slack.Attachment{Text: "more"}),
		slack.MsgOptionDisableLinkUnfurl())
	require.NoError(t, err)
	assert.Equal(t, parent, msg.ThreadTimestamp)
	assert.Equal(t, "B0NERVE001", msg.BotID)
	assert.Equal(t, meta, msg.Metadata)

	replies, more, _, err := b.api.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{
		ChannelID: alerts, Timestamp: parent, IncludeAllMetadata: true,
	})
	require.NoError(t, err)
	assert.False(t, more)
	require.Len(t, replies, 2)
	assert.Equal(t, 1, replies[0].ReplyCount)
	assert.Equal(t, ts, replies[0].LatestReply)
	assert.Equal(t, parent, replies[0].ThreadTimestamp)
	assert.Equal(t, []string{"U0NERVE001"}, replies[0].ReplyUsers)
	reply := replies[1]
	assert.Equal(t, "the log partition is full", reply.Text)
	assert.Equal(t, "U0ALICE001", reply.ParentUserId)
	assert.Equal(t, meta, reply.Metadata)
	require.NotNil(t, reply.BotProfile)
	assert.Equal(t, "A0NERVE001", reply.BotProfile.AppID)
	require.Len(t, reply.Attachments, 1)
	require.Len(t, reply.Blocks.BlockSet, 1)

	replies, _, _, err = b.api.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{ChannelID: alerts, Timestamp: parent})
	require.NoError(t, err)
	assert.Empty(t, replies[1].Metadata, "metadata is for those who ask for it")

	// By name, and to a reply: both end where Slack puts them.
	channel, _, err := b.api.PostMessageContext(t.Context(), "#alerts", slack.MsgOptionText("x", false))
	require.NoError(t, err)
	assert.Equal(t, alerts, channel)
	_, _, msg, err = b.api.PostMessageWithResponseContext(t.Context(), alerts, slack.MsgOptionTS(ts), slack.MsgOptionText("x", false))
	require.NoError(t, err)
	assert.Equal(t, parent, msg.ThreadTimestamp)
}

// A reply to a message that is gone is no error in Slack: it lands un-threaded.
func TestPostMessageToUnknownThread(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, thread := range []string{"1.000001", "nonsense"} {
		_, _, msg, err := b.api.PostMessageWithResponseContext(t.Context(), alerts, slack.MsgOptionTS(thread), slack.MsgOptionText("x", false))
		require.NoError(t, err)
		assert.Empty(t, msg.ThreadTimestamp)
	}
}

func TestPostMessageRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *slackstand.Options) {
		o.Channels = append(o.Channels, slackstand.Channel{ID: "C0OUTSIDE1", Outside: true}, slackstand.Channel{ID: "C0OLD", Archived: true})
	})
	text := slack.MsgOptionText("x", false)
	for name, c := range map[string]struct {
		channel, want string
		opt           slack.MsgOption
	}{
		"channel":         {"C0NOWHERE1", "channel_not_found", text},
		"member":          {"C0OUTSIDE1", "not_in_channel", text},
		"archived":        {"C0OLD", "is_archived", text},
		"nothing":         {alerts, "no_text", slack.MsgOptionText("  ", false)},
		"long":            {alerts, "msg_too_long", slack.MsgOptionText(strings.Repeat("x", 40_001), false)},
		"attachments":     {alerts, "too_many_attachments", slack.MsgOptionAttachments(make([]slack.Attachment, 101)...)},
		"metadata":        {alerts, "invalid_metadata_schema", slack.MsgOptionCompose(text, slack.MsgOptionMetadata(slack.SlackMetadata{}))},
		"empty block set": {alerts, "no_text", slack.MsgOptionBlocks([]slack.Block{}...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := b.api.PostMessageContext(t.Context(), c.channel, c.opt)
			require.EqualError(t, err, c.want)
		})
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, ts, err := b.api.PostMessageContext(t.Context(), alerts, slack.MsgOptionText("before", false),
		slack.MsgOptionBlocks(slack.NewDividerBlock()))
	require.NoError(t, err)
	_, _, text, err := b.api.UpdateMessageContext(t.Context(), alerts, ts, slack.MsgOptionText("after", false))
	require.NoError(t, err)
	assert.Equal(t, "after", text)
	latest := func() slack.Message {
		h, err := b.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: alerts, Limit: 1})
		require.NoError(t, err)
		require.Len(t, h.Messages, 1)
		return h.Messages[0]
	}
	m := latest()
	assert.Equal(t, ts, m.Timestamp)
	require.NotNil(t, m.Edited)
	assert.Equal(t, "U0NERVE001", m.Edited.User)
	assert.Len(t, m.Blocks.BlockSet, 1, "blocks that an edit does not name stay")

	_, _, _, err = b.api.UpdateMessageContext(t.Context(), alerts, ts, slack.MsgOptionText("after", false), slack.MsgOptionBlocks([]slack.Block{}...))
	require.NoError(t, err)
	if blocks := b.Calls("chat.update")[1].Args["blocks"]; assert.Equal(t, "[]", blocks) {
		assert.Empty(t, latest().Blocks.BlockSet, "an empty list removes them")
	}

	theirs := b.say(t, "hello")
	for want, c := range map[string]struct {
		ts, text string
	}{
		"cant_update_message": {theirs, "x"},
		"message_not_found":   {"1.000001", "x"},
		"no_text":             {ts, ""},
		"msg_too_long":        {ts, strings.Repeat("x", 4001)},
	} {
		_, _, _, err := b.api.UpdateMessageContext(t.Context(), alerts, c.ts, slack.MsgOptionText(c.text, false))
		require.EqualError(t, err, want)
	}
}

func TestPermalink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ts := b.say(t, "disk full")
	link, err := b.api.GetPermalinkContext(t.Context(), &slack.PermalinkParameters{Channel: alerts, Ts: ts})
	require.NoError(t, err)
	assert.Equal(t, b.url+"/archives/"+alerts+"/p"+strings.Replace(ts, ".", "", 1), link)
	status, body := b.get(t, strings.TrimPrefix(link, b.url))
	assert.Equal(t, http.StatusOK, status, "the link leads to the page")
	assert.Contains(t, body, "disk full")
	reply := b.say(t, "yes", ts)
	link, err = b.api.GetPermalinkContext(t.Context(), &slack.PermalinkParameters{Channel: alerts, Ts: reply})
	require.NoError(t, err)
	assert.Contains(t, link, "?thread_ts="+ts+"&cid="+alerts)
	_, err = b.api.GetPermalinkContext(t.Context(), &slack.PermalinkParameters{Channel: alerts, Ts: "1.000001"})
	require.EqualError(t, err, "message_not_found")
}

func TestCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, err := b.api.PostMessageContext(t.Context(), "C0NOWHERE1", slack.MsgOptionText("x", false))
	require.EqualError(t, err, "channel_not_found")
	_, err = b.api.AuthTestContext(t.Context())
	require.NoError(t, err)
	calls := b.Calls("chat.postMessage")
	require.Len(t, calls, 1)
	assert.Equal(t, map[string]string{"channel": "C0NOWHERE1", "text": "x"}, calls[0].Args, "the token is not kept")
	assert.Equal(t, "channel_not_found", calls[0].Error)
	assert.Equal(t, http.StatusOK, calls[0].Status)
	assert.Len(t, b.Calls(""), 2)
	b.ClearCalls()
	assert.Empty(t, b.Calls(""))
}
