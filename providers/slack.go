package providers

import (
	"bytes"
	"net/http"

	"github.com/nerve-alerts/nerve/incident"
)

func init() {
	Register(Spec{ //nolint:gosec // SecretHelp says where the secret is shown, it holds none
		Name: "slack", Title: "Slack", New: newSlack, StaleStatus: http.StatusUnauthorized,
		Schemes:    presets["slack"],
		SecretHelp: "api.slack.com/apps, your app, Basic Information, App Credentials: Signing Secret (32 hex digits).",
		Fixtures: []string{
			"bot_attachment_firing", "bot_attachment_resolved", "bot_blocks_firing", "bot_text_firing",
			"bot_blocks_in_attachment", "question", "app_mention",
		},
	})
}

type slack struct {
	*verifier
	selfBotID func() string
}

func newSlack(cfg Config) (Provider, error) {
	v, err := newVerifier(presets["slack"], cfg)
	if err != nil {
		return nil, err
	}
	self := cfg.SelfBotID
	if self == nil {
		self = func() string { return "" }
	}
	return &slack{verifier: v, selfBotID: self}, nil
}

// maxChallenge bounds what is echoed; Slack's challenges have 52 characters.
const maxChallenge = 256

// Handshake answers url_verification with the challenge as plain text.
func (p *slack) Handshake(r *Request) *Response {
	if !bytes.Contains(r.Body, []byte("url_verification")) {
		return nil // every event comes by here: do not decode it for nothing
	}
	body, err := decodeObject(r.Body)
	if err != nil || body.text("type") != "url_verification" {
		return nil
	}
	challenge := body.text("challenge")
	if challenge == "" || len(challenge) > maxChallenge {
		return nil
	}
	return &Response{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: []byte(challenge)}
}

// Parse reads an Events API envelope, and what else Slack or a bot written for
// Slack may post: interactivity and slash commands (forms), outgoing webhooks,
// and the body of an incoming webhook.
func (p *slack) Parse(r *Request) (Batch, error) {
	if form, ok := formOf(r); ok {
		return p.parseForm(formObject(form))
	}
	body, err := decodeObject(r.Body)
	if err != nil {
		return Batch{}, err
	}
	return p.parseBody(body)
}

func (p *slack) parseForm(form object) (Batch, error) {
	if form.text("command") != "" {
		return Batch{EventID: form.text("trigger_id"), EventType: "slash_command"}, nil
	}
	payload := form.object("payload")
	if payload == nil {
		return p.parseBody(form)
	}
	return p.parseBody(payload)
}

func (p *slack) parseBody(body object) (Batch, error) {
	kind := body.text("type")
	event := body.object("event")
	switch {
	case kind == "event_callback" && event == nil:
		return Batch{}, incident.FieldErrors{{Field: "event", Code: "required", Message: "is missing from an event_callback"}}
	case kind == "url_verification":
		return Batch{}, incident.FieldErrors{{Field: "challenge", Code: "required", Message: "is missing or too long"}}
	case event != nil && (kind == "event_callback" || event.text("type") != ""):
		return p.parseEvent(body, event), nil
	case interaction(body, kind):
		return Batch{EventID: body.text("trigger_id"), EventType: "interaction." + kind}, nil
	case kind == "message", kind == "app_mention":
		return p.parseEvent(object{}, body), nil
	case kind != "" && !messageBody(body):
		return Batch{EventID: body.text("event_id"), EventType: kind}, nil
	case body.text("trigger_word") != "" || body.text("service_id") != "" && body.text("channel_id") != "":
		return p.parseOutgoing(body), nil
	case messageBody(body):
		return p.parseIncoming(body), nil
	}
	return Batch{EventType: "unknown", Warnings: []string{"not a payload that Slack documents"}}, nil
}

// interaction reports whether a body is what Slack sends for a button, shortcut
// or dialog. They all carry the person as an object, and no event.
func interaction(body object, kind string) bool {
	return kind != "" && body.object("user") != nil && body.object("event") == nil &&
		(body.text("trigger_id", "callback_id", "response_url", "action_ts") != "" || body["actions"] != nil || body["view"] != nil) ||
		slackInteractions[kind]
}

var slackInteractions = map[string]bool{
	"block_actions": true, "interactive_message": true, "message_action": true, "shortcut": true,
	"view_submission": true, "view_closed": true, "dialog_submission": true, "dialog_cancellation": true,
	"block_suggestion": true, "dialog_suggestion": true, "workflow_step_edit": true,
}

// messageBody reports whether a body is a message as an incoming webhook takes it.
func messageBody(body object) bool {
	_, text := body["text"]
	return text || body["attachments"] != nil || body["blocks"] != nil
}

// prepareHeader gives a request a header map and a content type.
func prepareHeader(r *Request) {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if r.Header.Get("Content-Type") != "" {
		return
	}
	r.Header.Set("Content-Type", "application/json")
	if _, form := formOf(r); form {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
}
