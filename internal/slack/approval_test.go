package slack_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/slack"
	"github.com/nerve-alerts/nerve/internal/slackstand"
)

func notice() contract.ApprovalNotice {
	at := time.Unix(1770517375, 0)
	return contract.ApprovalNotice{
		RunID: "run-1", WorkflowURL: "https://temporal.example.com/w",
		ApprovalState: contract.ApprovalState{
			ID: "0a1b2c", Action: contract.ActionSourceAdd, Target: "billing", Why: "a new source", Reason: "moved <to> Datadog",
			Fields: map[string]any{"provider": "datadog", "schemes": []string{"token"}, "api_token": "planted"},
			Status: contract.ApprovalWaiting, RequestedBy: audit.Actor{Person: "alex", Via: audit.ViaCLI},
			RequestedAt: at, Deadline: at.Add(24 * time.Hour),
		},
	}
}

// desk is a client on a stand-in whose clicks end in a channel.
func desk(t *testing.T) (stand *slackstand.Server, client *slack.Client, clicks chan []byte) {
	t.Helper()
	clicks = make(chan []byte, 5)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		clicks <- body
	}))
	t.Cleanup(receiver.Close)
	token := "xoxb-test-" + strings.Repeat("1", 12)
	stand, err := slackstand.New(slackstand.Options{
		Token: token, SigningSecret: strings.Repeat("s", 32), InteractiveURL: receiver.URL, Channels: []slackstand.Channel{{ID: channel}},
	})
	require.NoError(t, err)
	server := httptest.NewServer(stand.Handler())
	t.Cleanup(func() {
		server.Close()
		assert.NoError(t, stand.Close())
	})
	client, err = slack.New(token, server.URL+"/api/", nil)
	require.NoError(t, err)
	return stand, client, clicks
}

func shown(t *testing.T, stand *slackstand.Server, method string) []string {
	t.Helper()
	var all []string
	for _, c := range stand.Calls(method) {
		all = append(all, c.Args["blocks"])
	}
	return all
}

func TestAnApprovalIsAskedForOnce(t *testing.T) {
	t.Parallel()
	stand, client, _ := desk(t)
	ref, err := client.AskApproval(t.Context(), channel, notice())
	require.NoError(t, err)
	again, err := client.AskApproval(t.Context(), channel, notice())
	require.NoError(t, err)
	assert.Equal(t, ref, again)
	posts := shown(t, stand, "chat.postMessage")
	require.Len(t, posts, 1)
	for _, want := range []string{"A second person is asked", "source.add", "billing", "alex", "a new source", "moved <to> Datadog", "Approve", "Deny", "0a1b2c/run-1", "provider"} {
		assert.Contains(t, unescaped(posts[0]), want)
	}
	assert.NotContains(t, posts[0], "planted", "what is called like a secret is not shown")

	other := notice()
	other.RunID, other.SecretID = "run-2", "3990418e"
	newer, err := client.AskApproval(t.Context(), channel, other)
	require.NoError(t, err)
	assert.NotEqual(t, ref, newer, "another run is another request")
	assert.Contains(t, shown(t, stand, "chat.postMessage")[1], "secret 3990418e", "the old secret or the new one is not the same")
}

// unescaped undoes how JSON writes < and >.
func unescaped(s string) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(s)
}

func TestTheMessageShowsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	robin := &contract.Ruling{Actor: audit.Actor{Person: "robin", Via: audit.ViaSlack}, Grant: true, Reason: "looks right"}
	for status, tt := range map[contract.ApprovalStatus]struct {
		change func(*contract.ApprovalNotice)
		says   []string
	}{
		contract.ApprovalGranted: {func(n *contract.ApprovalNotice) { n.Ruling = robin }, []string{"being applied", "Approved by", "robin", "looks right"}},
		contract.ApprovalApplied: {func(n *contract.ApprovalNotice) { n.Ruling = robin }, []string{"Approved and applied", "robin"}},
		contract.ApprovalDenied:  {func(n *contract.ApprovalNotice) { n.Ruling = &contract.Ruling{Actor: robin.Actor} }, []string{"Denied by", "robin"}},
		contract.ApprovalExpired: {func(*contract.ApprovalNotice) {}, []string{"Nobody decided", "Nothing was changed"}},
		contract.ApprovalFailed:  {func(n *contract.ApprovalNotice) { n.Ruling, n.Failure = robin, "it was changed meanwhile" }, []string{"not applied", "it was changed meanwhile", "Nothing was changed"}},
	} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			stand, client, _ := desk(t)
			ref, err := client.AskApproval(t.Context(), channel, notice())
			require.NoError(t, err)
			n := notice()
			n.Status = status
			tt.change(&n)
			require.NoError(t, client.EditApproval(t.Context(), ref, n))
			edits := shown(t, stand, "chat.update")
			require.Len(t, edits, 1)
			for _, want := range tt.says {
				assert.Contains(t, unescaped(edits[0]), want)
			}
			assert.NotContains(t, edits[0], "actions", "it has no buttons any more")
			_, err = stand.Click(t.Context(), ref.MessageTS, "U0ALICE001", "nerve_approval_grant")
			require.ErrorIs(t, err, slackstand.ErrNoButton)
		})
	}
	_, client, _ := desk(t)
	require.NoError(t, client.EditApproval(t.Context(), incident.SlackRef{ChannelID: channel, MessageTS: "1.000001"}, notice()), "a message that was deleted is left so")
}

