package slack

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// SocketOptions say whose events to receive.
type SocketOptions struct {
	AppToken   string // xapp-…, with the scope connections:write
	BotToken   string
	APIURL     string // "" is Slack itself
	HTTPClient *http.Client
	Logger     *slog.Logger
}

// SocketMode receives Slack's events over a websocket, so that no public URL is
// needed, and hands each payload to deliver. Slack is told that an event was
// taken only after deliver has returned nil; otherwise it sends the event again.
// It returns nil when ctx ends, and an error when Slack refuses the tokens.
func SocketMode(ctx context.Context, o SocketOptions, deliver func(context.Context, []byte) error) error {
	if !strings.HasPrefix(o.AppToken, "xapp-") {
		return errors.New("slack: SLACK_APP_TOKEN is not an app token (xapp-…): make one with the scope connections:write")
	}
	opts := []slackgo.Option{slackgo.OptionAppLevelToken(o.AppToken)}
	if o.APIURL != "" {
		opts = append(opts, slackgo.OptionAPIURL(strings.TrimSuffix(o.APIURL, "/")+"/"))
	}
	if o.HTTPClient != nil {
		opts = append(opts, slackgo.OptionHTTPClient(o.HTTPClient))
	}
	c := socketmode.New(slackgo.New(o.BotToken, opts...))
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case event := <-c.Events:
				takeSocketEvent(ctx, c, o.Logger, event, deliver)
			}
		}
	}()
	err := c.RunContext(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return translate("apps.connections.open", err)
}

func takeSocketEvent(ctx context.Context, c *socketmode.Client, log *slog.Logger, event socketmode.Event,
	deliver func(context.Context, []byte) error,
) {
	switch event.Type {
	case socketmode.EventTypeConnected:
		log.Info("slack socket mode is connected")
	case socketmode.EventTypeInvalidAuth, socketmode.EventTypeConnectionError:
		attrs := []any{"type", string(event.Type)}
		if failed, ok := event.Data.(*slackgo.ConnectionErrorEvent); ok {
			attrs = append(attrs, "error", translate("apps.connections.open", failed.ErrorObj))
		}
		log.Warn("slack socket mode has no connection", attrs...)
	case socketmode.EventTypeEventsAPI, socketmode.EventTypeInteractive, socketmode.EventTypeSlashCommand, socketmode.EventTypeErrorBadMessage:
		request := envelope(event)
		if request == nil {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		if err := deliver(ctx, request.Payload); err != nil {
			log.Warn("slack event was not taken; slack will send it again", "error", err)
			return
		}
		if err := c.Ack(*request); err != nil {
			log.Warn("slack was not told that an event was taken; it will send it again", "error", err)
		}
	}
}

// envelope is what Slack sent. An event of a type that the library does not know
// is a bad message to it, and to nerve an event like any other.
func envelope(event socketmode.Event) *socketmode.Request {
	bad, ok := event.Data.(*socketmode.ErrorBadMessage)
	if !ok {
		return event.Request
	}
	var r socketmode.Request
	if err := json.Unmarshal(bad.Message, &r); err != nil || r.EnvelopeID == "" {
		return nil
	}
	return &r
}
