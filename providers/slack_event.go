package providers

import (
	"maps"
	"regexp"
	"strings"

	"github.com/nerve-alerts/nerve/incident"
)

// contentSubtypes are the message subtypes that say something new. Every other
// (edits, deletions, joins, topic changes …) is stored and starts nothing.
var contentSubtypes = map[string]bool{
	"": true, "bot_message": true, "file_share": true, "me_message": true, "thread_broadcast": true,
}

// ignoredSelf is the reason that keeps nerve from answering itself.
const ignoredSelf = "self_message"

// parseEvent reads an event of the Events API within its envelope, which is
// empty when only the inner event was sent.
func (p *slack) parseEvent(envelope, event object) Batch {
	kind, subtype := event.text("type"), event.text("subtype")
	batch := Batch{EventID: envelope.text("event_id"), EventType: kind}
	if kind != "message" && kind != "app_mention" {
		return batch
	}
	if subtype != "" {
		batch.EventType += "." + subtype
	}
	if p.self(envelope, event) {
		batch.Ignored = ignoredSelf
		return batch
	}
	if event.flag("hidden") || !contentSubtypes[subtype] {
		return batch
	}
	ref := slackRef(envelope, event)
	if byBot(event) {
		p.addAlert(&batch, event, ref)
		return batch
	}
	if inThread(event) && kind != "app_mention" {
		if subtype == "" {
			batch.EventType = "message.thread_reply"
		}
		return batch
	}
	addQuestion(&batch, event, ref)
	return batch
}

// byBot tells a bot's message from a person's. Both may carry a bot_id: a person
// who posts through an app has it too, but only Slack's own clients send a
// client_msg_id.
// A message without an author is a bot's: people always have a user id.
func byBot(event object) bool {
	return event.text("subtype") == "bot_message" || event.text("user") == "" ||
		event.text("bot_id") != "" && event.text("client_msg_id") == ""
}

func inThread(event object) bool {
	thread := event.text("thread_ts")
	return thread != "" && thread != event.text("ts")
}

// self reports whether nerve posted the message, or the message that was edited.
// The app id decides where Slack sent one. Only without it does it count that
// the author is the bot user whom the delivery is for, because an authorisation
// can also name the person who installed the app.
func (p *slack) self(envelope, event object) bool {
	for _, m := range []object{event, event.object("message"), event.object("previous_message")} {
		if m == nil {
			continue
		}
		if id := p.selfBotID(); id != "" && (m.text("bot_id") == id || m.object("bot_profile").text("id") == id) {
			return true
		}
		ours := envelope.text("api_app_id")
		app := m.text("app_id")
		if app == "" {
			app = m.object("bot_profile").text("app_id")
		}
		switch {
		case m.text("client_msg_id") != "":
		case app != "" && ours != "":
			if app == ours {
				return true
			}
		case authorisedBot(envelope, m.text("user")):
			return true
		}
	}
	return false
}

func authorisedBot(envelope object, user string) bool {
	if user == "" {
		return false
	}
	for _, a := range envelope.objects("authorizations") {
		if a.flag("is_bot") && a.text("user_id") == user {
			return true
		}
	}
	return false
}

// What Slack mints. These stay as they are in ids and in Slack's own calls, so
// nothing else may pass for them.
var (
	slackTS = regexp.MustCompile(`^[0-9]{1,16}(\.[0-9]{1,9})?$`)
	slackID = regexp.MustCompile(`^[A-Z0-9]{1,32}$`)
)

// minted returns an id of Slack's, or "" for anything else.
func minted(id string) string {
	if slackID.MatchString(id) {
		return id
	}
	return ""
}

// slackRef says where the message is, or nil when the event does not.
func slackRef(envelope, event object) *incident.SlackRef {
	ts := event.text("ts", "event_ts")
	channel := event.text("channel", "channel_id")
	if !slackTS.MatchString(ts) || !slackID.MatchString(channel) {
		return nil
	}
	ref := &incident.SlackRef{
		TeamID: minted(envelope.text("team_id")), ChannelID: channel, MessageTS: ts, ThreadTS: event.text("thread_ts"),
		UserID: minted(event.text("user")), InThread: inThread(event),
	}
	if ref.TeamID == "" {
		ref.TeamID = minted(event.text("team"))
	}
	if !slackTS.MatchString(ref.ThreadTS) {
		ref.ThreadTS = ts
	}
	if byBot(event) {
		ref.BotID, ref.UserID = minted(event.text("bot_id")), ""
	}
	return ref
}

// How many characters of a text, of something that is a title already, and of a
// question make a title. Signal.Bound cuts, once no secret can be cut in two.
const (
	maxTextTitle  = 100
	maxNamedTitle = 250
	maxQuestion   = len(questionPrefix) + 51 // the first 50 and the sign that it was cut

	questionPrefix = "User question: "
)

