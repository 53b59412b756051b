package slack

import (
	"strings"
	"testing"

	slackgo "github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An error's name is stored in the clear, so an answer that is no name of
// Slack's must not become one.
func TestTranslateKeepsContentOutOfNames(t *testing.T) {
	t.Parallel()
	for answered, want := range map[string]string{
		"is_archived":                         "slack/is_archived",
		"some_new_error":                      "slack/some_new_error",
		"invalid_arguments for a@example.com": "slack/unknown_error",
		strings.Repeat("a", 65):               "slack/unknown_error",
		"":                                    "slack/unknown_error",
		"Internal":                            "slack/unknown_error",
	} {
		err := translate("chat.postMessage", slackgo.SlackErrorResponse{Err: answered})
		var e *Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, want, e.Code())
		assert.NotContains(t, err.Error(), "example.com")
	}
	err := translate("chat.postMessage", slackgo.SlackErrorResponse{Err: "missing_scope", Needed: "a@example.com"})
	assert.NotContains(t, err.Error(), "example.com")
	require.ErrorContains(t, translate("reactions.add", slackgo.SlackErrorResponse{Err: "missing_scope", Needed: "reactions:write"}), "reactions:write")
}
