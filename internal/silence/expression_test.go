package silence_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/silence"
)

func signal() *incident.Signal {
	return &incident.Signal{
		Source: "datadog-prod", Provider: "datadog", Kind: incident.KindAlert, Severity: incident.SeverityHigh, EventType: "triggered",
		Title: "Error rate is high", Description: "of Checkout", Tags: map[string]string{"env": "prod", "team": "payments"},
		RelatedEntities: []incident.Entity{{Type: "service", Name: "checkout"}}, Slack: &incident.SlackRef{ChannelID: "C0ALERTS01"},
	}
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`signal.source == "datadog-prod"`:                                             true,
		`signal.provider == "datadog" && signal.severity in ["high", "medium"]`:       true,
		`signal.kind == "alert" && signal.event_type == "triggered"`:                  true,
		`signal.severity == "low"`:                                                    false,
		`signal.tags.env == "prod"`:                                                   true,
		`signal.tags["env"] == "prod" && "team" in signal.tags`:                       true,
		`has(signal.tags.region)`:                                                     false,
		`signal.tags.region == "eu"`:                                                  false,
		`!(signal.tags.region == "eu")`:                                               false, // it cannot be told, so the alert is raised
		`signal.tags.region == "eu" || signal.source == "datadog-prod"`:               true,
		`!has(signal.tags.region) || signal.tags.region == "eu"`:                      true,
		`signal.entities.exists(e, e.type == "service" && e.name == "checkout")`:      true,
		`signal.entities[3].name == "x"`:                                              false,
		`signal.title.contains("rate") && lower(signal.description) == "of checkout"`: true,
		`signal.title.matches("^Error .* high$")`:                                     true,
		`signal.channel == "C0ALERTS01"`:                                              true,
		`true`:                                                                        true,
	} {
		e, err := silence.Compile(text)
		require.NoError(t, err, text)
		got, err := e.Match(signal())
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	e, err := silence.Compile(`signal.channel == "" && signal.tags.size() == 0 && signal.entities.size() == 0`)
	require.NoError(t, err)
	got, err := e.Match(&incident.Signal{})
	require.NoError(t, err)
	assert.True(t, got, "what a signal does not have is empty")
}

func TestMistakesAreNamedWithTheirPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]silence.Mistake{
		`signal.sevrity == "low"`:                       {Line: 1, Column: 7, Message: "undefined field 'sevrity'"},
		"signal.source == \"a\" &&\n  signal.tags == 5": {Line: 2, Column: 15, Message: "found no matching overload"},
		`signal.source = "a"`:                           {Line: 1, Column: 15, Message: "Syntax error"},
		`alert.source == "a"`:                           {Line: 1, Column: 1, Message: "undeclared reference to 'alert'"},
		`signal.title`:                                  {Line: 1, Message: "it gives a string, and must say true or false"},
		`signal.title.matches("(")`:                     {Line: 1, Message: "error parsing regexp"},
		" ":                                             {Line: 1, Message: "the expression is empty"},
		strings.Repeat("x", 2001):                       {Line: 1, Message: "2000 is the most"},
	} {
		_, err := silence.Compile(text)
		failed, ok := errors.AsType[*silence.CompileError](err)
		require.True(t, ok, "%s: %v", text, err)
		got := failed.Mistakes[0]
		assert.Equal(t, want.Line, got.Line, text)
		assert.Equal(t, want.Column, got.Column, text)
		assert.Contains(t, got.Message, want.Message, text)
	}
}

// What cannot be evaluated is an error, and what it says quotes no signal.
func TestEvaluationIsBounded(t *testing.T) {
	t.Parallel()
	e, err := silence.Compile(costly)
	require.NoError(t, err)
	s := crowded()
	_, err = e.Match(s)
	require.EqualError(t, err, "silence: the expression cannot be evaluated: it costs more than is allowed")

	e, err = silence.Compile(`signal.title.matches(signal.description)`)
	require.NoError(t, err)
	s.Description = "(jane@example.com"
	_, err = e.Match(s)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "jane")
}

// costly is more than may be done for one alert, of a crowded signal.
const costly = `signal.tags.all(a, signal.tags.all(b, signal.tags.all(c, a + b + c != "")))`

func crowded() *incident.Signal {
	s := signal()
	for i := range incident.MaxTags {
		s.Tags["jane@example.com"+strconv.Itoa(i)] = "x"
	}
	return s
}

func BenchmarkMatchAtItsLimit(b *testing.B) {
	e, err := silence.Compile(costly)
	require.NoError(b, err)
	s := crowded()
	for b.Loop() {
		_, _ = e.Match(s)
	}
}

func BenchmarkMatch(b *testing.B) {
	e, err := silence.Compile(`signal.source == "datadog-prod" && signal.severity in ["low", "info"] && signal.tags.env == "prod"`)
	require.NoError(b, err)
	s := signal()
	for b.Loop() {
		_, _ = e.Match(s)
	}
}
