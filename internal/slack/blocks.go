package slack

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	slackgo "github.com/slack-go/slack"

	"github.com/nerve-alerts/nerve/incident"
)

// Slack's limits, with room to spare for what nerve adds around the text.
const (
	maxSection = 2900 // characters; Slack refuses a section above 3,000
	maxBlocks  = 48   // Slack refuses a message above 50
	maxHeader  = 150  // characters of plain text
	maxLine    = 700  // one bullet
	maxPlain   = 3000 // the notification text
	maxName    = 100  // a person or a source

	// maxMessage is how many characters of JSON the blocks of a message take. Slack
	// does not document its own limit: msg_blocks_too_long comes from about 13,200
	// on, what is around the text included (slackapi/bolt-js issues 2509 and 2867).
	maxMessage = 12_000
)

// message is what goes to chat.postMessage and chat.update.
type message struct {
	Text   string // what a notification and a screen reader say
	Blocks []slackgo.Block
}

var severityEmoji = map[incident.Severity]string{
	incident.SeverityCritical: ":red_circle:",
	incident.SeverityHigh:     ":large_orange_circle:",
	incident.SeverityMedium:   ":large_yellow_circle:",
	incident.SeverityLow:      ":large_blue_circle:",
	incident.SeverityInfo:     ":white_circle:",
}

// headline is the message that opens the thread of an incident that did not
// come from Slack.
func headline(r incident.Report) message {
	s := r.Signal
	p := newPage()
	p.block(header(s.Title, false))
	p.block(standing(r, true))
	if utf8.RuneCountInString(s.Title) > maxHeader {
		p.add(p.rest(), bold(s.Title)) // the header has its beginning
	}
	if s.Description != "" {
		p.add(p.rest(), words(incident.Cut(s.Description, maxLine)))
	}
	p.add(p.rest(), links(s.Links))
	return message{Text: plain(fmt.Sprintf("[%s] %s (%s)", s.Severity, s.Title, cmp.Or(handled(r), string(r.Status)))), Blocks: p.end()}
}

// header is a title, which is shown as it is written.
func header(title string, emoji bool) slackgo.Block {
	title = cmp.Or(strings.TrimSpace(incident.Cut(readable(title), maxHeader)), "Alert") // Slack refuses an empty one
	return slackgo.NewHeaderBlock(slackgo.NewTextBlockObject(slackgo.PlainTextType, title, emoji, false))
}

// answer is the report in the thread.
func answer(r incident.Report) message {
	if r.Failure != "" {
		return failure(r)
	}
	v := r.Verdict
	if v == nil {
		v = &incident.Verdict{Summary: r.Signal.Title, LikelyCause: incident.Inconclusive, Confidence: incident.ConfidenceLow}
	}
	p := newPage(footer(r, v.Analyst))
	p.add(p.rest(), bold(incident.Cut(v.Summary, maxLine)))
	p.block(standing(r, false))
	p.block(slackgo.NewDividerBlock())
	p.add(p.rest()/2, append([]line{bold("Key Evidence")}, evidenceLines(r.Evidence)...)...)
	p.gap()
	p.add(p.rest()/2, append([]line{bold("Autonomous Analysis")}, claimLines(v.Claims)...)...)
	p.add(p.rest(),
		join(bold("Likely cause:"), words(" "+incident.Cut(v.LikelyCause, maxLine))),
		join(bold("Confidence:"), words(" "+string(v.Confidence))))
	p.add(p.rest(), stepLines(v.NextSteps)...)
	return message{Text: plain(v.Summary), Blocks: p.end()}
}

func failure(r incident.Report) message {
	p := newPage(footer(r, ""))
	p.add(p.rest(),
		bold("This alert was received, but its analysis failed."),
		words(incident.Cut(r.Failure, maxLine)),
		join(words("Nothing is lost: run "), code("nerve incidents rerun "+r.Signal.IncidentID), words(" to go on from the step that failed, or "),
			code("nerve incidents resolve "+r.Signal.IncidentID), words(" to close it.")))
	return message{Text: plain("The analysis of this alert failed: " + r.Signal.Title), Blocks: p.end()}
}

func evidenceLines(evidence []incident.Evidence) []line {
	if len(evidence) == 0 {
		return []line{italic("None: no tool returned anything.")}
	}
	lines := make([]line, 0, len(evidence))
	for _, e := range evidence {
		title := incident.Cut(oneLine(e.Title, maxLine), maxLine/2)
		text := words(oneLine(e.Text, maxLine/2))
		switch {
		case e.Failed:
			text = join(emoji("warning"), words(" could not see "+title+": "), text)
		case e.URL != "":
			text = linked(e.URL, title)
		case e.Title != "" && e.Title != e.Text:
			text = join(bold(title+":"), words(" "), text)
		}
		if !e.At.IsZero() {
			text = join(text, words(" "), moment(e.At))
		}
		lines = append(lines, join(words("• "), code(e.ID), words(" "), text))
	}
	return lines
}

