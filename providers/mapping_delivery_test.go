package providers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
)

func TestMappingWarns(t *testing.T) {
	t.Parallel()
	m, err := parseMapping("example", "example.yaml", []byte(`
title: Example
verify: [{use: token}]
shapes:
  - each: body.alerts
    warn: 'body.cut > 0 ? text(body.cut) + " alerts are missing" : ""'
    key: item.id
    title: item.name
`))
	require.NoError(t, err)
	for body, want := range map[string][]string{
		`{"cut":3,"alerts":[{"id":"a","name":"A"},{"id":"b","name":"B"}]}`: {"3 alerts are missing"},
		`{"cut":0,"alerts":[{"id":"a","name":"A"}]}`:                       nil,
		`{"alerts":[{"id":"a","name":"A"}]}`:                               nil,
	} {
		b, err := m.read(&Request{Body: []byte(body)}, nil)
		require.NoError(t, err)
		assert.Equal(t, want, b.Warnings, body)
	}
}

func TestMappingKnowsWhenADeliveryCame(t *testing.T) {
	t.Parallel()
	m, err := parseMapping("example", "example.yaml", []byte(`
title: Example
verify: [{use: token}]
shapes:
  - key: body.id
    title: body.id
    status: 'timestamp(body.ends) <= received ? "resolved" : ""'
`))
	require.NoError(t, err)
	at := time.Date(2025, 10, 9, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		ends     string
		received time.Time
		want     incident.Status
	}{
		{"2025-10-09T11:59:59Z", at, incident.StatusResolved},
		{"2025-10-09T12:00:01Z", at, incident.StatusFiring},
		{"2025-10-09T11:59:59Z", time.Time{}, incident.StatusFiring},
		{"never", at, incident.StatusFiring},
	} {
		b, err := m.read(&Request{Body: []byte(`{"id":"a","ends":"` + c.ends + `"}`), ReceivedAt: c.received}, nil)
		require.NoError(t, err)
		require.Len(t, b.Signals, 1)
		assert.Equal(t, c.want, b.Signals[0].Status, c.ends)
	}
}

func TestMappingListsSurviveOneElement(t *testing.T) {
	t.Parallel()
	m, err := parseMapping("example", "example.yaml", []byte(`
title: Example
verify: [{use: token}]
shapes:
  - when: '!has(body.list.a) && !has(body.host.name) && (has(body.host.name) ? false : has(body.host))'
    key: 'join([body.a, body.host.name, body.b], "/")'
    title: 'first([body.host.name, body.host, "none"])'
    description: first(body.list)
`))
	require.NoError(t, err)
	b, err := m.read(&Request{Body: []byte(`{"a":"a","b":"b","host":"web-01","list":["","x"]}`)}, nil)
	require.NoError(t, err)
	require.Len(t, b.Signals, 1)
	assert.Equal(t, "web-01", b.Signals[0].Title)
	assert.Equal(t, "a/b", b.Signals[0].Key.Value)
	assert.Equal(t, "x", b.Signals[0].Description)
}
