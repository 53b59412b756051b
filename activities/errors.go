package activities

import (
	"context"
	"errors"
	"regexp"
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

// plainCode is what an error's type may look like: Temporal stores it in the
// clear, so it is a name and never content, whatever an adapter passes on.
var plainCode = regexp.MustCompile(`^[a-z0-9_]{1,40}/[a-z0-9_]{1,80}$`)

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
	code := c.Code()
	if !plainCode.MatchString(code) {
		code = "error"
	}
	return temporal.NewApplicationErrorWithOptions(text, code, temporal.ApplicationErrorOptions{
		NonRetryable:   !c.Retryable(),
		NextRetryDelay: c.RetryAfter(),
	})
}
