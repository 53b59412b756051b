package providers

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
)

func init() {
	Register(Spec{
		Name: "zendesk", Title: "Zendesk", New: newZendesk, StaleStatus: http.StatusBadRequest,
		Schemes: presets["zendesk"],
		SecretHelp: "Zendesk Admin Center, Apps and integrations, Webhooks, the webhook's Signing secret: Reveal secret. " +
			"Used as it is shown, not decoded.",
		Fixtures: []string{
			"ticket_created", "ticket_solved", "ticket_priority_changed", "ticket_comment_added", "trigger_open", "trigger_solved",
		},
	})
}

// zendeskInvocation is the same on every retry of one webhook invocation.
const zendeskInvocation = "X-Zendesk-Webhook-Invocation-Id"

// zendeskEvent is the prefix of the event types that Zendesk itself sends.
const zendeskEvent = "zen:event-type:"

type zendesk struct{ *verifier }

func newZendesk(cfg Config) (Provider, error) {
	v, err := newVerifier(presets["zendesk"], cfg)
	if err != nil {
		return nil, err
	}
	return &zendesk{v}, nil
}

// Sign adds what Zendesk adds: signature, time, content type and an invocation
// id, made from the body and the time so that the same call makes the same one.
func (p *zendesk) Sign(r *Request, at time.Time) {
	prepareHeader(r)
	stamp := at.UTC().Format(time.RFC3339)
	if r.Header.Get(zendeskInvocation) == "" {
		sum := sha256.Sum256(append([]byte(stamp), r.Body...))
		r.Header.Set(zendeskInvocation, fmt.Sprintf("01%X", sum[:12]))
	}
	p.verifier.Sign(r, at)
}

// Parse reads an event that Zendesk wrote, or the body that somebody wrote for a
// trigger or an automation. A webhook may have no body: it is stored.
func (p *zendesk) Parse(r *Request) (Batch, error) {
	invocation := strings.TrimSpace(r.Header.Get(zendeskInvocation))
	if len(bytes.TrimSpace(r.Body)) == 0 {
		return Batch{EventID: invocation, EventType: "empty"}, nil
	}
	var body object
	if form, ok := formOf(r); ok {
		body = formObject(form)
	} else {
		var err error
		if body, err = decodeObject(r.Body); err != nil {
			return Batch{}, err
		}
	}
	var batch Batch
	if kind := body.text("type"); strings.HasPrefix(kind, "zen:") {
		batch = parseZendeskEvent(body, strings.TrimPrefix(kind, zendeskEvent))
	} else {
		batch = parseZendeskTrigger(body)
	}
	if invocation != "" {
		batch.EventID = invocation
	}
	return batch, nil
}

// parseZendeskEvent reads an event. Only tickets make incidents; users,
// organisations, articles and the rest are stored.
func parseZendeskEvent(body object, kind string) Batch {
	batch := Batch{EventID: body.text("id"), EventType: kind}
	family, what, _ := strings.Cut(kind, ".")
	if family != "ticket" && family != "messaging_ticket" {
		return batch
	}
	detail, change := body.object("detail"), body.object("event")
	number := detail.text("id")
	if number == "" {
		number = strings.TrimPrefix(body.text("subject"), "zen:ticket:")
	}
	if number == "" {
		batch.Warnings = append(batch.Warnings, "the event names no ticket")
		return batch
	}
	t := zendeskTicket{
		number: number, title: detail.text("subject"), description: detail.text("description"),
		status: detail.text("status"), priority: detail.text("priority"), kind: detail.text("type"),
		at: body.text("time"), eventType: kind, channel: detail.object("via").text("channel"),
	}
	t.changeBy, t.change = zendeskChange(what, change)
	t.tags = detailTags(detail)
	switch what {
	case "status_changed":
		t.status = orElse(change.text("current"), t.status)
	case "priority_changed":
		t.priority = orElse(change.text("current"), t.priority)
	case "subject_changed":
		t.title = orElse(change.text("current"), t.title)
	case "soft_deleted", "permanently_deleted", "marked_as_spam", "merged":
		t.status = "closed"
	}
	batch.Signals = []incident.Signal{t.signal(&batch)}
	return batch
}

// zendeskChange says in a line what the event reports beyond the ticket's state:
// by whom, and what, which is Markdown.
func zendeskChange(what string, change object) (by, said string) {
	if comment := change.object("comment"); comment != nil {
		said = cmp.Or(comment.text("body", "plain_body"), plainText(comment.text("html_body")))
		if author := comment.object("author").text("name"); author != "" {
			return "Comment by " + author + ": ", said
		}
		return "Comment: ", said
	}
	previous, current := change.text("previous"), change.text("current")
	if previous == "" && current == "" {
		return "", ""
	}
	return strings.ReplaceAll(strings.TrimSuffix(what, "_changed"), "_", " ") + " changed from " +
		orElse(previous, "nothing") + " to " + orElse(current, "nothing"), ""
}

func detailTags(detail object) []string {
	var tags []string
	list, _ := detail["tags"].([]any)
	for _, v := range list[:min(len(list), maxEntries)] {
		if s := scalar(v); s != "" {
			tags = append(tags, s)
		}
	}
	return tags
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
