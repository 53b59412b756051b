package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	slackgo "github.com/slack-go/slack"
)

// Error is a failed Slack call.
type Error struct {
	Op    string        // the Web API method
	Name  string        // Slack's error name, "http_503", "network" or "timeout"
	Retry bool          // whether the same call can succeed later
	After time.Duration // how long Slack asks to wait; 0 when it does not say
	Hint  string        // what a person can do about it
}

func (e *Error) Error() string {
	if e.Hint != "" {
		return fmt.Sprintf("slack: %s: %s (%s)", e.Op, e.Name, e.Hint)
	}
	return fmt.Sprintf("slack: %s: %s", e.Op, e.Name)
}

// Code is a stable name for the failure: "slack/<name>".
func (e *Error) Code() string { return "slack/" + e.Name }

// Retryable reports whether the same call can succeed later.
func (e *Error) Retryable() bool { return e.Retry }

// RetryAfter is how long Slack asks to wait.
func (e *Error) RetryAfter() time.Duration { return e.After }

// final lists the Slack errors that no retry mends, with what does. Names are
// those of Slack's method pages; anything that is not here is tried again.
var final = map[string]string{ //nolint:gosec // names of errors, no credentials
	"invalid_auth":            "check SLACK_BOT_TOKEN",
	"not_authed":              "set SLACK_BOT_TOKEN",
	"account_inactive":        "the app was removed from the workspace: install it again",
	"token_revoked":           "install the app again and set the new SLACK_BOT_TOKEN",
	"token_expired":           "set a fresh SLACK_BOT_TOKEN",
	"missing_scope":           "add the scope to the Slack app and install it again",
	"channel_not_found":       "check the channel id, and invite the app to it if it is private",
	"not_in_channel":          "invite the app to the channel",
	"is_archived":             "the channel is archived: route the source to another one",
	"restricted_action":       "a workspace setting forbids posting there",
	"message_not_found":       "the message was deleted",
	"thread_not_found":        "the thread was deleted",
	"cant_update_message":     "the message was posted by another app",
	"edit_window_closed":      "the workspace forbids edits after a while",
	"invalid_blocks":          "nerve built a message that Slack refuses: please report it",
	"invalid_blocks_format":   "nerve built a message that Slack refuses: please report it",
	"msg_blocks_too_long":     "nerve built a message that Slack refuses: please report it",
	"msg_too_long":            "nerve built a message that Slack refuses: please report it",
	"no_text":                 "nerve built a message that Slack refuses: please report it",
	"invalid_name":            "the workspace does not have this emoji",
	"too_many_emoji":          "the message has as many reactions as Slack allows",
	"too_many_reactions":      "the message has as many reactions as Slack allows",
	"not_reactable":           "this kind of message takes no reactions",
	"ekm_access_denied":       "the workspace's administrators have suspended access",
	"team_access_not_granted": "the app is not granted access to this workspace",
}

// translate turns slack-go's errors into *Error.
func translate(op string, err error) error {
	if err == nil {
		return nil
	}
	var (
		limited *slackgo.RateLimitedError
		status  slackgo.StatusCodeError
		answer  slackgo.SlackErrorResponse
	)
	switch {
	case errors.As(err, &limited):
		return &Error{Op: op, Name: "ratelimited", Retry: true, After: limited.RetryAfter}
	case errors.As(err, &status):
		retry := status.Code >= http.StatusInternalServerError || status.Code == http.StatusTooManyRequests
		return &Error{Op: op, Name: fmt.Sprintf("http_%d", status.Code), Retry: retry}
	case errors.As(err, &answer):
		hint, isFinal := final[answer.Err]
		if answer.Err == "missing_scope" && scopes.MatchString(answer.Needed) {
			hint = "add the scope " + answer.Needed + " to the Slack app and install it again"
		}
		return &Error{Op: op, Name: nameOf(answer.Err), Retry: !isFinal, Hint: hint}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Op: op, Name: "timeout", Retry: true}
	default:
		// The text of a transport error holds the URL and perhaps more: it is left out.
		return &Error{Op: op, Name: "network", Retry: true}
	}
}

// What Slack answers is input like any other. A name that does not look like
// one could quote a message, and names are stored in the clear: they are the
// types of Temporal's errors.
var (
	plainName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	scopes    = regexp.MustCompile(`^[a-z][a-z0-9_:.,-]{0,199}$`)
)

func nameOf(answered string) string {
	if plainName.MatchString(answered) {
		return answered
	}
	return "unknown_error"
}

// is reports whether err is Slack's answer with one of the names.
func is(err error, names ...string) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	return slices.Contains(names, e.Name)
}
