package analysis_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/analysis"
	"github.com/nerve-alerts/nerve/internal/contract"
)

func signal(title string) incident.Signal {
	return incident.Signal{
		Kind: incident.KindAlert, Title: title, Source: "datadog", Severity: incident.SeverityHigh,
		Timestamp: time.Date(2026, 2, 8, 2, 22, 0, 0, time.UTC),
	}
}

func alert(text string) incident.Evidence {
	return incident.Evidence{ID: "E1", Tool: "alert", Text: text}
}

func analyse(t *testing.T, s incident.Signal, n int64, evidence ...incident.Evidence) incident.Verdict {
	t.Helper()
	v, err := analysis.Rules{}.Analyse(t.Context(), s, evidence, n)
	require.NoError(t, err)
	return v
}

func TestCausesAreFoundInTheAlertsWords(t *testing.T) {
	t.Parallel()
	for text, cause := range map[string]string{
		"Container api was OOMKilled":                 "a process is running out of memory",
		"No space left on device":                     "a disk is filling up",
		"TLS certificate of shop.example.com expires": "a TLS certificate has expired or is about to",
		"lookup db: no such host":                     "name resolution is failing",
		"Replication lag is 40 s":                     "the database is a bottleneck",
		"InstanceDown: api couldn't be scraped":       "something does not answer",
		"HTTP 500 on /pay":                            "requests are failing inside the service",
		"p95 over 2 s":                                "requests take too long",
		"CPU above 95 %":                              "processors are saturated",
		"Consumer lag of orders grows":                "a queue grows faster than it is emptied",
		"Cannot login to the app":                     "people or programs are refused access",
		"Rollout of api 1.2.3 is stuck":               "a recent deploy",
		"The thing did the other thing":               incident.Inconclusive,
		"Order 500 was shipped":                       incident.Inconclusive,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			v := analyse(t, signal(text), 1, alert(text))
			assert.Equal(t, cause, v.LikelyCause)
			assert.Equal(t, incident.ConfidenceLow, v.Confidence, "the alert's own words alone are not much")
			assert.Equal(t, incident.AnalystRules, v.Analyst)
			assert.NotEmpty(t, v.NextSteps, "there is always something to do")
		})
	}
}

func TestPeopleWhoAgreeWithTheAlertMakeItSurer(t *testing.T) {
	t.Parallel()
	v := analyse(t, signal("api is down"), 1, alert("api is down"),
		incident.Evidence{ID: "E2", Tool: contract.ToolThread, Text: "we deployed at noon"})
	assert.Equal(t, "a recent deploy", v.LikelyCause, "what somebody says beats the mere symptom")
	assert.Equal(t, incident.ConfidenceMedium, v.Confidence)
}

func TestHistoryIsToldAndMakesItSurer(t *testing.T) {
	t.Parallel()
	past := incident.Evidence{ID: "E3", Tool: contract.ToolPast, Title: "Disk space low", Text: "resolved after 5m"}
	own := incident.Evidence{ID: "E2", Tool: contract.ToolOccurrences, Text: "the last 3 came at …"}
	v := analyse(t, signal("Disk space low"), 3, alert("Disk space low"), own, past)
	assert.Equal(t, incident.ConfidenceMedium, v.Confidence)
	assert.Contains(t, v.Claims, incident.Claim{Text: "It keeps firing: 3 times so far", Evidence: []string{"E2"}})
	assert.Contains(t, v.Claims, incident.Claim{Text: "This happened before: one earlier incident alike", Evidence: []string{"E3"}})
	assert.Contains(t, v.Summary, "seen 3 times")
	assert.Contains(t, v.NextSteps, "Read how the last one alike ended: Disk space low")
}

func TestAnOpenIncidentHasNoEndToReadAbout(t *testing.T) {
	t.Parallel()
	open := incident.Evidence{ID: "E2", Tool: contract.ToolPast, Title: "Open one", Text: contract.PastOpen + "; seen 3 times (i1)"}
	v := analyse(t, signal("x"), 1, alert("x"), open)
	assert.Contains(t, v.NextSteps, "See what is known of the one alike that is still open: Open one")
	ended := incident.Evidence{ID: "E3", Tool: contract.ToolPast, Title: "Ended one", Text: "resolved by the sender after 5m (i0)"}
	v = analyse(t, signal("x"), 1, alert("x"), open, ended)
	assert.Contains(t, v.NextSteps, "Read how the last one alike ended: Ended one")
}

func TestWhatCouldNotBeSeenIsSaid(t *testing.T) {
	t.Parallel()
	v := analyse(t, signal("x"), 1, alert("x"), incident.Evidence{ID: "E2", Tool: contract.ToolPast, Title: "past_incidents", Failed: true})
	assert.Equal(t, []incident.Claim{{Text: "Could not see past_incidents, so it is not part of this", Evidence: []string{"E2"}}}, v.Claims)
}

func TestTheRunbookComesFirst(t *testing.T) {
	t.Parallel()
	s := signal("Disk space low")
	s.Links = []incident.Link{{Title: "Monitor", URL: "https://example.com/m"}, {Title: "Runbook", URL: "https://example.com/r"}}
	v := analyse(t, s, 1, alert(s.Title))
	assert.Equal(t, "Follow the runbook: https://example.com/r", v.NextSteps[0])
	assert.LessOrEqual(t, len(v.NextSteps), 5)
}

func TestSummaries(t *testing.T) {
	t.Parallel()
	s := signal("Error rate is high")
	s.RelatedEntities = []incident.Entity{{Type: "service", Name: "api"}, {Type: "environment", Name: "prod"}}
	assert.Equal(t, "Error rate is high (from datadog, on api, in prod)", analyse(t, s, 1).Summary)
	s.Kind = incident.KindQuestion
	assert.Equal(t, "Error rate is high", analyse(t, s, 1).Summary)
	s.Kind = incident.KindTicket
	assert.Equal(t, "Error rate is high (ticket from datadog)", analyse(t, s, 1).Summary)
}
