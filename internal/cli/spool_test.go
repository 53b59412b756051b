package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

const (
	spoolKey      = "nerve:{nerve}:spool"
	deliveriesKey = "nerve:{nerve}:deliveries"
)

// letters buries two commands and a delivery, as bury.lua does, in the Redis of
// the environment.
func letters(t *testing.T) *redis.Client {
	t.Helper()
	url := testkit.Redis(t)
	t.Setenv("REDIS_URL", url)
	o, err := redis.ParseURL(url)
	require.NoError(t, err)
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	add := func(stream string, values ...string) {
		require.NoError(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: stream + ":dead", Values: values}).Err())
	}
	why := "cannot ever be handled: no key of the keyset opens it"
	add(spoolKey, "id", "1700000000000-0", "reason", why, "workflow_id", "datadog:alert:1", "sealed", "first content")
	add(spoolKey, "id", "1700000000001-0", "reason", why, "workflow_id", "datadog:alert:1", "sealed", "second content")
	add(deliveriesKey, "id", "1700000000000-0", "reason", why, "d", `{"id":"d1","source":"datadog"}`)
	return client
}

func length(t *testing.T, c *redis.Client, stream string) int64 {
	t.Helper()
	n, err := c.XLen(t.Context(), stream).Result()
	require.NoError(t, err)
	return n
}

func TestDeadLettersAreListedWithoutContent(t *testing.T) {
	letters(t)
	code, out, _ := run(t, "spool", "list")
	require.Zero(t, code)
	assert.Contains(t, out, "datadog:alert:1")
	assert.Contains(t, out, "d1")
	assert.Contains(t, out, "2023-11-14")
	assert.Contains(t, out, "3 dead letters")
	assert.NotContains(t, out, "content")
	for line := range strings.Lines(out) {
		assert.LessOrEqual(t, len([]rune(line)), 101, line)
	}

	code, out, _ = run(t, "spool", "list", "--queue", "spool", "--json")
	require.Zero(t, code)
	assert.NotContains(t, out, "content")
	var found []admission.DeadLetter
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	require.Len(t, found, 2)
	assert.Contains(t, found[0].Reason, "no key of the keyset")
}

func TestDeadLettersArePutBack(t *testing.T) {
	client := letters(t)
	dead, err := client.XRange(t.Context(), spoolKey+":dead", "-", "+").Result()
	require.NoError(t, err)

	code, _, errOut := run(t, "spool", "retry", "--queue", "spool", dead[0].ID, "1-1")
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "no dead letter 1-1")
	assert.Zero(t, length(t, client, spoolKey), "half of what was asked for was done")

	code, out, _ := run(t, "spool", "retry", "--queue", "spool", dead[1].ID)
	require.Zero(t, code)
	assert.Contains(t, out, "1 commands for Temporal, 0 deliveries")
	code, out, _ = run(t, "spool", "retry")
	require.Zero(t, code)
	assert.Contains(t, out, "1 commands for Temporal, 1 deliveries")
	code, out, _ = run(t, "spool", "retry", "--json")
	require.Zero(t, code)
	assert.JSONEq(t, `{"spool":0,"deliveries":0}`, out)

	back, err := client.XRange(t.Context(), spoolKey, "-", "+").Result()
	require.NoError(t, err)
	require.Len(t, back, 2)
	assert.Equal(t, map[string]any{"workflow_id": "datadog:alert:1", "sealed": "second content"}, back[0].Values)
	assert.Equal(t, map[string]any{"workflow_id": "datadog:alert:1", "sealed": "first content"}, back[1].Values)
	assert.EqualValues(t, 1, length(t, client, deliveriesKey))
	assert.Zero(t, length(t, client, spoolKey+":dead")+length(t, client, deliveriesKey+":dead"))
	code, out, _ = run(t, "spool", "list")
	require.Zero(t, code)
	assert.Equal(t, "No dead letters.\n", out)
}

func TestDeadLetterOfBothQueuesIsNamed(t *testing.T) {
	client := letters(t)
	for _, key := range []string{spoolKey, deliveriesKey} {
		require.NoError(t, client.XAdd(t.Context(), &redis.XAddArgs{
			Stream: key + ":dead", ID: "9999999999999-7", Values: map[string]any{"id": "1-1", "reason": "why"},
		}).Err())
	}
	code, _, errOut := run(t, "spool", "retry", "9999999999999-7")
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "is in both queues; nothing was put back: say which with --queue")
	assert.Zero(t, length(t, client, spoolKey)+length(t, client, deliveriesKey))
}

func TestDeadLettersWithoutRedis(t *testing.T) {
	t.Setenv("REDIS_URL", "redis://127.0.0.1:1/0")
	code, _, errOut := run(t, "spool", "list")
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "Redis does not answer")
}
