package slack_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/slack"
	"github.com/nerve-alerts/nerve/internal/slackstand"
)

const channel = "C0ALERTS01"

// bundle is a client on a stand-in workspace with one alert in it.
type bundle struct {
	stand  *slackstand.Server
	client *slack.Client
	alert  incident.SlackRef
	token  string
}

func setup(t *testing.T) *bundle {
	t.Helper()
	token := "xoxb-test-" + strings.Repeat("1", 12)
	stand, err := slackstand.New(slackstand.Options{Token: token, Channels: []slackstand.Channel{{ID: channel}}})
	require.NoError(t, err)
	server := httptest.NewServer(stand.Handler())
	t.Cleanup(func() {
		server.Close()
		assert.NoError(t, stand.Close())
	})
	client, err := slack.New(token, server.URL+"/api/", nil)
	require.NoError(t, err)
	posted, err := stand.Post(t.Context(), channel, slackstand.Message{Bot: &slackstand.Bot{Name: "Monitoring"}, Text: "Disk is full"})
	require.NoError(t, err)
	return &bundle{stand, client, incident.SlackRef{ChannelID: channel, MessageTS: posted.TS, ThreadTS: posted.TS}, token}
}

func report() incident.Report {
	return incident.Report{
		Signal: incident.Signal{
			IncidentID: "slack_1_2", Source: "slack", Title: "Disk is full", Severity: incident.SeverityHigh,
			Timestamp: time.Unix(1770517375, 0),
		},
		Status: incident.StatusFiring, Occurrences: 1,
		Verdict: &incident.Verdict{
			Summary: "Disk is full on web-01", LikelyCause: "a disk is filling up", Confidence: incident.ConfidenceLow,
			Analyst: incident.AnalystRules, NextSteps: []string{"Free the volume."},
			Claims: []incident.Claim{{Text: "The alert says so", Evidence: []string{"E1"}}},
		},
		Evidence: []incident.Evidence{{ID: "E1", Title: "The alert itself", Text: "Disk is full"}},
	}
}

func TestReactingTwiceIsOneReaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.client.React(t.Context(), b.alert, slack.Eyes))
	require.NoError(t, b.client.React(t.Context(), b.alert, slack.Eyes))
}

func TestOnlyTakesNervesOwnReactionsOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.client.React(t.Context(), b.alert, slack.Eyes))
	require.NoError(t, b.client.React(t.Context(), b.alert, "x"))
	require.NoError(t, b.client.React(t.Context(), b.alert, "white_check_mark"))
	require.NoError(t, b.client.Only(t.Context(), b.alert, "white_check_mark"))
	assert.Len(t, b.stand.Calls("reactions.remove"), 2)
	require.NoError(t, b.client.Only(t.Context(), b.alert, "white_check_mark"), "again changes nothing")
	assert.Len(t, b.stand.Calls("reactions.remove"), 2)
}

func TestAnAnswerIsPostedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, err := b.client.Answer(t.Context(), b.alert, "", report())
	require.NoError(t, err)
	again, err := b.client.Answer(t.Context(), b.alert, "", report())
	require.NoError(t, err)
	assert.Equal(t, first, again, "a repeat that does not know of the first finds it by its metadata")
	assert.Len(t, b.stand.Calls("chat.postMessage"), 1)
	assert.Len(t, b.stand.Calls("chat.update"), 1)
}

func TestAnAnswerWhoseFirstReplyWasLostIsPostedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stand.Fail(slackstand.Fault{Method: "chat.postMessage", Times: 1, Drop: true, After: true})
	_, err := b.client.Answer(t.Context(), b.alert, "", report())
	var failed *slack.Error
	require.ErrorAs(t, err, &failed)
	assert.True(t, failed.Retryable())
	_, err = b.client.Answer(t.Context(), b.alert, "", report())
	require.NoError(t, err)
	assert.Len(t, b.stand.Calls("chat.postMessage"), 1)
	assert.Len(t, b.stand.Calls("chat.update"), 1, "the message was there: it is edited")
}

func TestAHeadlineOpensAThreadAndIsEdited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref, err := b.client.Headline(t.Context(), channel, nil, report())
	require.NoError(t, err)
	again, err := b.client.Headline(t.Context(), channel, nil, report())
	require.NoError(t, err)
	assert.Equal(t, ref, again)
	ts, err := b.client.Answer(t.Context(), ref, "", report())
	require.NoError(t, err)
	assert.NotEqual(t, ref.MessageTS, ts, "the headline is not taken for the answer in its own thread")
}

func TestTheThreadIsReadWithoutNervesOwnWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.client.Answer(t.Context(), b.alert, "", report())
	require.NoError(t, err)
	_, err = b.stand.Post(t.Context(), channel, slackstand.Message{User: "U0ENGINEER", Text: "we deployed at noon", ThreadTS: b.alert.MessageTS})
	require.NoError(t, err)
	said, err := b.client.Thread(t.Context(), b.alert)
	require.NoError(t, err)
	require.Len(t, said, 1)
	assert.Equal(t, "we deployed at noon", said[0].Text)
	assert.Equal(t, "U0ENGINEER", said[0].Author)
	assert.False(t, said[0].At.IsZero())
}

