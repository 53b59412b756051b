package slackstand_test

import (
	"fmt"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var all []string
	for i := range 5 {
		all = append([]string{b.say(t, fmt.Sprint(i))}, all...) // newest first
	}
	b.say(t, "a reply is not in the history", all[0])
	history := func(p slack.GetConversationHistoryParameters) (*slack.GetConversationHistoryResponse, []string) {
		p.ChannelID = alerts
		h, err := b.api.GetConversationHistoryContext(t.Context(), &p)
		require.NoError(t, err)
		var got []string
		for _, m := range h.Messages {
			got = append(got, m.Timestamp)
		}
		return h, got
	}
	_, got := history(slack.GetConversationHistoryParameters{})
	assert.Equal(t, all, got)
	_, got = history(slack.GetConversationHistoryParameters{Oldest: all[3], Latest: all[1]})
	assert.Equal(t, all[2:3], got)
	_, got = history(slack.GetConversationHistoryParameters{Oldest: all[3], Latest: all[1], Inclusive: true})
	assert.Equal(t, all[1:4], got)

	var pages [][]string
	p := slack.GetConversationHistoryParameters{Limit: 2}
	for {
		h, got := history(p)
		pages = append(pages, got)
		assert.Equal(t, h.HasMore, h.ResponseMetaData.NextCursor != "")
		if p.Cursor = h.ResponseMetaData.NextCursor; p.Cursor == "" {
			break
		}
	}
	assert.Equal(t, [][]string{all[:2], all[2:4], all[4:]}, pages)
	_, err := b.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: alerts, Cursor: "eA=="})
	require.EqualError(t, err, "invalid_cursor")
	_, err = b.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: "C0NOWHERE1"})
	require.EqualError(t, err, "channel_not_found")
}

func TestReplies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parent := b.say(t, "parent")
	want := []string{parent, b.say(t, "1", parent), b.say(t, "2", parent)}
	var got []string
	p := slack.GetConversationRepliesParameters{ChannelID: alerts, Timestamp: parent, Limit: 2}
	for {
		msgs, _, next, err := b.api.GetConversationRepliesContext(t.Context(), &p)
		require.NoError(t, err)
		for _, m := range msgs {
			got = append(got, m.Timestamp)
		}
		if p.Cursor = next; next == "" {
			break
		}
	}
	assert.Equal(t, want, got)
	_, _, _, err := b.api.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{ChannelID: alerts, Timestamp: "1.000001"})
	require.EqualError(t, err, "thread_not_found")
}

func TestConversations(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *slackstand.Options) {
		o.Channels = append(o.Channels, slackstand.Channel{ID: "C0BILLING1", Topic: "money"},
			slackstand.Channel{ID: "G0ONCALL01", Private: true}, slackstand.Channel{ID: "G0SECRET01", Private: true, Outside: true})
	})
	c, err := b.api.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: "C0BILLING1"})
	require.NoError(t, err)
	assert.Equal(t, "billing", c.Name)
	assert.Equal(t, "money", c.Topic.Value)
	assert.True(t, c.IsMember)
	_, err = b.api.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: "G0SECRET01"})
	require.EqualError(t, err, "channel_not_found")

	list := func(p slack.GetConversationsParameters) (names []string) {
		for {
			page, next, err := b.api.GetConversationsContext(t.Context(), &p)
			require.NoError(t, err)
			for _, c := range page {
				names = append(names, c.Name)
			}
			if p.Cursor = next; next == "" {
				return names
			}
		}
	}
	assert.Equal(t, []string{"alerts", "billing"}, list(slack.GetConversationsParameters{}))
	assert.Equal(t, []string{"alerts", "billing", "oncall"},
		list(slack.GetConversationsParameters{Limit: 1, Types: []string{"public_channel", "private_channel"}}))
}

func TestPageSizesWithoutALimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	root := b.say(t, "is it down?")
	for i := range 120 {
		b.say(t, fmt.Sprint(i), root)
		b.say(t, fmt.Sprint(i))
	}
	thread, more, _, err := b.api.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{ChannelID: alerts, Timestamp: root})
	require.NoError(t, err)
	assert.Len(t, thread, 121)
	assert.False(t, more)
	history, err := b.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: alerts})
	require.NoError(t, err)
	assert.Len(t, history.Messages, 100)
	assert.True(t, history.HasMore)
}
