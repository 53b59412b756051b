package dev

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/nerve-alerts/nerve/internal/sender"
	"github.com/nerve-alerts/nerve/internal/slackstand"
	"github.com/nerve-alerts/nerve/providers"
)

// patience bounds how long the demo waits for something to be seen in Slack.
const patience = 30 * time.Second

// demo plays a story and says what became of each step.
type demo struct {
	dev    *Dev
	out    io.Writer
	api    *slackgo.Client
	failed int
	n      int
}

// Demo plays the story on a running nerve dev with the Slack stand-in. It
// returns how many steps did not end as they should.
func (d *Dev) Demo(ctx context.Context, out io.Writer) (failed int, err error) {
	if d.Stand == nil {
		return 0, fmt.Errorf("dev: the demo plays on the Slack stand-in: run it without SLACK_BOT_TOKEN")
	}
	story := &demo{
		dev: d, out: out,
		api: slackgo.New(d.cfg.Slack.BotToken.Reveal(), slackgo.OptionAPIURL(d.cfg.Slack.APIURL)),
	}
	for _, step := range []func(context.Context) error{
		story.storm, story.botAlert, story.question, story.ticket, story.forged, story.stale, story.replayed, story.recovered,
	} {
		if err := step(ctx); err != nil {
			return story.failed, err
		}
	}
	return story.failed, nil
}

// say prints one step's outcome.
func (s *demo) say(ok bool, what, became string) {
	s.n++
	mark := "✓"
	if !ok {
		mark = "✗"
		s.failed++
	}
	_, _ = fmt.Fprintf(s.out, " %s %d. %s\n      %s\n", mark, s.n, what, became)
}

// storm is a Datadog alert that repeats 50 times.
func (s *demo) storm(ctx context.Context) error {
	body, err := providers.Fixture("datadog", "triggered")
	if err != nil {
		return err
	}
	started := time.Now()
	tally := map[string]int{}
	err = sender.Send(ctx, s.options("datadog", body, 50), func(r sender.Result) { tally[r.Outcome()]++ })
	if err != nil {
		return err
	}
	took := time.Since(started).Round(time.Millisecond)
	answer, err := s.await(ctx, func(m slackgo.Message) bool { return m.ReplyCount > 0 && m.BotID != "" && isDatadog(m) })
	if err != nil {
		return err
	}
	s.say(tally["enqueued"] == 1 && tally["debounced"] == 49 && answer.found(),
		"A Datadog alert fires and repeats: 50 deliveries with the token in "+took.String(),
		fmt.Sprintf("%s; %s", count(tally), answer.tell("headline in #alerts")))
	return nil
}

// botAlert is another app's alert message in Slack.
func (s *demo) botAlert(ctx context.Context) error {
	return s.inSlack(ctx, "Another app posts an alert in #alerts", slackstand.Message{
		Bot: &slackstand.Bot{Name: "Monitoring"},
		Attachments: []map[string]any{{
			"color": "danger", "title": "[FIRING:1] Checkout error rate above 5 %",
			"title_link": "https://grafana.example.com/d/checkout",
			"text":       "*severity:* critical\n*service:* checkout\nHTTP 5xx responses at 7.2 % for 5 minutes. Reported by oncall@example.com",
			"fallback":   "Checkout error rate above 5 %",
		}},
	})
}

// question is a person asking.
func (s *demo) question(ctx context.Context) error {
	return s.inSlack(ctx, "A person asks in #alerts", slackstand.Message{
		User: Engineer, Text: "Is the payment API slow for anybody else? p95 latency went from 200 ms to 3 s",
	})
}

// inSlack posts a message and watches what nerve does with it.
func (s *demo) inSlack(ctx context.Context, what string, m slackstand.Message) error {
	started := time.Now()
	posted, err := s.dev.Stand.Post(ctx, AlertsChannel, m)
	if err != nil {
		return fmt.Errorf("dev: post in the stand-in: %w", err)
	}
	seen, err := s.seen(ctx, posted.TS, started)
	if err != nil {
		return err
	}
	answer, err := s.await(ctx, func(m slackgo.Message) bool { return m.Timestamp == posted.TS && m.ReplyCount > 0 })
	if err != nil {
		return err
	}
	s.say(seen > 0 && seen < time.Second && answer.found(), what,
		fmt.Sprintf("👀 after %s; %s", seen.Round(time.Millisecond), answer.tell("answered in its thread")))
	return nil
}

// ticket is a Zendesk event.
func (s *demo) ticket(ctx context.Context) error {
	body, err := providers.Fixture("zendesk", "ticket_created")
	if err != nil {
		return err
	}
	var got sender.Result
	if err := sender.Send(ctx, s.options("zendesk", body, 1), func(r sender.Result) { got = r }); err != nil {
		return err
	}
	answer, err := s.await(ctx, func(m slackgo.Message) bool { return m.ReplyCount > 0 && m.BotID != "" && !isDatadog(m) && isNerve(m) })
	if err != nil {
		return err
	}
	s.say(got.Outcome() == "enqueued" && answer.found(), "A Zendesk ticket is opened",
		fmt.Sprintf("%d %s; %s", got.Status, got.Outcome(), answer.tell("headline in #alerts")))
	return nil
}