func TestPeopleAreRemindedOnce(t *testing.T) {
	t.Parallel()
	stand, client, _ := desk(t)
	ref, err := client.AskApproval(t.Context(), channel, notice())
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, client.RemindApproval(t.Context(), ref, notice()))
	}
	posts := stand.Calls("chat.postMessage")
	require.Len(t, posts, 2)
	assert.Equal(t, ref.ThreadTS, posts[1].Args["thread_ts"])
	assert.Equal(t, "true", posts[1].Args["reply_broadcast"])
	assert.Contains(t, posts[1].Args["blocks"], "Nobody has decided")
	require.NoError(t, client.RemindApproval(t.Context(), incident.SlackRef{ChannelID: channel, MessageTS: "1.000001", ThreadTS: "1.000001"}, notice()))
}

func TestAClickSaysWhatItIsAbout(t *testing.T) {
	t.Parallel()
	stand, client, clicks := desk(t)
	ref, err := client.AskApproval(t.Context(), channel, notice())
	require.NoError(t, err)
	for action, grant := range map[string]bool{"nerve_approval_grant": true, "nerve_approval_deny": false} {
		_, err := stand.Click(t.Context(), ref.MessageTS, "U0ALICE001", action)
		require.NoError(t, err)
		body := <-clicks
		got, err := slack.ParseClick(body)
		require.NoError(t, err)
		assert.NotEmpty(t, got.At)
		got.At = ""
		want := slack.Click{
			Approval: "0a1b2c", RunID: "run-1", Grant: grant, UserID: "U0ALICE001", TeamID: "T0NERVE001", Channel: channel, Message: ref.MessageTS,
		}
		assert.Equal(t, want, got)
		form, err := url.ParseQuery(string(body))
		require.NoError(t, err)
		same, err := slack.ParseClick([]byte(form.Get("payload")))
		require.NoError(t, err, "Socket Mode has the payload without a form")
		assert.True(t, slack.Pressed([]byte(form.Get("payload"))))
		assert.Equal(t, form, must(url.ParseQuery(string(slack.AsForm([]byte(form.Get("payload")))))))
		same.At = ""
		assert.Equal(t, want, same)
	}
}

func must(v url.Values, err error) url.Values {
	if err != nil {
		panic(err)
	}
	return v
}

func TestWhatIsNoClick(t *testing.T) {
	t.Parallel()
	press := func(change func(map[string]any)) string {
		action := map[string]any{"action_id": "nerve_approval_grant", "block_id": "nerve_approval", "value": "0a/run"}
		p := map[string]any{"type": "block_actions", "user": map[string]any{"id": "U1"}, "actions": []any{action}}
		change(action)
		if t, ok := action["type!"]; ok {
			p["type"] = t
		}
		if u, ok := action["user!"]; ok {
			p["user"] = map[string]any{"id": u}
		}
		raw, err := json.Marshal(p)
		require.NoError(t, err)
		return string(raw)
	}
	assert.False(t, slack.Pressed([]byte(`{"type":"event_callback"}`)))
	_, err := slack.ParseClick([]byte(press(func(map[string]any) {})))
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		body string
		ours bool
	}{
		"another kind":   {press(func(a map[string]any) { a["type!"] = "view_submission" }), false},
		"another button": {press(func(a map[string]any) { a["action_id"] = "other" }), false},
		"another block":  {press(func(a map[string]any) { a["block_id"] = "other" }), false},
		"no run":         {press(func(a map[string]any) { a["value"] = "0a" }), true},
		"no approval":    {press(func(a map[string]any) { a["value"] = "/run" }), true},
		"nobody":         {press(func(a map[string]any) { a["user!"] = "" }), true},
		"too long":       {press(func(a map[string]any) { a["value"] = "0a/" + strings.Repeat("r", 300) }), true},
		"no payload":     {"command=%2Fnerve", true},
		"no JSON":        {"payload=%7B", true},
		"no form":        {"%zz", true},
		"nothing":        {"", true},
	} {
		_, err := slack.ParseClick([]byte(tt.body))
		require.Error(t, err, name)
		if !tt.ours {
			require.ErrorIs(t, err, slack.ErrNoClick, name)
		} else {
			require.NotErrorIs(t, err, slack.ErrNoClick, name)
		}
	}
}

func TestTellingOnePerson(t *testing.T) {
	t.Parallel()
	stand, client, _ := desk(t)
	require.NoError(t, client.Tell(t.Context(), channel, "U0ALICE001", "", "You <asked> yourself"))
	assert.Equal(t, []string{"You &lt;asked&gt; yourself"}, stand.Whispers(channel, "U0ALICE001"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var failed *slack.Error
	require.ErrorAs(t, client.Tell(ctx, channel, "U0ALICE001", "", "x"), &failed)
	assert.True(t, failed.Retryable())
}
