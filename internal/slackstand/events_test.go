package slackstand_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
)

func to(rec *receiver, more ...func(*slackstand.Options)) func(*slackstand.Options) {
	return func(o *slackstand.Options) {
		o.EventsURL = rec.url
		for _, f := range more {
			f(o)
		}
	}
}

// inner parses a delivery with slack-go and returns its inner event.
func inner(t *testing.T, body []byte) any {
	t.Helper()
	e, err := slackevents.ParseEvent(body, slackevents.OptionNoVerifyToken())
	require.NoError(t, err)
	assert.Equal(t, "T0NERVE001", e.TeamID)
	assert.Equal(t, "A0NERVE001", e.APIAppID)
	return e.InnerEvent.Data
}

func TestPostDeliversSignedEvent(t *testing.T) {
	t.Parallel()
	rec := receive(t, nil)
	b := setup(t, to(rec))
	p, err := b.Post(t.Context(), alerts, slackstand.Message{User: "U0ALICE001", Text: "why is checkout slow?"})
	require.NoError(t, err)
	require.Len(t, rec.deliveries(), 1)
	got := rec.deliveries()[0]
	require.NoError(t, got.err, "the signature holds")
	assert.Equal(t, p.EventBody, got.body)
	assert.Equal(t, "application/json", got.header.Get("Content-Type"))
	assert.Empty(t, got.header.Get("X-Slack-Retry-Num"))
	m, ok := inner(t, got.body).(*slackevents.MessageEvent)
	require.True(t, ok)
	assert.Equal(t, "U0ALICE001", m.User)
	assert.Equal(t, "why is checkout slow?", m.Text)
	assert.Equal(t, alerts, m.Channel)
	assert.Equal(t, p.TS, m.TimeStamp)
	assert.Equal(t, "channel", m.ChannelType)
	assert.NotEmpty(t, m.ClientMsgID)
	require.NoError(t, b.api.AddReactionContext(t.Context(), "eyes", slack.NewRefToMessage(alerts, m.TimeStamp)))

	second, err := b.Post(t.Context(), alerts, slackstand.Message{User: "U0ALICE001", Text: "still?", ThreadTS: p.TS})
	require.NoError(t, err)
	assert.NotEqual(t, p.EventID, second.EventID)
	m, ok = inner(t, second.EventBody).(*slackevents.MessageEvent)
	require.True(t, ok)
	assert.Equal(t, p.TS, m.ThreadTimeStamp)
}

func TestBotMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	attachments := []slack.Attachment{{Color: "danger", Title: "CPU is high"}}
	hook, err := b.Post(t.Context(), "C0NEW00001", slackstand.Message{Bot: &slackstand.Bot{Name: "Datadog"}, Attachments: attachments})
	require.NoError(t, err, "a channel is made on demand")
	m, ok := inner(t, hook.EventBody).(*slackevents.MessageEvent)
	require.True(t, ok)
	assert.Equal(t, "bot_message", m.SubType)
	assert.Equal(t, "Datadog", m.Username)
	assert.Equal(t, "B0DATADOG", m.BotID)
	assert.Empty(t, m.User)
	require.Len(t, m.Message.Attachments, 1)
	assert.Equal(t, "CPU is high", m.Message.Attachments[0].Title)

	app, err := b.Post(t.Context(), alerts, slackstand.Message{
		Bot: &slackstand.Bot{ID: "B0GRAFANA1", Name: "Grafana", AppID: "A0GRAFANA1", UserID: "U0GRAFANA1"}, Text: "firing",
	})
	require.NoError(t, err)
	m, ok = inner(t, app.EventBody).(*slackevents.MessageEvent)
	require.True(t, ok)
	assert.Empty(t, m.SubType)
	assert.Equal(t, "U0GRAFANA1", m.User)
	assert.Equal(t, "B0GRAFANA1", m.BotID)
	assert.Contains(t, string(app.EventBody), `"app_id":"A0GRAFANA1"`)
}

