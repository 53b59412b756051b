package dev

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/slackstand"
	"github.com/nerve-alerts/nerve/providers"
)

// newStory is a demo on a Slack stand-in and a front that answers with status
// and body. The story on a whole nerve is testsuite's.
func newStory(t *testing.T, answers ...string) (*demo, *bytes.Buffer) {
	t.Helper()
	n := 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		status, body, _ := strings.Cut(answers[min(n, len(answers)-1)], " ")
		n++
		if status == "401" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(front.Close)
	token := "xoxb-" + strings.Repeat("1", 12)
	stand, err := slackstand.New(slackstand.Options{Token: token, Channels: []slackstand.Channel{{ID: AlertsChannel}}})
	require.NoError(t, err)
	web := httptest.NewServer(stand.Handler())
	t.Cleanup(func() { web.Close(); require.NoError(t, stand.Close()) })
	out := &bytes.Buffer{}
	d := &Dev{Stand: stand, Note: state.Note{IngestURL: front.URL, Secrets: map[string]string{
		"slack": strings.Repeat("s", 32), "datadog": strings.Repeat("d", 32), "zendesk": strings.Repeat("z", 32),
	}}}
	return &demo{dev: d, out: out, api: slackgo.New(token, slackgo.OptionAPIURL(web.URL+"/api/"))}, out
}

func TestDemoTellsARefusalFromAnAcceptance(t *testing.T) {
	t.Parallel()
	for answer, failed := range map[string]int{`401 {"code":"WEBHOOK_SIGNATURE_INVALID"}`: 0, `200 {"status":"enqueued"}`: 2} {
		s, out := newStory(t, answer)
		require.NoError(t, s.forged(t.Context()))
		require.NoError(t, s.stale(t.Context()))
		assert.Equal(t, failed, s.failed, out.String())
		assert.Equal(t, failed, strings.Count(out.String(), "✗"))
		assert.Equal(t, 2-failed, strings.Count(out.String(), "✓"))
		assert.Equal(t, 2-failed, strings.Count(out.String(), "nothing was read of it"), "it is said of a refused one only")
		assert.Equal(t, failed, strings.Count(out.String(), "200 enqueued; it should have been refused"))
	}
}

func TestDemoWantsARetryToBeADuplicate(t *testing.T) {
	t.Parallel()
	s, out := newStory(t, `200 {"status":"enqueued"}`, `200 {"status":"duplicate"}`)
	require.NoError(t, s.replayed(t.Context()))
	assert.Zero(t, s.failed, out.String())
	assert.Contains(t, out.String(), "200 enqueued, then 200 duplicate; one incident")
	s, out = newStory(t, `200 {"status":"enqueued"}`)
	require.NoError(t, s.replayed(t.Context()))
	assert.Equal(t, 1, s.failed, "it was processed twice")
	assert.NotContains(t, out.String(), "one incident")
}

// A message counts as answered when nerve reacted to it and replied in its thread.
func TestDemoWatchesAMessage(t *testing.T) {
	t.Parallel()
	s, out := newStory(t, "200 {}")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	answered := make(chan error, 1)
	go func() { answered <- s.answerFirst(ctx, activities.LightInconclusive) }()
	require.NoError(t, s.question(ctx))
	require.NoError(t, <-answered)
	assert.Zero(t, s.failed, out.String())
	assert.Regexp(t, `👀 after [0-9.]+m?s; answered in its thread (at once|after)`, out.String())
}

// The note in the thread of a failed incident is no answer.
func TestDemoTellsThatAnIncidentFailed(t *testing.T) {
	t.Parallel()
	s, out := newStory(t, "200 {}")
	failed := make(chan error, 1)
	go func() { failed <- s.answerFirst(t.Context(), activities.LightFailed) }()
	require.NoError(t, s.question(t.Context()))
	require.NoError(t, <-failed)
	assert.Equal(t, 1, s.failed, out.String())
	assert.Contains(t, out.String(), "❌ in Slack: nerve incidents list --failed says more")
}

// The state survives a restart, so a second story finds the first one's messages
// in the channel, and its incidents open.
func TestDemoTellsItsOwnStory(t *testing.T) {
	t.Parallel()
	s, _ := newStory(t, "200 {}")
	old, err := s.dev.Stand.Post(t.Context(), AlertsChannel, slackstand.Message{User: "U0ENGINEER", Text: "?"})
	require.NoError(t, err)
	s.since = old.TS
	fresh, err := s.dev.Stand.Post(t.Context(), AlertsChannel, slackstand.Message{User: "U0ENGINEER", Text: "?"})
	require.NoError(t, err)
	var seen []string
	got, err := s.await(t.Context(), func(m slackgo.Message) bool {
		seen = append(seen, m.Timestamp)
		return true
	}, func(slackgo.Message) bool { return true })
	require.NoError(t, err)
	assert.True(t, got.found())
	assert.Equal(t, []string{fresh.TS}, seen)

	key := func(provider string, body []byte, err error) incident.Key {
		require.NoError(t, err)
		spec, _ := providers.Lookup(provider)
		p, err := spec.New(providers.Config{Secrets: providers.Secrets(s.dev.Note.Secrets[provider])})
		require.NoError(t, err)
		batch, err := p.Parse(&providers.Request{Body: body, ReceivedAt: time.Now()})
		require.NoError(t, err)
		require.Len(t, batch.Signals, 1)
		return batch.Signals[0].Key
	}
	alert := func(fixture string) incident.Key {
		body, err := s.monitor(fixture)
		return key("datadog", body, err)
	}
	ticket := func() incident.Key {
		body, err := s.opened()
		return key("zendesk", body, err)
	}
	fires, opened := alert("triggered"), ticket()
	assert.Equal(t, fires, alert("recovered"))
	assert.Equal(t, opened, ticket())
	s.since = fresh.TS
	assert.NotEqual(t, fires, alert("triggered"))
	assert.NotEqual(t, opened, ticket())
}

