package slackstand_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
)

// asked posts a message with two buttons.
func (b *bench) asked(t *testing.T) string {
	t.Helper()
	button := func(id string) *slack.ButtonBlockElement {
		return slack.NewButtonBlockElement(id, "v-"+id, slack.NewTextBlockObject(slack.PlainTextType, "Do "+id, false, false)).WithStyle(slack.StylePrimary)
	}
	_, ts, err := b.api.PostMessageContext(t.Context(), alerts, slack.MsgOptionText("Well?", false),
		slack.MsgOptionBlocks(slack.NewActionBlock("choice", button("yes"), button("no"))))
	require.NoError(t, err)
	return ts
}

func interactive(url string) func(*slackstand.Options) {
	return func(o *slackstand.Options) { o.InteractiveURL = url }
}

func TestAClickIsDeliveredAsSlackDoes(t *testing.T) {
	t.Parallel()
	rec := receive(t, nil)
	b := setup(t, interactive(rec.url))
	ts := b.asked(t)
	d, err := b.Click(t.Context(), ts, "U0ALICE001", "no")
	require.NoError(t, err)
	assert.True(t, d.Taken())
	got := rec.deliveries()
	require.Len(t, got, 1)
	require.NoError(t, got[0].err, "the signature holds")
	assert.Equal(t, "application/x-www-form-urlencoded", got[0].header.Get("Content-Type"))
	form, err := url.ParseQuery(string(got[0].body))
	require.NoError(t, err)
	var call slack.InteractionCallback
	require.NoError(t, json.Unmarshal([]byte(form.Get("payload")), &call))
	assert.Equal(t, slack.InteractionTypeBlockActions, call.Type)
	assert.Equal(t, "U0ALICE001", call.User.ID)
	assert.Equal(t, alerts, call.Channel.ID)
	assert.Equal(t, ts, call.Container.MessageTs)
	assert.Equal(t, ts, call.Message.Timestamp)
	require.Len(t, call.ActionCallback.BlockActions, 1)
	action := call.ActionCallback.BlockActions[0]
	assert.Equal(t, []string{"no", "choice", "v-no"}, []string{action.ActionID, action.BlockID, action.Value})
	assert.NotEmpty(t, action.ActionTs)
}

func TestClicksThatGoNowhere(t *testing.T) {
	t.Parallel()
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	b := setup(t, interactive(rec.url))
	ts := b.asked(t)
	_, err := b.Click(t.Context(), ts, "U0ALICE001", "yes")
	require.ErrorIs(t, err, slackstand.ErrRefused)
	for _, bad := range [][3]string{{ts, "U0ALICE001", "maybe"}, {"1.000001", "U0ALICE001", "yes"}} {
		_, err = b.Click(t.Context(), bad[0], bad[1], bad[2])
		require.ErrorIs(t, err, slackstand.ErrNoButton)
	}
	_, err = b.Click(t.Context(), ts, "<b>", "yes")
	require.Error(t, err)
	assert.Len(t, rec.deliveries(), 1)
	none := setup(t)
	_, err = none.Click(t.Context(), none.asked(t), "U0ALICE001", "yes")
	require.ErrorContains(t, err, "no URL")
}

func TestThePageHasButtonsToPress(t *testing.T) {
	t.Parallel()
	rec := receive(t, nil)
	b := setup(t, interactive(rec.url))
	ts := b.asked(t)
	_, page := b.get(t, "/channel/"+alerts)
	assert.Contains(t, page, `<form class="b-actions" method="post" action="/click/`+ts+`">`)
	assert.Contains(t, page, `<button class="btn primary" type="submit" name="action" value="yes">Do yes</button>`)
	assert.Less(t, strings.Index(page, `value="`+slackstand.Composer+`"`), strings.Index(page, `value="U0ALICE001"`), "whoever looks comes first")

	press := func(ts, action string) (int, string) {
		form := url.Values{"user": {"U0ALICE001"}, "action": {action}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/click/"+ts, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return do(t, req)
	}
	status, page := press(ts, "yes")
	assert.Equal(t, http.StatusOK, status)
	assert.NotContains(t, page, `class="notice"`)
	assert.Len(t, rec.deliveries(), 1)
	_, page = press(ts, "maybe")
	assert.Contains(t, page, "no such button")
	status, _ = press("1.000001", "yes")
	assert.Equal(t, http.StatusNotFound, status)

	_, _, _, err := b.api.UpdateMessageContext(t.Context(), alerts, ts, slack.MsgOptionText("Done", false), slack.MsgOptionBlocks(
		slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, "Done", false, false), nil, nil)))
	require.NoError(t, err)
	_, page = b.get(t, "/channel/"+alerts)
	assert.NotContains(t, page, "<button class=\"btn")
}

func TestAMessageForOnePersonIsInNoHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.api.PostEphemeralContext(t.Context(), alerts, "U0ALICE001", slack.MsgOptionText("Not you", false))
	require.NoError(t, err)
	assert.Equal(t, []string{"Not you"}, b.Whispers(alerts, "U0ALICE001"))
	assert.Empty(t, b.Whispers(alerts, "U0OTHER001"))
	h, err := b.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: alerts})
	require.NoError(t, err)
	assert.Empty(t, h.Messages)
	_, page := b.get(t, "/channel/"+alerts)
	assert.Contains(t, page, "Only visible to alice")
	assert.Contains(t, page, "Not you")
	_, err = b.api.PostEphemeralContext(t.Context(), alerts, "U0STRANGER", slack.MsgOptionText("Who are you", false))
	require.NoError(t, err)
	_, page = b.get(t, "/channel/"+alerts)
	assert.Contains(t, page, "Only visible to U0STRANGER")
	_, err = b.api.PostEphemeralContext(t.Context(), "C0NOWHERE1", "U0ALICE001", slack.MsgOptionText("x", false))
	require.ErrorContains(t, err, "channel_not_found")
}
