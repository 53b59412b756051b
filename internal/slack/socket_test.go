package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slack"
)

// socket is Slack's side of Socket Mode: it sends events and reads what the
// client acknowledges.
type socket struct {
	send  chan string
	acked chan string
}

func (s *socket) serve(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/api/apps.connections.open", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"ok":true,"url":"ws` + strings.TrimPrefix(server.URL, "http") + `/ws"}`))
	})
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }} // the client says it is Slack's
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		go func() {
			for m := range s.send {
				if c.WriteMessage(websocket.TextMessage, []byte(m)) != nil {
					return
				}
			}
		}()
		for {
			_, raw, err := c.ReadMessage()
			if err != nil {
				return
			}
			var ack struct {
				EnvelopeID string `json:"envelope_id"`
			}
			if json.Unmarshal(raw, &ack) == nil && ack.EnvelopeID != "" {
				s.acked <- ack.EnvelopeID
			}
		}
	})
	return server
}

func TestSocketModeAcknowledgesWhatWasTaken(t *testing.T) {
	t.Parallel()
	s := &socket{send: make(chan string, 4), acked: make(chan string, 4)}
	server := s.serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	var payloads []string
	done := make(chan error, 1)
	go func() {
		done <- slack.SocketMode(ctx, slack.SocketOptions{
			AppToken: "xapp-" + strings.Repeat("1", 8), BotToken: "xoxb-" + strings.Repeat("1", 8),
			APIURL: server.URL + "/api/", Logger: slog.New(slog.DiscardHandler),
		}, func(_ context.Context, payload []byte) error {
			payloads = append(payloads, string(payload))
			if strings.Contains(string(payload), "refused") {
				return errors.New("ingest is away")
			}
			return nil
		})
	}()
	s.send <- `{"type":"hello","num_connections":1}`
	s.send <- `{"type":"events_api","envelope_id":"e1","payload":{"type":"event_callback","event":{"type":"refused"}}}`
	s.send <- `{"type":"events_api","envelope_id":"e2","payload":{"type":"event_callback","event":{"type":"message"}}}`
	assert.Equal(t, "e2", <-s.acked, "what nobody took is not acknowledged: Slack sends it again")
	cancel()
	require.NoError(t, <-done)
	assert.Len(t, payloads, 2)
	assert.JSONEq(t, `{"type":"event_callback","event":{"type":"message"}}`, payloads[1])
}

func TestSocketModeRefusesAnotherToken(t *testing.T) {
	t.Parallel()
	err := slack.SocketMode(t.Context(), slack.SocketOptions{AppToken: "xoxb-1"}, nil)
	require.ErrorContains(t, err, "SLACK_APP_TOKEN")
}
