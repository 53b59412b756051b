package dev

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/nerve-alerts/nerve/activities"
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
	since  string // what is older in the channel is of a story before this one
	failed int
	n      int
}

// Demo plays the story on a running nerve dev with the Slack stand-in. It
// returns how many steps did not end as they should.
func (d *Dev) Demo(ctx context.Context, out io.Writer) (failed int, err error) {
	if d.Stand == nil {
		return 0, fmt.Errorf("dev: the demo plays on the Slack stand-in: run it without SLACK_BOT_TOKEN")
	}
	began := time.Now()
	story := &demo{
		dev: d, out: out, since: fmt.Sprintf("%d.%06d", began.Unix(), began.Nanosecond()/1000),
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
	body, err := s.monitor("triggered")
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
	answer, err := s.await(ctx, func(m slackgo.Message) bool { return isNerve(m) && isDatadog(m) }, answered)
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
	answer, err := s.await(ctx, func(m slackgo.Message) bool { return m.Timestamp == posted.TS }, answered)
	if err != nil {
		return err
	}
	s.say(seen > 0 && seen < time.Second && answer.found(), what, tellSeen(seen)+"; "+answer.tell("answered in its thread"))
	return nil
}

func tellSeen(after time.Duration) string {
	switch {
	case after == 0:
		return "no 👀 within " + patience.String()
	case after >= time.Second:
		return fmt.Sprintf("👀 only after %s (a second at most)", after.Round(time.Millisecond))
	}
	return "👀 after " + after.Round(time.Millisecond).String()
}

// ticket is a Zendesk event.
func (s *demo) ticket(ctx context.Context) error {
	body, err := s.opened()
	if err != nil {
		return err
	}
	var got sender.Result
	if err := sender.Send(ctx, s.options("zendesk", body, 1), func(r sender.Result) { got = r }); err != nil {
		return err
	}
	answer, err := s.await(ctx, func(m slackgo.Message) bool { return isNerve(m) && !isDatadog(m) }, answered)
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
	ok := got.Status == http.StatusUnauthorized
	became := "nothing was read of it"
	if !ok {
		became = "it should have been refused with 401"
	}
	s.say(ok, what, fmt.Sprintf("%d %s; %s", got.Status, got.Outcome(), became))
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
	ok := slices.Equal(words, []string{"200 enqueued", "200 duplicate"})
	became := "one incident"
	if !ok {
		became = "it should have been enqueued, then known as a duplicate"
	}
	s.say(ok, "A sender retries: the very same delivery twice", strings.Join(words, ", then ")+"; "+became)
	return nil
}

// recovered closes the Datadog incident.
func (s *demo) recovered(ctx context.Context) error {
	body, err := s.monitor("recovered")
	if err != nil {
		return err
	}
	var got sender.Result
	if err := sender.Send(ctx, s.options("datadog", body, 1), func(r sender.Result) { got = r }); err != nil {
		return err
	}
	answer, err := s.await(ctx, func(m slackgo.Message) bool { return isNerve(m) && isDatadog(m) }, func(m slackgo.Message) bool {
		return strings.Contains(m.Text, "resolved") && lit(m, activities.LightAnswered)
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

// own is a payload with an identity of this story's own: the alert of a story
// before may still be open, or closed.
func (s *demo) own(provider, fixture string, identify func(fields map[string]any, id string)) ([]byte, error) {
	body, err := providers.Fixture(provider, fixture)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, fmt.Errorf("dev: the demo's %s of %s: %w", fixture, provider, err)
	}
	identify(fields, strings.ReplaceAll(s.since, ".", ""))
	return json.Marshal(fields)
}

// monitor is a payload of Datadog in this story's own cycle of the alert.
func (s *demo) monitor(fixture string) ([]byte, error) {
	return s.own("datadog", fixture, func(fields map[string]any, id string) { fields["alert_cycle_key"] = id })
}

// opened is the event of a Zendesk ticket with this story's own number.
func (s *demo) opened() ([]byte, error) {
	return s.own("zendesk", "ticket_created", func(fields map[string]any, id string) {
		fields["subject"] = "zen:ticket:" + id
		if detail, ok := fields["detail"].(map[string]any); ok {
			detail["id"] = id
		}
	})
}

func (s *demo) slackAlert() (sender.Options, error) {
	spec, _ := providers.Lookup("slack")
	body, err := providers.Fixture("slack", spec.Fixtures[0])
	return s.options("slack", body, 1), err
}

// count tells the tally: what should be first, and then whatever else there was.
func count(tally map[string]int) string {
	words := []string{"enqueued", "debounced", "duplicate"}
	for _, w := range slices.Sorted(maps.Keys(tally)) {
		if !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	var parts []string
	for _, w := range words {
		if tally[w] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", tally[w], w))
		}
	}
	return strings.Join(parts, ", ")
}