func TestMentionMakesTwoEvents(t *testing.T) {
	t.Parallel()
	rec := receive(t, nil)
	b := setup(t, to(rec))
	p, err := b.Post(t.Context(), alerts, slackstand.Message{User: "U0ALICE001", Text: "<@U0NERVE001> why?"})
	require.NoError(t, err)
	require.Len(t, p.Deliveries, 2)
	assert.NotEqual(t, p.Deliveries[0].EventID, p.Deliveries[1].EventID)
	got := rec.deliveries()
	require.Len(t, got, 2)
	require.NoError(t, got[1].err)
	mention, ok := inner(t, got[1].body).(*slackevents.AppMentionEvent)
	require.True(t, ok)
	assert.Equal(t, p.TS, mention.TimeStamp)
}

func TestPostRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		channel string
		m       slackstand.Message
	}{
		"nobody":         {alerts, slackstand.Message{Text: "x"}},
		"two authors":    {alerts, slackstand.Message{User: "U0ALICE001", Bot: &slackstand.Bot{Name: "x"}, Text: "x"}},
		"nothing":        {alerts, slackstand.Message{User: "U0ALICE001"}},
		"user":           {alerts, slackstand.Message{User: "alice", Text: "x"}},
		"nameless bot":   {alerts, slackstand.Message{Bot: &slackstand.Bot{}, Text: "x"}},
		"channel":        {"alerts", slackstand.Message{User: "U0ALICE001", Text: "x"}},
		"blocks no list": {alerts, slackstand.Message{User: "U0ALICE001", Text: "x", Blocks: map[string]string{}}},
		"bad blocks":     {alerts, slackstand.Message{User: "U0ALICE001", Text: "x", Attachments: func() {}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.Post(t.Context(), c.channel, c.m)
			require.ErrorContains(t, err, "slackstand: ")
		})
	}
}

func TestStoreOnly(t *testing.T) {
	t.Parallel()
	rec := receive(t, nil)
	b := setup(t, to(rec))
	p, err := b.Post(t.Context(), alerts, slackstand.Message{User: "U0ALICE001", Text: "x", StoreOnly: true})
	require.NoError(t, err)
	assert.NotEmpty(t, p.EventBody)
	assert.Empty(t, rec.deliveries())
	assert.Equal(t, []string{"x"}, b.texts(t))
}

func TestRetries(t *testing.T) {
	t.Parallel()
	statuses := []int{500, 404, 200}
	rec := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(statuses[n]) })
	b := setup(t, to(rec, func(o *slackstand.Options) { o.RetryDelays = make([]time.Duration, 3) }))
	p, err := b.Post(t.Context(), alerts, slackstand.Message{User: "U0ALICE001", Text: "x"})
	require.ErrorIs(t, err, slackstand.ErrRefused)
	assert.Equal(t, 500, p.Deliveries[0].Status)
	assert.True(t, p.Deliveries[0].Retried)
	require.Eventually(t, func() bool { return len(rec.deliveries()) == 3 }, 10*time.Second, time.Millisecond)
	require.NoError(t, b.Close(), "waits for what is under way")
	got := rec.deliveries()
	require.Len(t, got, 3, "a delivery that was taken is not repeated")
	for i, d := range got[1:] {
		require.NoError(t, d.err)
		assert.Equal(t, p.EventBody, d.body, "the same event")
		assert.Equal(t, []string{"1", "2"}[i], d.header.Get("X-Slack-Retry-Num"))
		assert.Equal(t, "http_error", d.header.Get("X-Slack-Retry-Reason"))
	}
}

func TestNoRetry(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		delays []time.Duration
		header string
	}{
		"off":               {nil, ""},
		"the receiver says": {make([]time.Duration, 3), "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Slack-No-Retry", c.header)
				w.WriteHeader(http.StatusInternalServerError)
			})
			b := setup(t, to(rec, func(o *slackstand.Options) { o.RetryDelays = c.delays }))
			p, err := b.Post(t.Context(), alerts, slackstand.Message{User: "U0ALICE001", Text: "x"})
			require.ErrorIs(t, err, slackstand.ErrRefused)
			assert.False(t, p.Deliveries[0].Retried)
			require.NoError(t, b.Close())
			assert.Len(t, rec.deliveries(), 1)
		})
	}
}

