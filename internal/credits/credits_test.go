package credits_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/credits"
	"github.com/nerve-alerts/nerve/internal/outbound"
	"github.com/nerve-alerts/nerve/providers"
	"github.com/nerve-alerts/nerve/task"
)

func TestTheBillingSystemIsToldTheSameOnEveryAttempt(t *testing.T) {
	t.Parallel()
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	spec, ok := providers.Lookup("standard_webhooks")
	require.True(t, ok)
	verifier, err := spec.New(providers.Config{Secrets: providers.Secrets(secret)})
	require.NoError(t, err)
	status := http.StatusServiceUnavailable
	var ids, bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, err := verifier.Verify(&providers.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: body, ReceivedAt: time.Now()})
		assert.NoError(t, err)
		ids, bodies = append(ids, r.Header.Get("Webhook-Id")), append(bodies, string(body))
		w.WriteHeader(status)
	}))
	defer server.Close()
	key, err := outbound.ParseKey(secret)
	require.NoError(t, err)
	guard := outbound.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	c, err := credits.New(outbound.NewTransport(outbound.Options{Guard: guard}), server.URL, key, nil)
	require.NoError(t, err)

	call := contract.Charge{
		WorkflowID: "task:replicate:t1", TaskID: "t1", Source: "replicate", State: task.Succeeded, PredictSeconds: 2.5,
		Output: &contract.TaskOutput{Key: "k", Size: 3, SHA256: "00"}, At: time.Unix(1760000000, 0),
	}
	var away *outbound.Error
	require.ErrorAs(t, c.Settle(t.Context(), call), &away)
	assert.True(t, away.Retryable())
	status = http.StatusNoContent
	require.NoError(t, c.Settle(t.Context(), call))
	require.NoError(t, c.Reverse(t.Context(), call))
	assert.Equal(t, ids[0], ids[1])
	assert.NotEqual(t, ids[1], ids[2], "to settle is not to reverse")
	assert.Equal(t, bodies[0], bodies[1])
	var got struct {
		Type string
		Data map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(bodies[1]), &got))
	assert.Equal(t, credits.TypeSettle, got.Type)
	assert.Equal(t, map[string]any{
		"task_id": "t1", "source": "replicate", "state": "succeeded", "predict_seconds": 2.5,
		"output_key": "k", "output_bytes": 3.0, "output_sha256": "00",
	}, got.Data)
	_, err = credits.New(nil, "", key, nil)
	require.Error(t, err)
}
