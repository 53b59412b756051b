package slack

import (
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
	state := standing(r)
	blocks := []slackgo.Block{
		slackgo.NewHeaderBlock(slackgo.NewTextBlockObject(slackgo.PlainTextType, incident.Cut(s.Title, maxHeader), false, false)),
		contextBlock(fmt.Sprintf("%s *%s* · %s · %s%s", severityEmoji[s.Severity], s.Severity, escape(s.Source), state, seen(r))),
	}
	if s.Description != "" {
		blocks = append(blocks, sections([]string{escape(incident.Cut(s.Description, maxLine))})...)
	}
	if l := links(s.Links); l != "" {
		blocks = append(blocks, contextBlock(l))
	}
	return message{Text: plain(fmt.Sprintf("[%s] %s (%s)", s.Severity, s.Title, state)), Blocks: blocks}
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
	s := r.Signal
	blocks := sections([]string{"*" + escape(incident.Cut(v.Summary, maxLine)) + "*"})
	blocks = append(blocks, contextBlock(fmt.Sprintf("%s *%s* · %s%s%s", severityEmoji[s.Severity], s.Severity, escape(s.Source), seen(r), handled(r))))
	blocks = append(blocks, slackgo.NewDividerBlock())
	blocks = append(blocks, sections(append([]string{"*Key Evidence*"}, evidenceLines(r.Evidence)...))...)
	blocks = append(blocks, sections(append([]string{"*Autonomous Analysis*"}, analysisLines(*v)...))...)
	blocks = bound(blocks, contextBlock(footer(r, v.Analyst)))
	return message{Text: plain(v.Summary), Blocks: blocks}
}

func failure(r incident.Report) message {
	lines := []string{
		"*This alert was received, but its analysis failed.*",
		escape(incident.Cut(r.Failure, maxLine)),
		"Nothing is lost: run `nerve incidents rerun " + escape(r.Signal.IncidentID) + "` to go on from the step that failed, " +
			"or `nerve incidents resolve " + escape(r.Signal.IncidentID) + "` to close it.",
	}
	return message{
		Text:   plain("The analysis of this alert failed: " + r.Signal.Title),
		Blocks: bound(sections(lines), contextBlock(footer(r, ""))),
	}
}

func evidenceLines(evidence []incident.Evidence) []string {
	if len(evidence) == 0 {
		return []string{"_None: no tool returned anything._"}
	}
	lines := make([]string, 0, len(evidence))
	for _, e := range evidence {
		text := escape(incident.Cut(strings.Join(strings.Fields(e.Text), " "), maxLine/2))
		switch {
		case e.Failed:
			text = ":warning: could not see " + escape(e.Title) + ": " + text
		case e.URL != "":
			text = link(e.URL, e.Title)
		case e.Title != "" && e.Title != e.Text:
			text = "*" + escape(e.Title) + ":* " + text
		}
		if !e.At.IsZero() {
			text += " _" + slackDate(e.At) + "_"
		}
		lines = append(lines, "• `"+escape(e.ID)+"` "+text)
	}
	return lines
}

func analysisLines(v incident.Verdict) []string {
	var lines []string
	for _, c := range v.Claims {
		lines = append(lines, "• "+escape(incident.Cut(c.Text, maxLine))+" `"+escape(strings.Join(c.Evidence, " "))+"`")
	}
	lines = append(lines,
		"*Likely cause:* "+escape(incident.Cut(v.LikelyCause, maxLine)),
		"*Confidence:* "+string(v.Confidence))
	if len(v.NextSteps) > 0 {
		lines = append(lines, "*Next steps*")
		for i, step := range v.NextSteps {
			lines = append(lines, fmt.Sprintf("%d. %s", i+1, escape(incident.Cut(step, maxLine))))
		}
	}
	return lines
}

func footer(r incident.Report, analyst string) string {
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
	return strings.Join(parts, " · ")
}

func seen(r incident.Report) string {
	if r.Occurrences < 2 {
		return ""
	}
	return fmt.Sprintf(" · seen *%d times*, last %s", r.Occurrences, slackDate(r.LastSeen))
}

// standing is an incident's status and whose it is, for the headline.
func standing(r incident.Report) string {
	if by := handled(r); by != "" {
		return strings.TrimPrefix(by, " · ")
	}
	return string(r.Status)
}

func handled(r incident.Report) string {
	switch {
	case r.Status == incident.StatusResolved && r.ResolvedBy != "":
		return " · :white_check_mark: resolved by " + escape(r.ResolvedBy)
	case r.Status == incident.StatusResolved:
		return " · :white_check_mark: resolved"
	case !r.SnoozedUntil.IsZero():
		return " · :zzz: snoozed by " + escape(r.SnoozedBy) + " until " + slackDate(r.SnoozedUntil)
	case r.AcknowledgedBy != "":
		return " · acknowledged by " + escape(r.AcknowledgedBy)
	}
	return ""
}

func links(all []incident.Link) string {
	var parts []string
	for _, l := range all {
		if len(parts) == 5 {
			break
		}
		parts = append(parts, link(l.URL, l.Title))
	}
	return strings.Join(parts, " · ")
}

// slackDate lets Slack show a time in the reader's own zone.
func slackDate(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time_secs}|%s>", t.Unix(), t.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// sections packs lines into as few section blocks as Slack's limit allows.
func sections(lines []string) []slackgo.Block {
	var (
		blocks []slackgo.Block
		text   string
	)
	flush := func() {
		if text != "" {
			blocks = append(blocks, slackgo.NewSectionBlock(slackgo.NewTextBlockObject(slackgo.MarkdownType, text, false, false), nil, nil))
		}
		text = ""
	}
	for _, l := range lines {
		l = cutMarkup(l, maxSection)
		if text != "" && utf8.RuneCountInString(text)+utf8.RuneCountInString(l)+1 > maxSection {
			flush()
		}
		if text != "" {
			text += "\n"
		}
		text += l
	}
	flush()
	return blocks
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

// bound keeps a message inside Slack's number of blocks; what goes says so.
func bound(blocks []slackgo.Block, last slackgo.Block) []slackgo.Block {
	if len(blocks)+1 > maxBlocks {
		blocks = append(blocks[:maxBlocks-2], contextBlock("_More was found than one message holds: see the workflow._"))
	}
	return append(blocks, last)
}

func contextBlock(text string) slackgo.Block {
	return slackgo.NewContextBlock("", slackgo.NewTextBlockObject(slackgo.MarkdownType, cutMarkup(text, maxSection), false, false))
}

func plain(text string) string { return escape(incident.Cut(text, maxPlain/2)) }
