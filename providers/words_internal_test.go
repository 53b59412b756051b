package providers

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/nerve-alerts/nerve/incident"
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

// Half an address is no link, and half of a secret in it is not recognised.
func TestALinkThatIsCutIsNone(t *testing.T) {
	t.Parallel()
	whole, cut := "https://a.example.com/x ", "https://b.example.com/?to=joe@example.com"
	text := whole + strings.Repeat("x", incident.MaxDescription-len(whole)-len(cut)+len("ample.com")-1) + " " + cut
	assert.Equal(t, []incident.Link{{URL: "https://a.example.com/x"}}, bareLinks(text, ""))
}
