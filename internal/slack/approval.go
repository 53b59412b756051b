package slack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// approvalMarker is the type of the metadata on what nerve says of an approval.
const approvalMarker = "nerve_approval"

// What the buttons of an approval are called in what Slack sends on a click.
const (
	approvalBlock = "nerve_approval"
	actionGrant   = "nerve_approval_grant"
	actionDeny    = "nerve_approval_deny"
)

const (
	maxFields     = 10  // lines of what is to be set
	maxFieldValue = 200 // characters
)

// AskApproval posts the request in a channel unless it is there, and returns
// where it is.
func (c *Client) AskApproval(ctx context.Context, channel string, n contract.ApprovalNotice) (incident.SlackRef, error) {
	key := approvalKey(n, "")
	h, err := c.api.GetConversationHistoryContext(ctx, &slackgo.GetConversationHistoryParameters{
		ChannelID: channel, Limit: historyLimit, IncludeAllMetadata: true,
	})
	if err != nil {
		return incident.SlackRef{}, translate("conversations.history", err)
	}
	ts := ownApproval(h.Messages, key)
	if ts == "" {
		_, ts, err = c.api.PostMessageContext(ctx, channel, approvalOptions(approvalMessage(n), key)...)
		if err != nil {
			return incident.SlackRef{}, translate("chat.postMessage", err)
		}
	}
	return incident.SlackRef{ChannelID: channel, MessageTS: ts, ThreadTS: ts}, nil
}

// EditApproval makes the message show how the approval stands. One that somebody
// deleted is left so: its result is in the audit log.
func (c *Client) EditApproval(ctx context.Context, ref incident.SlackRef, n contract.ApprovalNotice) error {
	_, _, _, err := c.api.UpdateMessageContext(ctx, ref.ChannelID, ref.MessageTS, approvalOptions(approvalMessage(n), approvalKey(n, ""))...)
	if err = translate("chat.update", err); is(err, "message_not_found") {
		return nil
	}
	return err
}

// RemindApproval says once, in the message's thread and in the channel, that
// nobody has decided yet.
func (c *Client) RemindApproval(ctx context.Context, ref incident.SlackRef, n contract.ApprovalNotice) error {
	key := approvalKey(n, "reminder")
	reminded := false
	err := c.replies(ctx, ref, func(m slackgo.Message) bool {
		reminded = ownApproval([]slackgo.Message{m}, key) != ""
		return !reminded
	})
	if is(err, "thread_not_found") {
		return nil // the message was deleted: there is nothing to remind of
	}
	if err != nil || reminded {
		return err
	}
	p := newPage()
	p.add(p.rest(), join(emoji("hourglass_flowing_sand"), words(" Nobody has decided about "), code(string(n.Action)),
		words(" of "), bold(n.Target), words(" yet. It expires "), moment(n.Deadline), words(".")))
	m := message{Text: plain("Nobody has decided yet: " + doing(n)), Blocks: p.end()}
	_, _, err = c.api.PostMessageContext(ctx, ref.ChannelID, append(approvalOptions(m, key),
		slackgo.MsgOptionTS(ref.ThreadTS), slackgo.MsgOptionBroadcast())...)
	return translate("chat.postMessage", err)
}

// Tell shows a text in a channel, or a thread of it, to one person alone.
func (c *Client) Tell(ctx context.Context, channel, user, thread, text string) error {
	opts := []slackgo.MsgOption{slackgo.MsgOptionText(plain(text), false)}
	if thread != "" {
		opts = append(opts, slackgo.MsgOptionTS(thread))
	}
	_, err := c.api.PostEphemeralContext(ctx, channel, user, opts...)
	return translate("chat.postEphemeral", err)
}

func approvalOptions(m message, key map[string]any) []slackgo.MsgOption {
	return []slackgo.MsgOption{
		slackgo.MsgOptionText(m.Text, false), slackgo.MsgOptionBlocks(m.Blocks...), noPreviews,
		slackgo.MsgOptionMetadata(slackgo.SlackMetadata{EventType: approvalMarker, EventPayload: key}),
	}
}

// approvalKey tells the messages of one request from those of another.
func approvalKey(n contract.ApprovalNotice, kind string) map[string]any {
	return map[string]any{"approval_id": n.ID, "run_id": n.RunID, "kind": kind}
}

func ownApproval(msgs []slackgo.Message, key map[string]any) string {
	for _, m := range msgs {
		same := m.Metadata.EventType == approvalMarker
		for name, v := range key {
			same = same && m.Metadata.EventPayload[name] == v
		}
		if same {
			return m.Timestamp
		}
	}
	return ""
}

