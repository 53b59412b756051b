package dev

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/internal/sender"
	"github.com/nerve-alerts/nerve/internal/slack"
)

// socketMode receives events and clicks over Slack's websocket and delivers each to ingest
// signed like a webhook, so that it takes the one way that every alert takes.
// Slack is told only after ingest has answered 2xx.
func (d *Dev) socketMode(appToken, ingest string) func(context.Context) error {
	deliver := func(ctx context.Context, payload []byte) error {
		var answer sender.Result
		to, body := ingest+"/slack/events", payload
		if slack.Pressed(payload) {
			to, body = ingest+"/slack/interactive", slack.AsForm(payload)
		}
		err := sender.Relay(ctx, sender.Options{
			URL: to, Provider: "slack", Secret: d.slackSecret(), Body: body,
			Client: &http.Client{Timeout: 5 * time.Second},
		}, func(r sender.Result) { answer = r })
		if err != nil {
			return err
		}
		if answer.Status/100 != 2 {
			return fmt.Errorf("dev: ingest answered %d", answer.Status)
		}
		return nil
	}
	return func(ctx context.Context) error {
		return slack.SocketMode(ctx, slack.SocketOptions{
			AppToken: appToken, BotToken: d.cfg.Slack.BotToken.Reveal(), APIURL: d.cfg.Slack.APIURL, Logger: d.log,
		}, deliver)
	}
}

func (d *Dev) slackSecret() string {
	for _, s := range d.cfg.Sources {
		if s.Name == "slack" {
			return s.Secrets[0].Value.Reveal()
		}
	}
	return ""
}
