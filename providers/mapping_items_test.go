package providers_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/providers"
)

// readWith reads a body through a mapping of one's own.
func readWith(t *testing.T, mapping, body string) (providers.Accepted, error) {
	t.Helper()
	spec, err := providers.Custom("own", "own.yaml", []byte("title: Own\nverify:\n  - use: token\n"+mapping))
	require.NoError(t, err)
	return providers.Accept(build(t, spec, secret(1)), signed(t, spec, secret(1), []byte(body), receivedAt))
}

func TestMappingEachPartFindsItsShape(t *testing.T) {
	t.Parallel()
	accepted, err := readWith(t, `
each: list(body.events)
let:
  inner: json(item.text)
event_id: 'size(body.events) == 1 ? item.id : ""'
event_type: inner.kind
shapes:
  - when: inner.kind == "ping"
    stored: ping
  - when: inner.kind == "disk"
    title: '"Disk full on " + inner.host'
    key: inner.host
  - when: inner.kind == "list"
    each: inner.alerts
    title: item.name
    key: item.name
`, `{"events": [{"id": "e1", "text": "{\"kind\": \"ping\"}"}, {"text": "{\"kind\": \"disk\", \"host\": \"web-01\"}"},
		{"text": "{\"kind\": \"other\"}"}, {"text": "{\"kind\": \"list\", \"alerts\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}"}]}`)
	require.NoError(t, err)
	titles := []string{}
	for _, s := range accepted.Batch.Signals {
		titles = append(titles, s.Title)
	}
	assert.Equal(t, []string{"Disk full on web-01", "a", "b"}, titles)
	assert.Empty(t, accepted.Batch.EventID, "one part's id is not the delivery's")
	assert.Equal(t, []string{"no shape of the mapping fits"}, accepted.Batch.Warnings)
}

func TestMappingLikeAVendor(t *testing.T) {
	t.Parallel()
	accepted, err := readWith(t, `
like: alertmanager
severities:
  page: critical
shapes:
  - when: body.kind == "hello"
    stored: hello
`, `{"status": "firing", "alerts": [{"status": "firing", "fingerprint": "f1", "labels": {"alertname": "DiskFull", "severity": "page"}}]}`)
	require.NoError(t, err)
	require.Len(t, accepted.Batch.Signals, 1)
	assert.Equal(t, "DiskFull", accepted.Batch.Signals[0].Title)
	assert.Equal(t, incident.SeverityCritical, accepted.Batch.Signals[0].Severity)

	for _, name := range []string{"own", "nobody"} {
		_, err := providers.Custom("own", "own.yaml", []byte("title: Own\nverify:\n  - use: token\nlike: "+name+"\n"))
		require.ErrorContains(t, err, "like", name)
	}
}

func TestMappingRequires(t *testing.T) {
	t.Parallel()
	mapping := `
shapes:
  - required: [title, severity, timestamp]
    title: body.title
    severity: body.severity
    time: body.timestamp
`
	_, err := readWith(t, mapping, `{"timestamp": "yesterday"}`)
	var fields incident.FieldErrors
	require.ErrorAs(t, err, &fields)
	require.Len(t, fields, 3)
	assert.Equal(t, incident.FieldError{Field: "title", Code: "required", Message: fields[0].Message}, fields[0])
	assert.Equal(t, "severity", fields[1].Field)
	assert.Equal(t, incident.FieldError{Field: "timestamp", Code: "invalid", Received: "yesterday", Message: fields[2].Message}, fields[2])

	accepted, err := readWith(t, mapping, `{"title": "x", "severity": "Emergency", "timestamp": 1760011200}`)
	require.NoError(t, err)
	assert.Equal(t, incident.SeverityCritical, accepted.Batch.Signals[0].Severity)
	assert.Equal(t, receivedAt, accepted.Batch.Signals[0].Timestamp)

	_, err = providers.Custom("own", "own.yaml", []byte("title: Own\nverify:\n  - use: token\nshapes:\n  - required: [colour]\n    title: body.t\n"))
	require.ErrorContains(t, err, `"colour" cannot be required`)
}

func TestMappingTimes(t *testing.T) {
	t.Parallel()
	for _, written := range []string{
		`"Thu, 09 Oct 2025 11:59:30 GMT"`, `"Thu, 09 Oct 2025 13:59:30 +0200"`, `"10/9/2025 11:59:30 AM"`,
		`"2025-10-09T11:59:30Z"`, `"2025-10-09T11:59:30.000+0000"`, `1760011170`, `"1760011170000"`,
	} {
		accepted, err := readWith(t, "shapes:\n  - title: body.title\n    time: body.at\n", `{"title": "x", "at": `+written+`}`)
		require.NoError(t, err)
		assert.Equal(t, receivedAt.Add(-30*time.Second), accepted.Batch.Signals[0].Timestamp, written)
	}
}
