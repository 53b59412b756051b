package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/internal/privacy"
)

type named struct{ code string }

func (e named) Error() string             { return "refused for a@example.com" }
func (e named) Code() string              { return e.code }
func (e named) Retryable() bool           { return true }
func (e named) RetryAfter() time.Duration { return 0 }

// Temporal stores an error's type in the clear, and its message encrypted.
func TestFailedKeepsContentOutOfTypes(t *testing.T) {
	t.Parallel()
	a := &Activities{deps: Deps{Scrubber: privacy.NewScrubber()}}
	for code, want := range map[string]string{
		"slack/is_archived":       "slack/is_archived",
		"slack/for a@example.com": "error",
		"":                        "error",
	} {
		var app *temporal.ApplicationError
		require.ErrorAs(t, a.failed([]byte("salt"), "post", named{code}), &app)
		assert.Equal(t, want, app.Type())
		assert.NotContains(t, app.Message(), "a@example.com")
	}
}
