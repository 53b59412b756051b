package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

func TestWhatIsWrongWithSendersIsListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	get := func() answer { return b.as(b.tokens[access.Read], http.MethodGet, "/senders", "") }
	assert.JSONEq(t, `{"items":[]}`, get().Body.String())
	b.operator.senders = operator.Senders{Checked: at, Findings: []contract.Finding{
		{Source: "dd", Kind: contract.FindingSilent, Text: "nothing came for 2h", Since: at.Add(-time.Hour), Told: true},
		{Source: "zd", Kind: contract.FindingSignatures, Text: "9 of 20", Since: at, Missed: 2},
	}}
	assert.JSONEq(t, `{"checked_at":"2026-03-04T05:06:07.123456Z","items":[
		{"source":"dd","kind":"silent","text":"nothing came for 2h","since":"2026-03-04T04:06:07.123456Z","told":true},
		{"source":"zd","kind":"invalid_signatures","text":"9 of 20","since":"2026-03-04T05:06:07.123456Z","told":false,"missed":2}]}`, get().Body.String())
	b.operator.err = map[string]error{"": fmt.Errorf("%w within 5s", operator.ErrNoWorker)}
	get().problem(http.StatusServiceUnavailable, "API_UNAVAILABLE")
}