// forged is a request that was changed on its way.
func (s *demo) forged(ctx context.Context) error {
	o, err := s.slackAlert()
	if err != nil {
		return err
	}
	o.Tamper = true
	return s.refused(ctx, "A forged request: one byte was changed after signing", o)
}

// stale is a recorded request, sent again two hours later.
func (s *demo) stale(ctx context.Context) error {
	o, err := s.slackAlert()
	if err != nil {
		return err
	}
	o.Stale = true
	return s.refused(ctx, "A recorded request is sent again two hours later", o)
}

func (s *demo) refused(ctx context.Context, what string, o sender.Options) error {
	var got sender.Result
	if err := sender.Send(ctx, o, func(r sender.Result) { got = r }); err != nil {
		return err
	}
	s.say(got.Status == http.StatusUnauthorized, what, fmt.Sprintf("%d %s; nothing was read of it", got.Status, got.Outcome()))
	return nil
}

// replayed is Slack's own retry: the very same request twice.
func (s *demo) replayed(ctx context.Context) error {
	body, err := providers.Fixture("zendesk", "ticket_created")
	if err != nil {
		return err
	}
	o := s.options("zendesk", body, 2)
	o.Repeat, o.Distinct = true, true
	var words []string
	if err := sender.Send(ctx, o, func(r sender.Result) { words = append(words, fmt.Sprintf("%d %s", r.Status, r.Outcome())) }); err != nil {
		return err
	}
	s.say(slices.Equal(words, []string{"200 enqueued", "200 duplicate"}), "A sender retries: the very same delivery twice",
		strings.Join(words, ", then ")+"; one incident")
	return nil
}

// recovered closes the Datadog incident.
func (s *demo) recovered(ctx context.Context) error {
	body, err := providers.Fixture("datadog", "recovered")
	if err != nil {
		return err
	}
	var got sender.Result
	if err := sender.Send(ctx, s.options("datadog", body, 1), func(r sender.Result) { got = r }); err != nil {
		return err
	}
	answer, err := s.await(ctx, func(m slackgo.Message) bool {
		return isDatadog(m) && isNerve(m) && strings.Contains(m.Text, "resolved") && lit(m, "white_check_mark")
	})
	if err != nil {
		return err
	}
	s.say(got.Outcome() == "resolved" && answer.found(), "Datadog says that it has recovered",
		fmt.Sprintf("%d %s; %s", got.Status, got.Outcome(), answer.tell("headline edited, ✅, incident closed")))
	return nil
}

func (s *demo) options(provider string, body []byte, count int) sender.Options {
	return sender.Options{
		URL: s.dev.Note.SourceURL(provider), Provider: provider, Secret: s.dev.Note.Secrets[provider], Body: body, Count: count,
	}
}

func (s *demo) slackAlert() (sender.Options, error) {
	spec, _ := providers.Lookup("slack")
	body, err := providers.Fixture("slack", spec.Fixtures[0])
	return s.options("slack", body, 1), err
}

// sighting is what was seen in the channel, and after how long.
type sighting struct {
	after time.Duration
}

func (s sighting) found() bool { return s.after > 0 }

func (s sighting) tell(what string) string {
	if !s.found() {
		return "not seen in Slack within " + patience.String()
	}
	after := s.after.Round(10 * time.Millisecond)
	if after == 0 {
		return what + " at once"
	}
	return what + " after " + after.String()
}

// await waits until a message of the channel is as wanted.
func (s *demo) await(ctx context.Context, wanted func(slackgo.Message) bool) (sighting, error) {
	started := time.Now()
	for time.Since(started) < patience {
		h, err := s.api.GetConversationHistoryContext(ctx, &slackgo.GetConversationHistoryParameters{
			ChannelID: AlertsChannel, Limit: 50, IncludeAllMetadata: true,
		})
		if err != nil {
			return sighting{}, fmt.Errorf("dev: read the channel: %w", err)
		}
		if slices.ContainsFunc(h.Messages, wanted) {
			return sighting{time.Since(started)}, nil
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

func lit(m slackgo.Message, emoji string) bool {
	return slices.ContainsFunc(m.Reactions, func(r slackgo.ItemReaction) bool { return r.Name == emoji })
}

func isNerve(m slackgo.Message) bool { return m.Metadata.EventType == "nerve_incident" }

func isDatadog(m slackgo.Message) bool {
	raw, err := json.Marshal(m.Blocks)
	return err == nil && strings.Contains(string(raw), "· datadog ·")
}

func count(tally map[string]int) string {
	var parts []string
	for _, w := range []string{"enqueued", "debounced", "duplicate"} {
		if tally[w] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", tally[w], w))
		}
	}
	return strings.Join(parts, ", ")
}
