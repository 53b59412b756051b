package config

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProof(t *testing.T) {
	t.Parallel()
	path := yamlFile(t, fmt.Sprintf(`
sources:
  - name: code
    provider: github
    secrets:
      - {value: %s, not_before: 2026-01-31}
      - {value: %s, not_after: "2026-02-07T12:00:00+02:00"}
    schemes: [github]
    allow_weak: true
    public_url: https://alerts.example.com/webhooks/code
  - name: jobs
    mapping: /etc/nerve/batch-jobs.yaml
    secrets: %s
  - name: lab
    provider: generic
    schemes: none
    i_understand: true
`, long("new"), long("old"), long("jobs")))
	c := load(t, Options{File: path, Environ: enough(), Providers: []string{"generic", "github", "slack"}})
	require.GreaterOrEqual(t, len(c.Sources), 3)
	code, jobs, lab := c.Sources[0], c.Sources[1], c.Sources[2]
	assert.Equal(t, []SourceSecret{
		{Value: Secret(long("new")), NotBefore: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)},
		{Value: Secret(long("old")), NotAfter: time.Date(2026, 2, 7, 10, 0, 0, 0, time.UTC)},
	}, code.Secrets)
	assert.Equal(t, []string{"github"}, code.Schemes)
	assert.True(t, code.AllowWeak)
	assert.Equal(t, "https://alerts.example.com/webhooks/code", code.PublicURL)
	assert.Equal(t, "batch-jobs", jobs.Provider)
	assert.Equal(t, "/etc/nerve/batch-jobs.yaml", jobs.Mapping)
	assert.Equal(t, "none", lab.MinAssurance)
	assert.Empty(t, lab.Secrets)
}

func TestProofMistakes(t *testing.T) {
	t.Parallel()
	path := yamlFile(t, fmt.Sprintf(`
sources:
  - {name: both, provider: slack, mapping: x.yaml, secrets: %[1]s}
  - {name: known, mapping: /etc/slack.yaml, secrets: %[1]s}
  - {name: open, provider: slack, schemes: [none], secrets: %[1]s}
  - {name: listed, provider: slack, schemes: [{a: b}], secrets: %[1]s}
  - name: late
    provider: slack
    secrets: [{value: %[1]s, not_before: 2026-02-01, not_after: 2026-01-01}, {value: %[1]s, not_after: soon, until: x}]
`, long("s")))
	found := mistakes(t, Options{File: path, Environ: enough(), Providers: []string{"slack"}})
	for key, problem := range map[string]string{
		"sources[both].mapping":              "stands beside provider",
		"sources[known].mapping":             "is named like the vendor",
		"sources[open].schemes":              "anybody who finds the URL",
		"sources[open].secrets":              "stands beside schemes",
		"sources[listed].schemes[0]":         "is not a text",
		"sources[late].secrets[0].not_after": "is not after not_before",
		"sources[late].secrets[1].not_after": "is not a time",
	} {
		assert.Contains(t, found[key].Problem, problem, key)
	}
	assert.Contains(t, found, "sources[late].secrets[1].until")
}

func TestVendorHelp(t *testing.T) {
	t.Parallel()
	few := []string{"datadog", "slack"}
	assert.Equal(t, "one of datadog, slack", vendorHelp("slak", few))
	many := append(few, "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b1", "b2")
	assert.Contains(t, vendorHelp("slak", many), "slack if that was meant; one that `nerve sources providers` lists")
	assert.NotContains(t, vendorHelp("", many), "meant")
}
