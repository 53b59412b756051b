package slack

import (
	"strconv"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"
)

// messageText is what a message says, whichever of its parts says it.
func messageText(m slackgo.Message) string {
	parts := []string{m.Text}
	for _, a := range m.Attachments {
		parts = append(parts, a.Pretext, a.Title, a.Text)
		if a.Title == "" && a.Text == "" {
			parts = append(parts, a.Fallback)
		}
	}
	if m.Text == "" {
		for _, b := range m.Blocks.BlockSet {
			switch b := b.(type) {
			case *slackgo.HeaderBlock:
				parts = append(parts, b.Text.Text)
			case *slackgo.SectionBlock:
				if b.Text != nil {
					parts = append(parts, b.Text.Text)
				}
			}
		}
	}
	var kept []string
	for _, p := range parts {
		if p = strings.TrimSpace(entities.Replace(p)); p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "\n")
}

// tsTime reads a Slack ts ("1770517375.481419") as a time, or the zero time.
func tsTime(ts string) time.Time {
	seconds, micros, _ := strings.Cut(ts, ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}
	}
	us, err := strconv.ParseInt((micros + "000000")[:6], 10, 64)
	if err != nil {
		us = 0
	}
	return time.Unix(s, us*1000).UTC()
}

// entities are the three that Slack stores text with.
var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// escape makes text harmless in mrkdwn: no mention, link or token in it is
// taken for Slack's own markup.
func escape(text string) string { return escaper.Replace(text) }

// link renders a mrkdwn link. A URL that could end the markup early is shown as text.
func link(url, label string) string {
	if strings.ContainsAny(url, "<>|") || !strings.HasPrefix(url, "http") {
		return escape(label)
	}
	label = strings.NewReplacer("|", "/", "\n", " ").Replace(escape(label))
	return "<" + strings.ReplaceAll(url, "&", "&amp;") + "|" + label + ">"
}
