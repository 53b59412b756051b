package config

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/nerve-alerts/nerve/internal/contract"
)

func signingSecret() string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
}

func TestOutbound(t *testing.T) {
	t.Parallel()
	file := yamlFile(t, `
blob: {url: "s3://outputs?region=eu-central-1"}
credits: {url: "https://billing.example.com/hook", secret: `+signingSecret()+`}
outbound: {allow: [10.0.0.0/8]}
events:
  subscribers:
    - {name: crm, url: "https://crm.example.com/hook", secret: "env:CRM_SECRET", types: [webhook.failed], sources: [replicate]}
    - {name: inside, url: "http://10.1.2.3:8080/", secret: `+signingSecret()+`}
sources:
  - name: replicate
    provider: datadog
    secrets: [`+long("d")+`]
    handler: task_result
    handlers: {prediction.canceled: store}
    output_hosts: [replicate.delivery, "*.replicate.delivery", "files.example.com:8443"]
    output_types: [image/png]
    output_max: 45MiB
    task_notices: failures
    task_patience: 2h
    require_known: true
`)
	c := load(t, Options{File: file, Environ: enough("CRM_SECRET=" + signingSecret())})
	assert.Equal(t, "s3://outputs?region=eu-central-1", c.Outbound.BlobURL)
	assert.Equal(t, Secret(signingSecret()), c.Outbound.CreditsSecret)
	assert.Equal(t, "10.0.0.0/8", c.Outbound.Allow[0].String())
	assert.Equal(t, 100, c.Outbound.MaxBatches)
	assert.Equal(t, Subscriber{
		Name: "crm", URL: "https://crm.example.com/hook", Secret: Secret(signingSecret()), Types: []string{contract.EventFailed}, Sources: []string{"replicate"},
	}, c.Outbound.Subscribers[0])
	s := c.Sources[0]
	assert.Equal(t, contract.HandlerTaskResult, s.Handler)
	assert.Equal(t, Tasks{RequireKnown: true, Policy: contract.TaskPolicy{
		Hosts: []string{"replicate.delivery", "*.replicate.delivery", "files.example.com:8443"}, Types: []string{"image/png"},
		MaxBytes: 45 << 20, Notices: contract.NoticesFailures, Patience: 2 * time.Hour,
	}}, s.Tasks)
}

func TestOutboundMistakes(t *testing.T) {
	t.Parallel()
	file := yamlFile(t, `
blob: {url: "http://files"}
credits: {url: "http://billing.example.com/hook"}
outbound: {allow: [everything]}
events:
  subscribers:
    - {name: crm, url: "https://crm.example.com", secret: x, types: [webhook.seen]}
    - {name: crm, url: "http://127.0.0.1/", secret: x, colour: red}
    - 7
sources:
  - name: replicate
    provider: datadog
    secrets: [`+long("d")+`]
    output_hosts: ["https://files.example.com", "user@files.example.com", "files.example.com/path"]
    output_types: [everything, "*/*"]
    output_max: much
    task_notices: loud
`)
	found := mistakes(t, Options{File: file, Environ: enough()})
	for _, key := range []string{
		"blob.url", "credits.url", "NERVE_CREDITS_SECRET (credits.secret)", "outbound.allow", "events.subscribers[crm].types", "events.subscribers[crm].name",
		"events.subscribers[crm].url", "events.subscribers[crm].colour", "events.subscribers[2]",
		"sources[replicate].output_hosts", "sources[replicate].output_types", "sources[replicate].output_max", "sources[replicate].task_notices",
	} {
		assert.Contains(t, found, key)
	}
	found = mistakes(t, Options{File: yamlFile(t, "events: {subscribers: {name: crm}}\n"), Environ: enough()})
	assert.NotEmpty(t, found)
}