// approvalMessage is the request, or what became of it.
func approvalMessage(n contract.ApprovalNotice) message {
	title, text := headlineOf(n)
	last := []slackgo.Block{approvalFooter(n)}
	if n.Status == contract.ApprovalWaiting {
		last = append([]slackgo.Block{approvalButtons(n)}, last...)
	}
	p := newPage(last...)
	p.block(header(title, true))
	lines := []line{
		join(bold("What:"), words(" "), code(string(n.Action)), words(" of "), bold(n.Target)),
		join(bold("Asked by:"), words(" "+n.RequestedBy.Person+" ("+n.RequestedBy.Via+"), "), moment(n.RequestedAt)),
	}
	if n.Reason != "" {
		lines = append(lines, told("Reason:", n.Reason))
	}
	if n.Why != "" {
		lines = append(lines, told("Why a second person:", n.Why))
	}
	if removes := n.Removes(); removes != "" {
		lines = append(lines, told("Removes:", removes))
	}
	lines = append(lines, fieldLines(n.Fields)...)
	p.add(p.rest(), append(lines, decisionLines(n)...)...)
	return message{Text: plain(text), Blocks: p.end()}
}

// told is a line with a label.
func told(label, text string) line { return join(bold(label), words(" "+oneLine(text, maxLine))) }

// headlineOf is the title, and the notification's text.
func headlineOf(n contract.ApprovalNotice) (title, text string) {
	switch n.Status {
	case contract.ApprovalGranted:
		title = ":hourglass_flowing_sand: Approved, being applied"
	case contract.ApprovalApplied:
		title = ":white_check_mark: Approved and applied"
	case contract.ApprovalDenied:
		title = ":no_entry: Denied"
	case contract.ApprovalExpired:
		title = ":hourglass: Expired"
	case contract.ApprovalFailed:
		title = ":x: Approved, but not applied"
	default:
		return ":lock: A second person is asked", n.RequestedBy.Person + " asks for a second person: " + doing(n)
	}
	_, said, _ := strings.Cut(title, " ")
	return title, said + ": " + doing(n)
}

func doing(n contract.ApprovalNotice) string { return string(n.Action) + " of " + n.Target }

// fieldLines are what is to be set. A secret is never among the fields; what is
// called like one is not shown even so.
func fieldLines(fields map[string]any) []line {
	var lines []line
	for i, name := range slices.Sorted(maps.Keys(fields)) {
		if i == maxFields {
			lines = append(lines, join(words(fmt.Sprintf("• and %d more: ", len(fields)-i)), code("nerve approvals show"), words(" has all")))
			break
		}
		value := oneLine(fmt.Sprint(fields[name]), maxFieldValue)
		switch lower := strings.ToLower(name); {
		case fields[name] == nil:
			value = "the default"
		case strings.Contains(lower, "secret"), strings.Contains(lower, "token"), strings.Contains(lower, "password"):
			value = "(hidden)"
		}
		lines = append(lines, join(words("• "), code(name), words(": "+value)))
	}
	if len(lines) > 0 {
		lines = append([]line{bold("Sets:")}, lines...)
	}
	return lines
}

// decisionLines say who decided and what came of it, or until when somebody can.
func decisionLines(n contract.ApprovalNotice) []line {
	var lines []line
	if r := n.Ruling; r != nil {
		verb := "Denied"
		if r.Grant {
			verb = "Approved"
		}
		lines = append(lines, told(verb+" by:", r.Actor.Person+" ("+r.Actor.Via+")"))
		if r.Reason != "" {
			lines = append(lines, told("Their reason:", r.Reason))
		}
	}
	switch {
	case n.Failure != "" && n.Status == contract.ApprovalFailed:
		lines = append(lines, join(emoji("warning"), words(" "+oneLine(n.Failure, maxLine))), words("Nothing was changed. Ask for it again."))
	case n.Failure != "":
		lines = append(lines, words(oneLine(n.Failure, maxLine)))
	case n.Status == contract.ApprovalExpired:
		lines = append(lines, join(words("Nobody decided until "), moment(n.Deadline), words(". Nothing was changed.")))
	case n.Status == contract.ApprovalWaiting:
		lines = append(lines, join(bold("Until:"), words(" "), moment(n.Deadline)))
	}
	return lines
}

// approvalButtons name the approval and the run that is asked about, so that a
// button of an older request never decides a newer one.
func approvalButtons(n contract.ApprovalNotice) slackgo.Block {
	button := func(action, label string, style slackgo.Style) *slackgo.ButtonBlockElement {
		b := slackgo.NewButtonBlockElement(action, n.ID+"/"+n.RunID, slackgo.NewTextBlockObject(slackgo.PlainTextType, label, false, false))
		b.Style = style
		return b
	}
	return slackgo.NewActionBlock(approvalBlock, button(actionGrant, "Approve", slackgo.StylePrimary), button(actionDeny, "Deny", slackgo.StyleDanger))
}

func approvalFooter(n contract.ApprovalNotice) slackgo.Block {
	parts := []string{"`" + escape(n.ID) + "`"}
	if n.WorkflowURL != "" {
		parts = append(parts, link(n.WorkflowURL, "Workflow"))
	}
	if n.Status != contract.ApprovalWaiting {
		return contextBlock(strings.Join(parts, " · "))
	}
	parts = append(parts, "or `nerve approvals grant "+escape(n.ID)+"`")
	return slackgo.NewContextBlock("", marked(strings.Join(parts, " · ")), unmarked("not by "+incident.Cut(n.RequestedBy.Person, maxName)))
}
