package slack

import (
	"context"
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
		log.Warn("slack socket mode has no connection", "type", string(event.Type))
	case socketmode.EventTypeEventsAPI, socketmode.EventTypeInteractive, socketmode.EventTypeSlashCommand:
		if event.Request == nil {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		if err := deliver(ctx, event.Request.Payload); err != nil {
			log.Warn("slack event was not taken; slack will send it again", "error", err)
			return
		}
		if err := c.Ack(*event.Request); err != nil {
			log.Warn("slack was not told that an event was taken; it will send it again", "error", err)
		}
	}
}
