package ingest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/starter"
	"github.com/nerve-alerts/nerve/providers"
)

const plantedEmail = "jane.roe@example.com"

var plantedToken = "xoxb-" + strings.Repeat("7", 12)

// planted has personal data and a secret in every field that a customer fills.
func planted(s *incident.Signal) {
	secret := plantedEmail + " " + plantedToken
	s.Title, s.Description, s.Group, s.EventType = secret, secret, secret, secret
	s.Tags = map[string]string{"owner": secret}
	s.RelatedEntities = []incident.Entity{{Type: "person", Name: secret}}
	s.Key.Value, s.Key.Opaque = secret, true // a provider that is wrong about it
	s.Links = nil
}

// TestNothingLeavesInTheClear plants personal data in a delivery and looks for
// it in everything that leaves the process.
func TestNothingLeavesInTheClear(t *testing.T) {
	t.Parallel()
	for _, away := range []bool{false, true} {
		b := newBench(t)
		if away {
			b.temporal.fail = starter.ErrUnavailable
		}
		secret := plantedEmail + " " + plantedToken
		payload, err := json.Marshal(providers.Batch{
			EventID: secret, EventType: secret,
			Signals: []incident.Signal{signal(planted), signal(planted, event(secret)), signal(planted, resolvedSignal)},
		})
		require.NoError(t, err)
		r := request(t, "/webhooks/vendor?email="+plantedEmail, goodToken, string(payload))
		r.Header.Set("Authorization", "Bearer "+plantedToken)
		r.Header.Set("User-Agent", plantedEmail)
		r.Header.Set("Content-Type", "application/json; owner="+plantedEmail)
		w := b.do(r)
		require.Equal(t, 200, w.Code, w.Body.String())
		bad := request(t, "/webhooks/vendor", goodToken, `{"EventID": {"`+secret+`": 1}}`)
		require.Equal(t, 400, b.do(bad).Code)
		forged := request(t, "/webhooks/vendor", plantedToken, string(payload))
		require.Equal(t, 401, b.do(forged).Code)

		seen := map[string]any{
			"log": b.log.String(), "answer": w.Body.String(), "deliveries": b.gate.entries(), "claims": b.gate.claims,
			"started": b.temporal.started, "signalled": b.temporal.signals, "spooled": b.gate.spooled,
			"sealed": string(b.gate.joinedSealed()),
		}
		for where, what := range seen {
			data, err := json.Marshal(what)
			require.NoError(t, err)
			for _, part := range []string{plantedEmail, plantedToken, "jane", goodToken + `"`} {
				assert.NotContains(t, string(data), part, where)
			}
		}
		if !away {
			require.NotEmpty(t, b.temporal.started)
			s := b.temporal.started[0].Start.Signal
			assert.Equal(t, "<EMAIL_1> <SECRET_1>", s.Title)
			assert.Equal(t, b.temporal.started[0].WorkflowID, s.DeduplicationKey)
			assert.NotEqual(t, "mistaken for a number", s.IncidentID, "nerve's own names are not scrubbed")
		}
	}
}

func (g *fakeGate) joinedSealed() []byte {
	var all []byte
	for _, s := range g.sealed {
		all = append(all, s...)
	}
	return all
}

func TestLargeBodiesTravelOnlyInTheLog(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.post(t, body(t, "e1", signal(func(s *incident.Signal) { s.Description = strings.Repeat("x", maxCarried) })))
	assert.Empty(t, b.temporal.started[0].Start.Signal.RawPayload.Sealed)
	assert.Len(t, b.temporal.started[0].Start.Signal.RawPayload.SHA256, 64)
	assert.NotEmpty(t, b.gate.entries()[0].Sealed)
}

func TestSafeText(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "abc", safeText("a\nb\x00c", 10))
	assert.Equal(t, "ab", safeText("abc", 2))
	assert.Equal(t, "[dropped]", safeText(plantedEmail, 100))
	assert.Equal(t, "Ev-1:2/3_4.5", safeID("Ev-1:2/3_4.5"))
	assert.Regexp(t, "^hash_[0-9a-f]{16}$", safeID(plantedEmail))
	assert.NotEqual(t, digest("ab", "c"), digest("a", "bc"))
}