// answerFirst does what nerve would with the first message that is posted.
func (s *demo) answerFirst(ctx context.Context, light string) error {
	for {
		h, err := s.api.GetConversationHistoryContext(ctx, &slackgo.GetConversationHistoryParameters{ChannelID: AlertsChannel})
		if err != nil {
			return err
		}
		if len(h.Messages) > 0 {
			ts := h.Messages[0].Timestamp
			err := s.api.AddReactionContext(ctx, "eyes", slackgo.NewRefToMessage(AlertsChannel, ts))
			_, _, posted := s.api.PostMessageContext(ctx, AlertsChannel, slackgo.MsgOptionText("It is slow.", false), slackgo.MsgOptionTS(ts))
			lit := s.api.AddReactionContext(ctx, light, slackgo.NewRefToMessage(AlertsChannel, ts))
			return errors.Join(err, posted, lit)
		}
	}
}

func TestDemoStopsWhenInterrupted(t *testing.T) {
	t.Parallel()
	s, _ := newStory(t, "200 {}")
	ctx, stop := context.WithCancel(t.Context())
	_, err := s.dev.Stand.Post(ctx, AlertsChannel, slackstand.Message{User: "U0ENGINEER", Text: "?"})
	require.NoError(t, err)
	_, err = s.await(ctx, func(slackgo.Message) bool { stop(); return false }, answered)
	require.ErrorIs(t, err, context.Canceled)
}

func TestSighting(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "not seen in Slack within 30s", sighting{}.tell("seen"))
	assert.Equal(t, "seen at once", sighting{after: time.Millisecond}.tell("seen"))
	assert.Equal(t, "seen after 120ms", sighting{after: 121 * time.Millisecond}.tell("seen"))
	assert.Equal(t, "1 enqueued, 49 debounced", count(map[string]int{"debounced": 49, "enqueued": 1}))
	assert.Equal(t, "1 enqueued, 49 WEBHOOK_SIGNATURE_INVALID", count(map[string]int{"WEBHOOK_SIGNATURE_INVALID": 49, "enqueued": 1}))
	assert.Equal(t, "no 👀 within 30s", tellSeen(0))
	assert.Equal(t, "👀 after 21ms", tellSeen(21*time.Millisecond))
	assert.Equal(t, "👀 only after 1.2s (a second at most)", tellSeen(1200*time.Millisecond))
}

func TestPortsSayWhatToDo(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", loopback+":0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	port := l.Addr().(*net.TCPAddr).Port
	_, err = (&Dev{}).listen(t.Context(), Options{WorkerPort: port})
	require.ErrorContains(t, err, "is taken: choose another with --worker-port")
	_, err = (&Dev{}).listen(t.Context(), Options{Port: 99999})
	require.ErrorContains(t, err, "--port 99999 is not a port")
	assert.NotContains(t, err.Error(), "taken")
}

func TestDemoIsRefusedOnTheRealSlack(t *testing.T) {
	t.Setenv("SLACK_BOT_TOKEN", "xoxb-"+strings.Repeat("1", 12))
	_, err := Start(t.Context(), Options{State: t.TempDir(), Demo: true})
	require.True(t, config.IsMistake(err), "%v", err)
	require.ErrorContains(t, err, "Unset it for the demo")
	_, err = (&Dev{}).Demo(t.Context(), io.Discard)
	require.ErrorContains(t, err, "without SLACK_BOT_TOKEN")
}

// What is left behind could not be read any more: it is sealed with the old keys.
func TestFreshForgetsEverything(t *testing.T) {
	t.Parallel()
	d := &Dev{Dir: t.TempDir()}
	require.NoError(t, os.MkdirAll(filepath.Join(d.Dir, outputs, "orders"), 0o700))
	for _, name := range []string{"nerve.db", "nerve.db-wal", "slack.json", "slack.journal", outputs + "/orders/one", "dev.log"} {
		require.NoError(t, os.WriteFile(filepath.Join(d.Dir, name), []byte("old"), 0o600))
	}
	old, err := d.secrets(false)
	require.NoError(t, err)
	fresh, err := d.secrets(true)
	require.NoError(t, err)
	assert.NotEqual(t, old.Keyset, fresh.Keyset)
	left, err := os.ReadDir(d.Dir)
	require.NoError(t, err)
	for _, f := range left {
		assert.Contains(t, []string{"dev.log", "secrets.json"}, f.Name())
	}
}

// Run stops its parts in order, each after the one before has ended.
func TestRunStopsInOrder(t *testing.T) {
	t.Parallel()
	var order []string
	part := func(name string) func(context.Context) error {
		return func(ctx context.Context) error { <-ctx.Done(); order = append(order, name); return nil }
	}
	d := &Dev{runs: []func(context.Context) error{part("ingest"), part("worker")}}
	d.onClose(func() { order = append(order, "temporal") })
	d.onClose(func() { order = append(order, "redis") })
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, d.Run(ctx))
	assert.Equal(t, []string{"ingest", "worker", "redis", "temporal"}, order)

	d = &Dev{runs: []func(context.Context) error{part("ingest"), func(context.Context) error { return io.ErrUnexpectedEOF }}}
	require.ErrorIs(t, d.Run(t.Context()), io.ErrUnexpectedEOF, "a part that stops by itself ends all")
}
