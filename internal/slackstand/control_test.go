package slackstand_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
)

func (b *bench) control(t *testing.T, method, path, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.url+"/_control/"+path, strings.NewReader(body))
	require.NoError(t, err)
	status, raw := do(t, req)
	var out map[string]any
	require.NoError(t, json.Unmarshal([]byte(raw), &out), raw)
	return status, out
}

func TestControl(t *testing.T) {
	t.Parallel()
	rec := receive(t, nil)
	b := setup(t, to(rec))
	status, out := b.control(t, "POST", "import", `{"event":{"type":"message","user":"U0BOB00001","channel":"C0NEW00001","ts":"100.000001","text":"x"}}`)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, map[string]any{"ok": true, "channel": "C0NEW00001", "ts": "100.000001", "new": true}, out)

	status, out = b.control(t, "POST", "post", `{"channel":"C0NEW00001","bot":{"name":"Datadog"},"attachments":[{"title":"CPU is high"}]}`)
	assert.Equal(t, http.StatusOK, status, out)
	assert.Equal(t, "Datadog", out["event"].(map[string]any)["event"].(map[string]any)["username"])
	assert.Len(t, rec.deliveries(), 1)

	status, _ = b.control(t, "POST", "channels", `{"id":"C0OUTSIDE1","outside":true}`)
	assert.Equal(t, http.StatusOK, status)
	_, _, err := b.api.PostMessageContext(t.Context(), "C0OUTSIDE1", slack.MsgOptionText("x", false))
	require.EqualError(t, err, "not_in_channel")

	status, _ = b.control(t, "POST", "faults", `{"method":"chat.postMessage","error":"ratelimited","retry_after":"3s","times":-1}`)
	assert.Equal(t, http.StatusOK, status)
	var limited *slack.RateLimitedError
	require.ErrorAs(t, b.postText(t.Context(), "x"), &limited)
	require.ErrorAs(t, b.postText(t.Context(), "x"), &limited)
	status, _ = b.control(t, "DELETE", "faults", "")
	assert.Equal(t, http.StatusOK, status)
	require.NoError(t, b.postText(t.Context(), "x"))

	status, _ = b.control(t, "POST", "limits", `{"post_interval":"1h"}`)
	assert.Equal(t, http.StatusOK, status)
	require.NoError(t, b.postText(t.Context(), "x"))
	require.ErrorAs(t, b.postText(t.Context(), "x"), &limited)

	_, out = b.control(t, "GET", "calls?method=chat.postMessage", "")
	assert.Len(t, out["calls"], 6)
}

func TestControlRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, body := range map[string]string{
		"import":         `{`,
		"post":           `{"channel":"C0NEW00001"}`,
		"post?":          `{"chanel":"C0NEW00001"}`,
		"channels":       `{"id":"x"}`,
		"faults":         `{"hang":"long"}`,
		"faults?status":  `{"status":200}`,
		"faults?mistake": `{"eror":"x"}`,
		"limits":         `{"post_interval":"-1s"}`,
	} {
		status, out := b.control(t, "POST", path, body)
		assert.Equal(t, http.StatusBadRequest, status, path)
		assert.Equal(t, false, out["ok"], path)
	}
	down := httptest.NewServer(http.NotFoundHandler())
	defer down.Close()
	b = setup(t, func(o *slackstand.Options) { o.EventsURL = down.URL })
	status, out := b.control(t, "POST", "post", `{"channel":"C0NEW00001","user":"U0BOB00001","text":"x"}`)
	assert.Equal(t, http.StatusBadGateway, status)
	assert.Contains(t, out["error"], "HTTP 404")
}

// Who may reach the page and the control endpoints.
func TestGuards(t *testing.T) {
	t.Parallel()
	s, err := slackstand.New(slackstand.Options{Token: token, Hosts: []string{"dev.example.com"}, Channels: []slackstand.Channel{{ID: alerts}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	const page, control, calls = "/channel/" + alerts, "/_control/channels", "/_control/calls"
	for name, c := range map[string]struct {
		method, path, host, from string
		header                   map[string]string
		want                     int
	}{
		"page":                       {"GET", page, "localhost:8095", "127.0.0.1:1", nil, 200},
		"page by address":            {"GET", page, "127.0.0.1:8095", "127.0.0.1:1", nil, 200},
		"page by IPv6":               {"GET", page, "[::1]:8095", "[::1]:1", nil, 200},
		"page by configured name":    {"GET", page, "dev.example.com", "10.0.0.1:1", nil, 200},
		"page by a rebound name":     {"GET", page, "evil.example.net:8095", "127.0.0.1:1", nil, 421},
		"page by another address":    {"GET", page, "10.0.0.9:8095", "127.0.0.1:1", nil, 421},
		"page by a lookalike":        {"GET", page, "localhost.example.net", "127.0.0.1:1", nil, 421},
		"live by a rebound name":     {"GET", "/live", "evil.example.net", "127.0.0.1:1", nil, 421},
		"control by a rebound name":  {"GET", calls, "evil.example.net", "127.0.0.1:1", nil, 421},
		"control":                    {"GET", calls, "localhost", "127.0.0.1:1", nil, 200},
		"control from elsewhere":     {"GET", calls, "localhost", "10.0.0.1:1", nil, 403},
		"post from the page":         {"POST", page, "localhost:8095", "127.0.0.1:1", map[string]string{"Origin": "http://localhost:8095"}, 303},
		"post from another site":     {"POST", page, "localhost:8095", "127.0.0.1:1", map[string]string{"Origin": "https://evil.example.net"}, 403},
		"post from another port":     {"POST", page, "localhost:8095", "127.0.0.1:1", map[string]string{"Origin": "http://localhost:3000"}, 403},
		"post by fetch metadata":     {"POST", page, "localhost:8095", "127.0.0.1:1", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"control from another site":  {"POST", control, "localhost", "127.0.0.1:1", map[string]string{"Origin": "https://evil.example.net"}, 403},
		"delete from another site":   {"DELETE", "/_control/faults", "localhost", "127.0.0.1:1", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"the API needs no such name": {"GET", "/api/auth.test", "slack:8095", "10.0.0.1:1", nil, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := httptest.NewRequestWithContext(t.Context(), c.method, "http://"+c.host+c.path, http.NoBody)
			req.RemoteAddr = c.from
			for k, v := range c.header {
				req.Header.Set(k, v)
			}
			res := httptest.NewRecorder()
			s.Handler().ServeHTTP(res, req)
			assert.Equal(t, c.want, res.Code)
		})
	}
}
