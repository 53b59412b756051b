package providers

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/nerve-alerts/nerve/incident"
)

// zendeskTicket is what a payload says of a ticket.
type zendeskTicket struct {
	number, title, description                string
	changeBy, change                          string // what comes before the Markdown, and it
	status, priority, kind, action, eventType string
	link, requester, assignee, organisation   string
	group, channel, at, externalID            string
	tags                                      []string
}

// zendeskLift are the containers that trigger bodies nest placeholders in.
var zendeskLift = []string{"ticket", "data", "payload", "detail", "details", "metadata", "alert", "incident", "body"}

// parseZendeskTrigger reads the body of a trigger or an automation. Its author
// names the fields, so each placeholder is looked for under the names in use, in
// any case (see flat). A body that names no ticket is stored.
func parseZendeskTrigger(body object) Batch {
	f := flatten(body, zendeskLift...)
	t := zendeskTicket{
		number: ticketNumber(f),
		title:  f.text("tickettitle", "title", "subject", "ticketsubject", "summary", "rawtitle"),
		description: cmp.Or(
			f.text("ticketdescription", "description", "message", "comment", "latestcomment", "ticketlatestcomment", "latestpubliccomment"),
			plainText(f.text("latestcommenthtml")), f.text("comments", "ticketcomment", "text", "body", "content", "details")),
		status:       f.text("ticketstatus", "status", "state", "ticketstate", "customstatus", "statuscategory"),
		priority:     f.text("ticketpriority", "priority", "severity", "urgency"),
		kind:         f.text("tickettype", "issuetype"),
		action:       f.text("eventtype", "event", "action", "eventaction", "trigger", "type"),
		link:         f.text("link", "ticketlink", "ticketurl", "url", "href", "agenturl", "ticketurlwithprotocol"),
		requester:    f.text("requesterfullname", "requestername", "requester", "ticketrequestername", "ticketrequester", "requesteremail"),
		assignee:     f.text("assigneefullname", "assigneename", "assignee", "ticketassigneename", "ticketassignee", "assigneeemail"),
		organisation: f.text("organizationname", "organization", "ticketorganizationname"),
		group:        f.text("groupname", "group", "ticketgroupname", "assigneegroup"),
		channel:      f.text("via", "ticketvia", "channel"),
		externalID:   f.text("externalid", "ticketexternalid"),
		at:           f.text("updatedatwithtimestamp", "updatedatwithtime", "updatedat", "ticketupdatedatwithtimestamp", "timestamp", "time", "createdatwithtimestamp", "createdat"),
		tags:         f.list(spaceOrComma, "tags", "tickettags", "tag"),
	}
	if zendeskKinds[strings.ToLower(t.action)] {
		t.kind, t.action = orElse(t.kind, t.action), "" // "type": "{{ticket.ticket_type}}"
	}
	t.readMessage()
	batch := Batch{EventType: "trigger"}
	if t.action != "" {
		batch.EventType = "trigger." + squashWord(t.action)
	}
	t.eventType = batch.EventType
	if t.number == "" && t.title == "" && t.description == "" {
		batch.Warnings = append(batch.Warnings, "the body names no ticket: map {{ticket.id}} and {{ticket.title}} to it")
		return batch
	}
	batch.Signals = []incident.Signal{t.signal(&batch)}
	return batch
}

// zendeskKinds are Zendesk's ticket types.
var zendeskKinds = map[string]bool{"question": true, "incident": true, "problem": true, "task": true, "ticket": true}

var zendeskTicketURL = regexp.MustCompile(`/(?:agent/)?(?:tickets|requests)/(\d+)`)

// ticketNumber finds the ticket's number, from its address when nowhere else.
func ticketNumber(f flat) string {
	n := strings.TrimPrefix(f.text("ticketid", "ticketnumber", "id", "number", "ticket", "zendeskticketid", "zendeskid"), "#")
	if n == "" || len(n) > 40 {
		n = ""
		if m := zendeskTicketURL.FindStringSubmatch(f.text("link", "ticketlink", "ticketurl", "url")); m != nil {
			n = m[1]
		}
	}
	return n
}

var markdownLabel = regexp.MustCompile(`\*\*(\w[\w ]*):\*\*\s*([^|\n]+)`)

