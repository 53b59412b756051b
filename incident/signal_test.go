package incident_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
)

func valid() incident.Signal {
	return incident.Signal{
		Source: "datadog", Title: "Disk is full", Severity: incident.SeverityHigh, Status: incident.StatusFiring,
		Timestamp: time.Unix(1770517375, 0), Key: incident.Key{Kind: incident.KeyAlert, Value: "1"},
	}
}

func TestValidateNamesEveryField(t *testing.T) {
	t.Parallel()
	s := valid()
	require.NoError(t, s.Validate())
	var errs incident.FieldErrors
	empty := incident.Signal{Severity: "bananas"}
	require.ErrorAs(t, empty.Validate(), &errs)
	var fields []string
	for _, e := range errs {
		fields = append(fields, e.Field)
	}
	assert.Equal(t, []string{"title", "severity", "timestamp", "deduplication_key"}, fields)
}

func TestNormaliseAndBound(t *testing.T) {
	t.Parallel()
	s := valid()
	s.Title = "  Disk\u202e is\x1b[31m\n full \u200b"
	s.Description = strings.Repeat("é", 6000)
	s.Severity, s.Status = "", ""
	s.Timestamp = time.Unix(1770517375, 0).In(time.FixedZone("x", 3600))
	s.Tags = map[string]string{" env ": " prod ", "": "dropped", "long": strings.Repeat("x", 300)}
	s.Links = []incident.Link{{URL: "javascript:alert(1)"}, {URL: "https://example.com"}, {URL: "https://example.com"}}
	s.Normalise()
	assert.Len(t, []rune(s.Description), 6000, "whole until it is scrubbed")
	s.Bound()
	assert.Equal(t, "Disk is[31m full", s.Title)
	assert.Len(t, []rune(s.Description), incident.MaxDescription)
	assert.Equal(t, incident.SeverityMedium, s.Severity)
	assert.Equal(t, incident.StatusFiring, s.Status)
	assert.Equal(t, time.UTC, s.Timestamp.Location())
	assert.Equal(t, "prod", s.Tags["env"])
	assert.Len(t, []rune(s.Tags["long"]), 256)
	assert.Len(t, s.Tags, 2)
	assert.Equal(t, []incident.Link{{Title: "Link", URL: "https://example.com"}}, s.Links)
}

func TestKeysHideWhatACustomerCanType(t *testing.T) {
	t.Parallel()
	minted := incident.Key{Kind: incident.KeyEvent, Value: "C0ALERTS01:1770517375.481419", Opaque: true}
	assert.Equal(t, "slack:alert:C0ALERTS01:1770517375.481419", minted.ID("slack", incident.KindAlert))
	for _, typed := range []incident.Key{
		{Kind: incident.KeyAlert, Value: "joe@example.com"},
		{Kind: incident.KeyAlert, Value: "joe@example.com", Opaque: true},
		{Kind: incident.KeyAlert, Value: strings.Repeat("1", 200), Opaque: true},
		{Kind: incident.KeyAlert, Value: "", Opaque: true},
	} {
		assert.Regexp(t, `^datadog:alert:[0-9a-f]{32}$`, typed.ID("datadog", incident.KindAlert), typed.Value)
	}
	a, b := incident.Key{Kind: incident.KeyAlert, Value: "1"}, incident.Key{Kind: incident.KeyEvent, Value: "1"}
	assert.NotEqual(t, a.Hash("s"), b.Hash("s"))
	assert.NotEqual(t, a.Hash("s"), a.Hash("t"))
}

func TestFingerprintIsTheContentAndNoTime(t *testing.T) {
	t.Parallel()
	a, b := valid(), valid()
	b.Timestamp = b.Timestamp.Add(time.Hour)
	assert.Equal(t, a.ContentFingerprint(), b.ContentFingerprint())
	b.Description = "more"
	assert.NotEqual(t, a.ContentFingerprint(), b.ContentFingerprint())
	assert.Len(t, a.ContentFingerprint(), 16)
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]incident.Severity{
		"Emergency": incident.SeverityCritical, " warning ": incident.SeverityMedium, "P2": incident.SeverityHigh,
		"minor": incident.SeverityLow, "INFO": incident.SeverityInfo,
	} {
		got, ok := incident.ParseSeverity(word)
		assert.True(t, ok, word)
		assert.Equal(t, want, got, word)
	}
	_, ok := incident.ParseSeverity("bananas")
	assert.False(t, ok)
	assert.Greater(t, incident.SeverityCritical.Rank(), incident.SeverityHigh.Rank())
	assert.False(t, incident.Severity("").Valid())
}

func TestVerdictsKeepOnlyWhatIsProved(t *testing.T) {
	t.Parallel()
	v := incident.Verdict{Claims: []incident.Claim{
		{Text: "kept", Evidence: []string{"E1", "E9"}}, {Text: "dropped", Evidence: []string{"E9"}}, {Text: "dropped too"},
	}}
	v.KeepCited([]incident.Evidence{{ID: "E1"}})
	assert.Equal(t, []incident.Claim{{Text: "kept", Evidence: []string{"E1"}}}, v.Claims)
}
