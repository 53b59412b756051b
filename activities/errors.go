package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
)

// ErrorNoSlack is the type of the error for an incident that has somewhere to
// be told in Slack while the worker has no token.
const ErrorNoSlack = "slack/not_configured"

// classified is an adapter's error that knows whether a retry can help.
type classified interface {
	error
	Code() string              // a stable name, such as slack/channel_not_found
	Retryable() bool           // whether the same call can succeed later
	RetryAfter() time.Duration // how long the other side asks to wait
}

// failed puts an adapter's error into Temporal's words, scrubbed: its code is
// the type, what no retry mends is non-retryable, and a rate limit's wait is
// the delay before the next try.
func (a *Activities) failed(salt []byte, attempted string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	text := attempted + ": " + a.deps.Scrubber.Text(salt, err.Error())
	var c classified
	if !errors.As(err, &c) {
		return temporal.NewApplicationError(text, "error")
	}
	return temporal.NewApplicationErrorWithOptions(text, c.Code(), temporal.ApplicationErrorOptions{
		NonRetryable:   !c.Retryable(),
		NextRetryDelay: c.RetryAfter(),
	})
}
