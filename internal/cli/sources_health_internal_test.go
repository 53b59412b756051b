package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

func TestWhatIsWrongWithSendersAsATable(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
	show := func(s operator.Senders) string {
		var out bytes.Buffer
		require.NoError(t, showSenders(terminal{out: &out}, s))
		return out.String()
	}
	assert.Contains(t, show(operator.Senders{}), "Nobody has looked at the senders yet")
	assert.Equal(t, "Nothing is wrong with any sender, as of 11-22 14:00Z.\n", show(operator.Senders{Checked: at}))
	out := show(operator.Senders{Checked: at, Findings: []contract.Finding{
		{Source: "datadog", Kind: contract.FindingSilent, Text: "nothing has come since 12:00", Since: at.Add(-2 * time.Hour), Told: true},
		{Source: "zendesk", Kind: contract.FindingSignatures, Text: "9 of 20\ndeliveries", Since: at},
		{Source: "x", Kind: "of_tomorrow", Text: "y", Since: at},
	}})
	assert.Regexp(t, `(?m)^SOURCE +FINDING +SINCE +TOLD *$`, out)
	assert.Regexp(t, `(?m)^datadog +fell silent +11-22 12:00Z +yes *$`, out)
	assert.Regexp(t, `(?m)^zendesk +invalid signatures +11-22 14:00Z +not yet *$`, out)
	assert.Regexp(t, `(?m)^x +of_tomorrow +`, out)
	assert.Contains(t, out, "\ndatadog: nothing has come since 12:00\nzendesk: 9 of 20 deliveries\n")
	assert.Contains(t, out, "As of 11-22 14:00Z.")
	for _, kind := range []contract.FindingKind{
		contract.FindingSignatures, contract.FindingReplays, contract.FindingErrors, contract.FindingSkew, contract.FindingUnknownKey, contract.FindingSilent,
	} {
		assert.NotEmpty(t, faults[kind])
	}
}