func claimLines(claims []incident.Claim) []line {
	lines := make([]line, 0, len(claims))
	for _, c := range claims {
		lines = append(lines, join(words("• "+incident.Cut(c.Text, maxLine)+" "), code(strings.Join(c.Evidence, " "))))
	}
	return lines
}

func stepLines(steps []string) []line {
	if len(steps) == 0 {
		return nil
	}
	lines := []line{bold("Next steps")}
	for i, step := range steps {
		lines = append(lines, words(fmt.Sprintf("%d. %s", i+1, incident.Cut(step, maxLine))))
	}
	return lines
}

func footer(r incident.Report, analyst string) slackgo.Block {
	var parts []string
	switch analyst {
	case incident.AnalystRules:
		parts = append(parts, "Analysed by rules, without a model")
	case incident.AnalystModel:
		parts = append(parts, "Analysed by a model")
	}
	if r.WorkflowURL != "" {
		parts = append(parts, link(r.WorkflowURL, "Workflow"))
	}
	parts = append(parts, "`"+escape(r.Signal.IncidentID)+"`")
	return contextBlock(strings.Join(parts, " · "))
}

// standing is how an incident stands, in the small line under its title. What
// people and configurations named is plain text in it.
func standing(r incident.Report, status bool) slackgo.Block {
	who, by := "· "+oneLine(r.Signal.Source, maxName), handled(r)
	if by == "" && status {
		by = string(r.Status)
	}
	if by != "" {
		who += " · " + by
	}
	parts := []slackgo.MixedElement{marked(fmt.Sprintf("%s *%s*", severityEmoji[r.Signal.Severity], r.Signal.Severity)), unmarked(who)}
	if strings.HasPrefix(by, snoozed) {
		parts = append(parts, marked("until "+slackDate(r.SnoozedUntil)))
	}
	if r.Occurrences > 1 {
		parts = append(parts, marked(fmt.Sprintf("· seen *%d times*, last %s", r.Occurrences, slackDate(r.LastSeen))))
	}
	return slackgo.NewContextBlock("", parts...)
}

const snoozed = ":zzz: snoozed by "

// handled says whose an incident is, or nothing.
func handled(r incident.Report) string {
	switch {
	case r.Status == incident.StatusResolved && r.ResolvedBy != "":
		return ":white_check_mark: resolved by " + incident.Cut(r.ResolvedBy, maxName)
	case r.Status == incident.StatusResolved:
		return ":white_check_mark: resolved"
	case !r.SnoozedUntil.IsZero():
		return snoozed + incident.Cut(r.SnoozedBy, maxName)
	case r.AcknowledgedBy != "":
		return "acknowledged by " + incident.Cut(r.AcknowledgedBy, maxName)
	}
	return ""
}

func links(all []incident.Link) line {
	var out line
	for i, l := range all[:min(len(all), 5)] {
		if i > 0 {
			out = join(out, words(" · "))
		}
		out = join(out, linked(l.URL, incident.Cut(l.Title, maxName)))
	}
	return out
}

// slackDate lets Slack show a time in the reader's own zone.
func slackDate(t time.Time) string {
	return fmt.Sprintf("<!date^%d^%s|%s>", t.Unix(), dateFormat, t.UTC().Format(dateFallback))
}

// cutMarkup bounds a line that escaping made longer, without leaving half an
// entity or half a link behind.
func cutMarkup(line string, n int) string {
	if utf8.RuneCountInString(line) <= n {
		return line
	}
	cut := string([]rune(line)[:n-1])
	if i := strings.LastIndexByte(cut, '<'); i > strings.LastIndexByte(cut, '>') {
		cut = cut[:i] // before the entities: a link's address has some
	}
	if i := strings.LastIndexByte(cut, '&'); i >= 0 && !strings.Contains(cut[i:], ";") {
		cut = cut[:i]
	}
	return cut + "…"
}

func contextBlock(text string) slackgo.Block { return slackgo.NewContextBlock("", marked(text)) }

// marked is nerve's own text in Slack's markup.
func marked(text string) slackgo.MixedElement {
	return slackgo.NewTextBlockObject(slackgo.MarkdownType, cutMarkup(text, maxSection), false, false)
}

// unmarked is text without markup, but for emoji.
func unmarked(text string) slackgo.MixedElement {
	text = strings.TrimSpace(incident.Cut(readable(text), maxLine))
	return slackgo.NewTextBlockObject(slackgo.PlainTextType, text, true, false)
}

// plain is the notification text. It is bounded as it is sent: chat.update
// refuses more than 4,000 characters, and an "&" has five.
func plain(text string) string {
	return cutMarkup(escape(incident.Cut(readable(text), maxPlain/2)), maxPlain)
}

func oneLine(text string, n int) string {
	return incident.Cut(strings.Join(strings.Fields(text), " "), n)
}