// readMessage takes fields out of a Markdown message ("**Status:** Open |
// **Priority:** Normal"), for bodies that put everything into one.
func (t *zendeskTicket) readMessage() {
	for _, m := range markdownLabel.FindAllStringSubmatch(incident.Cut(t.description, incident.MaxDescription), 20) {
		value := strings.TrimSpace(m[2])
		switch squash(m[1]) {
		case "status":
			t.status = orElse(t.status, value)
		case "priority":
			t.priority = orElse(t.priority, value)
		case "type":
			t.kind = orElse(t.kind, value)
		case "tags":
			if len(t.tags) == 0 {
				t.tags = spaceOrComma(strings.ReplaceAll(value, "`", ""))
			}
		}
	}
}

// signal makes the incident signal. Its key is the ticket number: a ticket that
// is opened again is the same alert firing again.
func (t *zendeskTicket) signal(b *Batch) incident.Signal {
	written, links := fromMarkdown(t.description)
	change, more := fromMarkdown(t.change)
	t.description, t.change = written, strings.TrimSpace(t.changeBy+change)
	s := incident.Signal{
		Kind: incident.KindTicket, EventType: t.eventType, Title: t.heading(),
		Status: t.state(), Severity: t.severity(b), Description: t.text(), Tags: t.tagMap(),
		Key: incident.Key{Kind: incident.KeyAlert, Value: t.number, Opaque: digits(t.number)},
	}
	if t.number == "" {
		s.Key.Value = "title:" + strings.ToLower(t.heading())
	} else {
		s.RelatedEntities = append(s.RelatedEntities, incident.Entity{Type: "ticket", Name: t.number})
	}
	if t.group != "" {
		s.RelatedEntities = append(s.RelatedEntities, incident.Entity{Type: "team", Name: t.group})
	}
	if link := t.link; link != "" {
		if !strings.Contains(link, "://") {
			link = "https://" + link // {{ticket.url}} has no scheme
		}
		s.Links = append(s.Links, incident.Link{Title: "Zendesk ticket", URL: link})
	}
	s.Links = labelled(append(append(s.Links, more...), links...))
	if at, ok := parseTime(t.at); ok {
		s.Timestamp = at
	}
	return s
}

func (t *zendeskTicket) heading() string {
	switch {
	case t.title != "":
		return t.title
	case t.number != "" && t.action != "" && !strings.Contains(t.action, ":"):
		return "Zendesk ticket " + t.number + ": " + t.action
	case t.number != "":
		return "Zendesk ticket " + t.number
	}
	return firstTextLine(t.description)
}

// state is resolved for tickets that are done. An action that the trigger's
// author named ("resolve", "acknowledge") says more than the ticket's state.
func (t *zendeskTicket) state() incident.Status {
	switch strings.ToLower(t.action) {
	case "resolve", "resolved", "solve", "solved", "close", "closed":
		return incident.StatusResolved
	case "acknowledge", "acknowledged", "ack":
		return incident.StatusAcknowledged
	}
	switch strings.ToLower(t.status) {
	case "solved", "closed", "resolved", "deleted", "archived":
		return incident.StatusResolved
	}
	return incident.StatusFiring
}

// severity maps Zendesk's four priorities; words of another scale are read too.
func (t *zendeskTicket) severity(b *Batch) incident.Severity {
	if t.priority == "" || t.priority == "-" {
		return ""
	}
	if s, ok := parseSeverity(t.priority); ok {
		return s
	}
	b.Warnings = append(b.Warnings, "the priority is not known")
	return ""
}

// text puts the latest change before the ticket's own description.
func (t *zendeskTicket) text() string {
	return strings.TrimSpace(t.change + "\n\n" + t.description)
}

func (t *zendeskTicket) tagMap() map[string]string {
	tags := map[string]string{}
	for key, value := range map[string]string{
		"status": strings.ToLower(t.status), "priority": strings.ToLower(t.priority), "type": strings.ToLower(t.kind),
		"requester": t.requester, "assignee": t.assignee, "organization": t.organisation, "group": t.group,
		"channel": t.channel, "external_id": t.externalID, "tags": strings.Join(t.tags, ", "),
	} {
		if value != "" {
			tags[key] = value
		}
	}
	return tags
}

// spaceOrComma cuts a tag list: Zendesk's {{ticket.tags}} is space separated.
func spaceOrComma(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == ';' })
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// squashWord makes an event type's last part out of what an author typed.
func squashWord(s string) string {
	return incident.Cut(strings.Join(strings.Fields(strings.ToLower(s)), "_"), 60)
}
