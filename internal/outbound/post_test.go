package outbound_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/outbound"
	"github.com/nerve-alerts/nerve/providers"
)

func secretText() string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
}

// TestWhatIsPostedIsAStandardWebhook has nerve's own verifier of Standard
// Webhooks read what was posted.
func TestWhatIsPostedIsAStandardWebhook(t *testing.T) {
	t.Parallel()
	spec, ok := providers.Lookup("standard_webhooks")
	require.True(t, ok)
	verifier, err := spec.New(providers.Config{Secrets: providers.Secrets(secretText())})
	require.NoError(t, err)
	var got *providers.Request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = &providers.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: body, ReceivedAt: time.Now()}
	}))
	defer server.Close()
	key, err := outbound.ParseKey(secretText())
	require.NoError(t, err)
	poster := outbound.NewPoster(outbound.NewTransport(outbound.Options{Guard: loopback}), nil)
	message := outbound.Message{URL: server.URL, Key: key, ID: "evt_1", Body: []byte(`{"type":"x"}`)}
	require.NoError(t, poster.Post(t.Context(), "test", message))

	proof, err := verifier.Verify(got)
	require.NoError(t, err)
	assert.Equal(t, providers.AssuranceSigned, proof.Assurance)
	assert.Equal(t, "evt_1", got.Header.Get("Webhook-Id"))
	got.Body = []byte(`{"type":"y"}`)
	_, err = verifier.Verify(got)
	require.ErrorIs(t, err, providers.ErrSignature, "the verifier can refuse")
}

func TestPostFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
	defer target.Close()
	server := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	key, err := outbound.ParseKey(secretText())
	require.NoError(t, err)
	poster := outbound.NewPoster(outbound.NewTransport(outbound.Options{Guard: loopback}), nil)
	var e *outbound.Error
	require.ErrorAs(t, poster.Post(t.Context(), "test", outbound.Message{URL: server.URL, Key: key, ID: "m"}), &e)
	assert.Equal(t, http.StatusTemporaryRedirect, e.Status)
	require.Error(t, poster.Post(t.Context(), "test", outbound.Message{URL: server.URL, ID: "m"}), "nothing goes out unsigned")
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	short := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 23)))
	for _, bad := range []string{"", "whsec_", "whsec_*", "whsec_" + short, strings.TrimPrefix(secretText(), "whsec_")} {
		_, err := outbound.ParseKey(bad)
		require.Error(t, err, bad)
	}
	key, err := outbound.ParseKey(secretText())
	require.NoError(t, err)
	encoded, err := json.Marshal(map[string]any{"k": key})
	require.NoError(t, err)
	for _, printed := range []string{fmt.Sprint(key), fmt.Sprintf("%#v %+v %s", key, key, key), string(encoded)} {
		assert.NotContains(t, printed, "kkk")
		assert.NotContains(t, printed, "107 107")
	}
}