// Slack gives a thread oldest first, a page at a time.
func TestALongThreadIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 1000 {
		_, err := b.stand.Post(t.Context(), channel, slackstand.Message{
			User: "U0ENGINEER", Text: fmt.Sprintf("reply %d", i), ThreadTS: b.alert.MessageTS, StoreOnly: true,
		})
		require.NoError(t, err)
	}
	said, err := b.client.Thread(t.Context(), b.alert)
	require.NoError(t, err)
	require.NotEmpty(t, said)
	assert.Equal(t, "reply 999", said[len(said)-1].Text)

	ts, err := b.client.Answer(t.Context(), b.alert, "", report())
	require.NoError(t, err)
	again, err := b.client.Answer(t.Context(), b.alert, "", report())
	require.NoError(t, err)
	assert.Equal(t, ts, again, "a repeat finds the answer behind a thousand replies")

	require.NoError(t, b.client.Note(t.Context(), b.alert, "k1", "somebody is on it"))
	require.NoError(t, b.client.Note(t.Context(), b.alert, "k1", "somebody is on it"))
	assert.Len(t, b.stand.Calls("chat.postMessage"), 2, "one answer, one note")
}

func TestTheThreadIsReadAsPeopleSeeIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.stand.Post(t.Context(), channel, slackstand.Message{
		User: "U0ENGINEER", Text: "disk &gt; 90 % &amp; rising", ThreadTS: b.alert.MessageTS,
	})
	require.NoError(t, err)
	said, err := b.client.Thread(t.Context(), b.alert)
	require.NoError(t, err)
	require.Len(t, said, 1)
	assert.Equal(t, "disk > 90 % & rising", said[0].Text)
}

func TestErrorsSayWhetherARetryHelps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fault slackstand.Fault
		code  string
		retry bool
		after time.Duration
	}{
		{"channel", slackstand.Fault{Error: "channel_not_found"}, "slack/channel_not_found", false, 0},
		{"token", slackstand.Fault{Error: "invalid_auth"}, "slack/invalid_auth", false, 0},
		{"blocks", slackstand.Fault{Error: "msg_blocks_too_long"}, "slack/msg_blocks_too_long", false, 0},
		{"internal", slackstand.Fault{Error: "internal_error"}, "slack/internal_error", true, 0},
		{"unavailable", slackstand.Fault{Status: http.StatusServiceUnavailable}, "slack/http_503", true, 0},
		{"limited", slackstand.Fault{Status: http.StatusTooManyRequests, RetryAfter: 7 * time.Second}, "slack/ratelimited", true, 7 * time.Second},
		{"gone", slackstand.Fault{Drop: true}, "slack/network", true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tt.fault.Method, tt.fault.Times = "chat.postMessage", 1
			b.stand.Fail(tt.fault)
			_, err := b.client.Answer(t.Context(), b.alert, "", report())
			var failed *slack.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, tt.code, failed.Code())
			assert.Equal(t, tt.retry, failed.Retryable())
			assert.Equal(t, tt.after, failed.RetryAfter())
			assert.NotContains(t, err.Error(), b.token)
			assert.NotContains(t, err.Error(), "Disk")
		})
	}
}

func TestATimeoutIsNoAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var failed *slack.Error
	require.ErrorAs(t, b.client.React(ctx, b.alert, slack.Eyes), &failed)
	assert.Equal(t, "slack/timeout", failed.Code())
}

func TestNoTokenNoClient(t *testing.T) {
	t.Parallel()
	_, err := slack.New(" ", "", nil)
	require.ErrorContains(t, err, "SLACK_BOT_TOKEN")
}

// Slack refuses a message over its limits, and so does the stand-in.
func TestTheLongestReportIsInsideSlacksLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := report()
	long := strings.Repeat("<&>😀*_`| ", 4000)
	r.Signal.Title, r.Signal.Description, r.Verdict.Summary, r.Verdict.LikelyCause = long, long, long, long
	r.AcknowledgedBy, r.ResolvedBy, r.Status = long, long, incident.StatusResolved
	for range 60 {
		r.Signal.Links = append(r.Signal.Links, incident.Link{Title: long, URL: "https://example.com/" + strings.Repeat("a", 1500)})
		r.Evidence = append(r.Evidence, incident.Evidence{ID: "E2", Title: long, Text: long, URL: "https://example.com/" + long})
		r.Verdict.Claims = append(r.Verdict.Claims, incident.Claim{Text: long, Evidence: []string{"E1", "E2"}})
		r.Verdict.NextSteps = append(r.Verdict.NextSteps, long)
	}
	_, err := b.client.Answer(t.Context(), b.alert, "", r)
	require.NoError(t, err)
	_, err = b.client.Headline(t.Context(), channel, nil, r)
	require.NoError(t, err)
	r.Failure = long
	_, err = b.client.Answer(t.Context(), b.alert, "", r)
	require.NoError(t, err)
	// chat.update takes less than chat.postMessage, and counts what is escaped.
	r.Signal.Title, r.Failure, r.Verdict.Summary = strings.Repeat("&", 4000), "", strings.Repeat("&", 4000)
	_, err = b.client.Headline(t.Context(), channel, nil, r)
	require.NoError(t, err)
	_, err = b.client.Answer(t.Context(), b.alert, "", r)
	require.NoError(t, err)
}

func TestALinkIsNotCutInTwo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := report()
	for range 5 {
		r.Signal.Links = append(r.Signal.Links, incident.Link{Title: "Graph", URL: "https://graphs.example.com/?" + strings.Repeat("a=1&", 200) + "z=1"})
	}
	_, err := b.client.Headline(t.Context(), channel, nil, r)
	require.NoError(t, err)
	found := links(t, b.stand.Calls("chat.postMessage")[0].Args["blocks"])
	require.Len(t, found, 5)
	for _, l := range found {
		assert.Equal(t, [2]string{r.Signal.Links[0].URL, "Graph"}, l)
	}
}

func TestAnAnswerToADeletedMessageIsNotSilence(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gone := incident.SlackRef{ChannelID: channel, MessageTS: "1.000001", ThreadTS: "1.000001"}
	ts, err := b.client.Answer(t.Context(), gone, "", report())
	require.NoError(t, err)
	assert.NotEmpty(t, ts)
	assert.Len(t, b.stand.Calls("chat.postMessage"), 1)
}