// addAlert adds a bot's message as an alert.
func (p *slack) addAlert(batch *Batch, event object, ref *incident.SlackRef) {
	content := readSlackMessage(event)
	if content.empty() {
		batch.Warnings = append(batch.Warnings, "the message shows nothing")
		return
	}
	title := content.title()
	most := maxNamedTitle
	if content.fromText {
		most = maxTextTitle
	}
	s := incident.Signal{
		Kind: incident.KindAlert, EventType: batch.EventType, Title: title, TitleMax: most,
		Severity: content.severity(title), Status: content.status(title),
		Description: content.description(title), Tags: content.tags(), Links: labelled(content.links),
	}
	s.RelatedEntities = entities(s.Tags)
	channel := event.text("channel", "channel_id", "channel_name")
	if channel == "" {
		channel = "webhook"
	}
	s.Group = channel + ":" + content.marks(title).group(title)
	place(&s, ref, event)
	batch.Signals = append(batch.Signals, s)
}

var (
	mention      = regexp.MustCompile(`<@[A-Z0-9]+(?:\|[^>]*)?>`)
	plainMention = regexp.MustCompile(`@[UW][A-Z0-9]+\b`)
)

// addQuestion adds a person's message as a question.
func addQuestion(batch *Batch, event object, ref *incident.SlackRef) {
	text, links := slackPlain(mention.ReplaceAllString(head(event.text("text"), maxText), " "))
	if text == "" {
		if content := readSlackMessage(event); len(content.lines) > 0 {
			text, _ = slackPlain(mention.ReplaceAllString(strings.Join(content.lines, "\n"), " "))
			text = strings.TrimSpace(plainMention.ReplaceAllString(text, " "))
			links = content.links
		}
	}
	if text == "" {
		text = fileNames(event)
	}
	if text == "" && ref == nil {
		batch.Warnings = append(batch.Warnings, "the message shows nothing")
		return
	}
	if text == "" {
		text = "(a mention without text)"
	}
	s := incident.Signal{
		Kind: incident.KindQuestion, EventType: batch.EventType, Status: incident.StatusFiring,
		Title: questionPrefix + strings.Join(strings.Fields(text), " "), TitleMax: maxQuestion, Description: text, Links: labelled(links),
	}
	place(&s, ref, event)
	batch.Signals = append(batch.Signals, s)
}

func fileNames(event object) string {
	var names []string
	for _, f := range event.objects("files") {
		if name := f.text("title", "name"); name != "" && len(names) < 5 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// place gives a signal its time, its key and its place in Slack. A message is an
// event: it happens once. Without a channel and a time there is only content,
// which may come again after it was resolved, so that key is an alert's.
func place(s *incident.Signal, ref *incident.SlackRef, event object) {
	if at, ok := parseTime(event.text("ts", "event_ts", "timestamp")); ok {
		s.Timestamp = at
	}
	if ref == nil {
		content := s.Group
		if content == "" {
			content = s.Description
		}
		s.Key = incident.Key{Kind: incident.KeyAlert, Value: content}
		return
	}
	s.Slack = ref
	s.IncidentID = "slack_" + strings.ReplaceAll(ref.MessageTS, ".", "_")
	s.Key = incident.Key{Kind: incident.KeyEvent, Value: ref.ChannelID + ":" + ref.MessageTS, Opaque: true}
}

// parseOutgoing reads a legacy outgoing webhook. Somebody chose its trigger word
// for alerts, so it is one, whoever typed it.
func (p *slack) parseOutgoing(body object) Batch {
	batch := Batch{EventType: "outgoing_webhook"}
	if id := p.selfBotID(); id != "" && body.text("bot_id") == id {
		batch.Ignored = ignoredSelf
		return batch
	}
	event := maps.Clone(body)
	event["channel"], event["user"] = body.text("channel_id"), body.text("user_id")
	if ts := body.text("timestamp"); strings.Contains(ts, ".") {
		event["ts"] = ts
	}
	p.addAlert(&batch, event, slackRef(body, event))
	// People end such a message with how bad it is: "outage checkout high".
	words := strings.Fields(body.text("text"))
	for i := range batch.Signals {
		if len(words) == 0 {
			break
		}
		if severity, ok := incident.ParseSeverity(words[len(words)-1]); ok {
			batch.Signals[i].Severity = severity
		}
	}
	return batch
}

// parseIncoming reads the body that bots post to an incoming webhook: a message
// that is not in Slack yet, so it has no ts to answer under.
func (p *slack) parseIncoming(body object) Batch {
	batch := Batch{EventType: "incoming_webhook"}
	p.addAlert(&batch, body, nil)
	return batch
}

// labelled names the links that have no label of their own after their host.
func labelled(links []incident.Link) []incident.Link {
	out := make([]incident.Link, 0, len(links))
	at := map[string]int{}
	for _, l := range links {
		if i, seen := at[l.URL]; seen {
			if out[i].Title == "" {
				out[i].Title = l.Title
			}
			continue
		}
		at[l.URL] = len(out)
		out = append(out, l)
	}
	for i := range out {
		if out[i].Title == "" || strings.HasPrefix(out[i].Title, "http") {
			out[i].Title = hostOf(out[i].URL)
		}
	}
	return out
}

func hostOf(address string) string {
	_, rest, found := strings.Cut(address, "://")
	if !found {
		return address
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	return rest
}
