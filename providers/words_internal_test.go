package providers

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPlaceholder(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"$ALERT_ID", "$TAGS[team]", "{{ticket.id}}", "${latestEvent.node.name}", "${{ALERT.entity_id}}",
		"${a.b} - ${c.d}", "##EVENTMSG##", "##HOST## ##INSTANCE##", "null", "N/A",
	} {
		assert.True(t, placeholder(text), text)
	}
	for _, text := range []string{"", "$", "${", "costs $5", "web-${n}", "${a} on ${b}", "{a}", "#12", "## Disk full ##"} {
		assert.False(t, placeholder(text), text)
	}
}
