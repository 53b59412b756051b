package slackstand_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
)

func (b *bench) postText(ctx context.Context, text string) error {
	_, _, err := b.api.PostMessageContext(ctx, alerts, slack.MsgOptionText(text, false))
	return err //nolint:wrapcheck // the test looks at slack-go's own errors
}

func (b *bench) texts(t *testing.T) []string {
	t.Helper()
	h, err := b.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: alerts})
	require.NoError(t, err)
	var out []string
	for _, m := range h.Messages {
		out = append(out, m.Text)
	}
	return out
}

func TestFaultAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Fail(slackstand.Fault{Method: "chat.postMessage", Error: "fatal_error", Times: 2})
	b.Fail(slackstand.Fault{Method: "chat.postMessage", Status: http.StatusBadGateway})
	b.Fail(slackstand.Fault{Method: "chat.postMessage", Error: "ratelimited", RetryAfter: 7 * time.Second})
	b.Fail(slackstand.Fault{Method: "chat.postMessage", Status: http.StatusTooManyRequests, RetryAfter: 1500 * time.Millisecond})

	_, err := b.api.AuthTestContext(t.Context())
	require.NoError(t, err, "another method is not touched")
	require.EqualError(t, b.postText(t.Context(), "1"), "fatal_error")
	require.EqualError(t, b.postText(t.Context(), "2"), "fatal_error")
	var status slack.StatusCodeError
	require.ErrorAs(t, b.postText(t.Context(), "3"), &status)
	assert.Equal(t, http.StatusBadGateway, status.Code)
	var limited *slack.RateLimitedError
	require.ErrorAs(t, b.postText(t.Context(), "4"), &limited)
	assert.Equal(t, 7*time.Second, limited.RetryAfter)
	require.ErrorAs(t, b.postText(t.Context(), "5"), &limited)
	assert.Equal(t, 2*time.Second, limited.RetryAfter, "whole seconds, rounded up")
	require.NoError(t, b.postText(t.Context(), "6"))
	assert.Equal(t, []string{"6"}, b.texts(t))

	b.Fail(slackstand.Fault{Error: "fatal_error", Times: -1})
	for range 3 {
		_, err := b.api.AuthTestContext(t.Context())
		require.EqualError(t, err, "fatal_error")
	}
	b.ClearFaults()
	_, err = b.api.AuthTestContext(t.Context())
	require.NoError(t, err)
}

// The failures after the work are the ones that make a caller post twice.
func TestFaultsAfterTheWork(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]slackstand.Fault{
		"error":      {Error: "internal_error"},
		"status":     {Status: http.StatusServiceUnavailable},
		"connection": {Drop: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			f.Method, f.After = "chat.postMessage", true
			b.Fail(f)
			require.Error(t, b.postText(t.Context(), "done all the same"))
			assert.Equal(t, []string{"done all the same"}, b.texts(t))
			f.After = false
			b.Fail(f)
			require.Error(t, b.postText(t.Context(), "not done"))
			assert.Equal(t, []string{"done all the same"}, b.texts(t))
		})
	}
}

func TestHang(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]bool{"before the work": false, "after the work": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.Fail(slackstand.Fault{Method: "chat.postMessage", Hang: time.Hour, After: after})
			ctx, giveUp := context.WithCancel(t.Context())
			failed := make(chan error, 1)
			go func() { failed <- b.postText(ctx, "slow") }()
			require.Eventually(t, func() bool {
				c := b.Calls("chat.postMessage")
				return len(c) == 1 && (!after || c[0].Status == http.StatusOK)
			}, 10*time.Second, time.Millisecond)
			giveUp()
			require.ErrorIs(t, <-failed, context.Canceled)
			if after {
				assert.Equal(t, []string{"slow"}, b.texts(t))
			} else {
				assert.Empty(t, b.texts(t))
			}
		})
	}
}

func TestPostInterval(t *testing.T) {
	t.Parallel()
	clock := newClock()
	b := setup(t, func(o *slackstand.Options) {
		o.Now = clock.Now
		o.Channels = append(o.Channels, slackstand.Channel{ID: "C0BILLING1"})
	})
	require.NoError(t, b.postText(t.Context(), "no limit yet"))
	require.NoError(t, b.postText(t.Context(), "no limit yet"))
	b.SetPostInterval(time.Second)
	require.NoError(t, b.postText(t.Context(), "1"))
	var limited *slack.RateLimitedError
	require.ErrorAs(t, b.postText(t.Context(), "2"), &limited)
	assert.Equal(t, time.Second, limited.RetryAfter)
	_, _, err := b.api.PostMessageContext(t.Context(), "C0BILLING1", slack.MsgOptionText("another channel", false))
	require.NoError(t, err)
	clock.move(time.Second)
	require.NoError(t, b.postText(t.Context(), "3"))
	assert.Equal(t, []string{"3", "1", "no limit yet", "no limit yet"}, b.texts(t))
}
