package providers

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMappingWarns(t *testing.T) {
	t.Parallel()
	m, err := parseMapping("example", "example.yaml", []byte(`
title: Example
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
