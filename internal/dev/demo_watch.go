package dev

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/nerve-alerts/nerve/activities"
)

// sighting is what was seen in the channel, and after how long.
type sighting struct {
	after  time.Duration
	failed bool // nerve put ❌ on the message
}

func (s sighting) found() bool { return s.after > 0 && !s.failed }

func (s sighting) tell(what string) string {
	if s.failed {
		return "❌ in Slack: nerve incidents list --failed says more"
	}
	if !s.found() {
		return "not seen in Slack within " + patience.String()
	}
	after := s.after.Round(10 * time.Millisecond)
	if after == 0 {
		return what + " at once"
	}
	return what + " after " + after.String()
}

// await waits until the message that is meant is done, or has failed.
func (s *demo) await(ctx context.Context, meant, done func(slackgo.Message) bool) (sighting, error) {
	started := time.Now()
	for time.Since(started) < patience {
		h, err := s.api.GetConversationHistoryContext(ctx, &slackgo.GetConversationHistoryParameters{
			ChannelID: AlertsChannel, Oldest: s.since, Limit: 50, IncludeAllMetadata: true,
		})
		if err != nil {
			return sighting{}, fmt.Errorf("dev: read the channel: %w", err)
		}
		for _, m := range h.Messages {
			if failed := lit(m, activities.LightFailed); meant(m) && (failed || done(m)) {
				return sighting{after: time.Since(started), failed: failed}, nil
			}
		}
		if err := pause(ctx); err != nil {
			return sighting{}, err
		}
	}
	return sighting{}, nil
}

// seen waits for 👀 on a message and returns how long after start it came, or 0.
func (s *demo) seen(ctx context.Context, ts string, started time.Time) (time.Duration, error) {
	for time.Since(started) < patience {
		r, err := s.api.GetReactionsContext(ctx, slackgo.NewRefToMessage(AlertsChannel, ts), slackgo.GetReactionsParameters{})
		if err != nil {
			return 0, fmt.Errorf("dev: read the reactions: %w", err)
		}
		if len(r.Reactions) > 0 {
			return time.Since(started), nil
		}
		if err := pause(ctx); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}

// answered reports whether a message has an answer in its thread and the light
// that says so: a note of a failure is a reply too.
func answered(m slackgo.Message) bool {
	return m.ReplyCount > 0 && (lit(m, activities.LightAnswered) || lit(m, activities.LightInconclusive))
}

func lit(m slackgo.Message, emoji string) bool {
	return slices.ContainsFunc(m.Reactions, func(r slackgo.ItemReaction) bool { return r.Name == emoji })
}

func isNerve(m slackgo.Message) bool { return m.Metadata.EventType == "nerve_incident" }

func isDatadog(m slackgo.Message) bool {
	raw, err := json.Marshal(m.Blocks)
	return err == nil && strings.Contains(string(raw), "· datadog ·")
}
