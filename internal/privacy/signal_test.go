package privacy

import (
	"encoding/json"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
)

const planted = "planted.person@example.com"

var plantedToken = rep("ghp_", "aB3", 12)

func plantedSignal() incident.Signal {
	dirty := planted + " " + plantedToken
	return incident.Signal{
		IncidentID: "slack_1770517375_481419", DeduplicationKey: "slack:alert:C0ADQTTK692:1770517375.481419",
		Source: "slack", Provider: "slack", Kind: incident.KindAlert, Severity: incident.SeverityHigh, Status: incident.StatusFiring,
		Timestamp: time.Date(2026, 2, 8, 2, 22, 55, 0, time.UTC),
		EventType: dirty, Title: "for " + dirty, Description: "by " + dirty,
		Tags: map[string]string{
			"user": dirty, planted: "x", "password": "hunter2", "phone": "2125550100", "env": "prod", "token": "expired",
		},
		RelatedEntities: []incident.Entity{{Type: "user", Name: dirty}, {Type: "host", Name: "web-03.example.com"}},
		Links: []incident.Link{
			{Title: dirty, URL: "https://joe:pw@app.example.com/u?mail=planted.person%40example.com&token=" + plantedToken + "&from=1770517375000"},
			{Title: "Monitor", URL: "https://app.example.com/monitors/1?q=a%20b"},
		},
		Slack: &incident.SlackRef{ChannelID: "C0ADQTTK692", MessageTS: "1770517375.481419", ThreadTS: "1770517375.481419", UserID: "U012AB3CD"},
		Key:   incident.Key{Kind: incident.KeyAlert, Value: dirty},
		Group: "C0ADQTTK692:for " + dirty,
	}
}

func TestSignalHoldsNothingPlanted(t *testing.T) {
	t.Parallel()
	s, sig := NewScrubber(), plantedSignal()
	before := plantedSignal()
	s.Signal(testSalt, &sig)

	encoded, err := json.Marshal(sig)
	require.NoError(t, err)
	for _, leak := range []string{"planted", plantedToken, "hunter2", "2125550100", "joe:pw"} {
		assert.NotContains(t, string(encoded), leak)
	}

	assert.Equal(t, before.IncidentID, sig.IncidentID)
	assert.Equal(t, before.DeduplicationKey, sig.DeduplicationKey)
	assert.Equal(t, before.Slack, sig.Slack)
	assert.Equal(t, "prod", sig.Tags["env"])
	assert.Equal(t, "expired", sig.Tags["token"])
	assert.Equal(t, token(testSalt, kindPhone, "+12125550100"), sig.Tags["phone"])
	assert.Equal(t, before.RelatedEntities[1], sig.RelatedEntities[1])
	assert.Equal(t, before.Links[1], sig.Links[1])

	link, err := url.Parse(sig.Links[0].URL)
	require.NoError(t, err)
	assert.Equal(t, "app.example.com", link.Host)
	assert.Equal(t, token(testSalt, kindEmail, planted), link.Query().Get("mail"), "a person has one token, in text and in a URL")
	assert.Contains(t, sig.Title, link.Query().Get("mail"))
	assert.Equal(t, "1770517375000", link.Query().Get("from"))
}

func TestSignalTwiceIsOnce(t *testing.T) {
	t.Parallel()
	s, sig := NewScrubber(), plantedSignal()
	s.Signal(testSalt, &sig)
	once, err := json.Marshal(sig)
	require.NoError(t, err)
	s.Signal(testSalt, &sig)
	twice, err := json.Marshal(sig)
	require.NoError(t, err)
	assert.JSONEq(t, string(once), string(twice))
}

// What identifies must not depend on the incident's salt.
func TestSignalIdentityIsTheSameForEveryIncident(t *testing.T) {
	t.Parallel()
	s, a, b := NewScrubber(), plantedSignal(), plantedSignal()
	s.Signal(NewSalt(), &a)
	s.Signal(NewSalt(), &b)
	assert.NotEqual(t, a.Title, b.Title)
	assert.Equal(t, a.Group, b.Group)
	assert.Equal(t, a.Key, b.Key)
	assert.Equal(t, a.Key.ID("slack", a.Kind), b.Key.ID("slack", b.Kind))
	assert.Equal(t, plantedSignal().Key.Hash("slack"), a.Key.Value)

	other := plantedSignal()
	other.Group += "!"
	s.Signal(testSalt, &other)
	assert.NotEqual(t, a.Group, other.Group)

	opaque := plantedSignal()
	opaque.Key = incident.Key{Kind: incident.KeyEvent, Value: "C0ADQTTK692:1770517375.481419", Opaque: true}
	opaque.Group = "C0ADQTTK692:disk full"
	s.Signal(testSalt, &opaque)
	assert.Equal(t, "C0ADQTTK692:1770517375.481419", opaque.Key.Value)
	assert.Equal(t, "C0ADQTTK692:disk full", opaque.Group)
}

func TestEvidenceVerdictAndErrorTextHoldNothingPlanted(t *testing.T) {
	t.Parallel()
	s, dirty := NewScrubber(), planted+" "+plantedToken
	e := incident.Evidence{ID: "E1", Tool: "thread", Title: dirty, Text: dirty, URL: "https://example.com/?u=" + planted}
	v := incident.Verdict{
		Summary: dirty, LikelyCause: dirty, NextSteps: []string{dirty}, Confidence: incident.ConfidenceLow, Analyst: incident.AnalystRules,
		Claims: []incident.Claim{{Text: dirty, Evidence: []string{"E1"}}},
	}
	s.Evidence(testSalt, &e)
	s.Verdict(testSalt, &v)
	encoded, err := json.Marshal([]any{e, v, s.ErrorText(testSalt, errors.New("dial "+dirty))})
	require.NoError(t, err)
	assert.NotContains(t, string(encoded), "planted")
	assert.NotContains(t, string(encoded), plantedToken)
	assert.Equal(t, []string{"E1"}, v.Claims[0].Evidence)
	assert.Equal(t, "E1", e.ID)
	assert.Empty(t, s.ErrorText(testSalt, nil))
}