func TestRetryReasons(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	slow := receive(t, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	loop := receive(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
	})
	for want, url := range map[string]string{
		"connection_failed": gone.URL, "http_timeout": slow.url, "too_many_redirects": loop.url,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *slackstand.Options) { o.EventsURL, o.AckTimeout = url, 100*time.Millisecond })
			p, err := b.Post(t.Context(), alerts, slackstand.Message{User: "U0ALICE001", Text: "x"})
			require.ErrorIs(t, err, slackstand.ErrRefused)
			assert.Equal(t, want, p.Deliveries[0].Failure)
			if want == "too_many_redirects" {
				assert.Len(t, loop.deliveries(), 3, "the first request and two redirects")
			}
		})
	}
}

func TestEcho(t *testing.T) {
	t.Parallel()
	rec := receive(t, nil)
	b := setup(t, to(rec, func(o *slackstand.Options) { o.Echo = true }))
	_, ts, err := b.api.PostMessageContext(t.Context(), alerts, slack.MsgOptionText("first", false))
	require.NoError(t, err)
	_, _, _, err = b.api.UpdateMessageContext(t.Context(), alerts, ts, slack.MsgOptionText("second", false))
	require.NoError(t, err)
	require.NoError(t, b.api.AddReactionContext(t.Context(), "eyes", slack.NewRefToMessage(alerts, ts)))
	require.Eventually(t, func() bool { return len(rec.deliveries()) == 3 }, 10*time.Second, time.Millisecond)
	seen := map[string]bool{}
	for _, d := range rec.deliveries() {
		require.NoError(t, d.err)
		switch e := inner(t, d.body).(type) {
		case *slackevents.MessageEvent:
			seen[e.SubType] = true
			if e.SubType == "message_changed" {
				assert.Equal(t, "second", e.Message.Text)
				assert.Equal(t, "first", e.PreviousMessage.Text)
			} else {
				assert.Equal(t, "B0NERVE001", e.BotID)
			}
		case *slackevents.ReactionAddedEvent:
			seen[e.Reaction] = true
			assert.Equal(t, ts, e.Item.Timestamp)
			assert.Equal(t, "U0NERVE001", e.User)
		}
	}
	assert.Equal(t, map[string]bool{"": true, "message_changed": true, "eyes": true}, seen)
}

// Close gives up what is under way, and returns when it has ended.
func TestCloseEndsDeliveries(t *testing.T) {
	t.Parallel()
	rec := receive(t, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	var log bytes.Buffer // not safe for use while a delivery still runs, which is the point
	b := setup(t, to(rec, func(o *slackstand.Options) {
		o.Echo, o.RetryDelays, o.AckTimeout = true, []time.Duration{time.Hour}, time.Hour
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	}))
	require.NoError(t, b.postText(t.Context(), "x"))
	require.Eventually(t, func() bool { return len(rec.deliveries()) == 1 }, 10*time.Second, time.Millisecond)
	require.NoError(t, b.Close())
	assert.Contains(t, log.String(), "event not delivered")
	require.NoError(t, b.Close(), "a second time is no harm")
}

func TestVerifyURL(t *testing.T) {
	t.Parallel()
	answers := true
	rec := receive(t, nil)
	rec.answer = func(n int, w http.ResponseWriter, _ *http.Request) {
		var in struct{ Type, Challenge string }
		assert.NoError(t, json.Unmarshal(rec.deliveries()[n].body, &in)) //nolint:testifylint // not the test's goroutine
		if answers && in.Type == "url_verification" {
			_, _ = w.Write([]byte(in.Challenge))
		}
	}
	b := setup(t, to(rec))
	require.NoError(t, b.VerifyURL(t.Context()))
	require.NoError(t, rec.deliveries()[0].err)
	answers = false
	require.ErrorContains(t, b.VerifyURL(t.Context()), "did not return the challenge")
	require.Error(t, setup(t).VerifyURL(t.Context()))
}
