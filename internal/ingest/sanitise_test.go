package ingest

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notKept are the headers that a mapping reads and the log does not keep, and why.
var notKept = map[string]string{
	"ce-subject":                    "somebody may have typed it in",
	"x-shopify-shop-domain":         "names a customer's shop",
	"x-okta-verification-challenge": "of a handshake, which is never replayed",
	"webhook-request-origin":        "of a handshake, which is never replayed",
}

// A replay reads a delivery again. What a mapping reads besides the body has to be
// in the log, or the replay becomes another event than the delivery was.
func TestWhatMappingsReadIsKept(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../providers/catalog/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	read := regexp.MustCompile(`headers(?:\["([a-z0-9-]+)"\]|\.([a-z0-9_]+))`)
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range read.FindAllStringSubmatch(string(text), -1) {
			name := m[1] + m[2]
			seen++
			if notKept[name] == "" {
				assert.True(t, keptHeaders[http.CanonicalHeaderKey(name)], "%s reads %s", filepath.Base(file), name)
			}
		}
	}
	assert.Greater(t, seen, 30)
}

func TestKeepHeaders(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	h.Set("X-GitHub-Event", "push")
	h.Set("Authorization", "secret")
	h.Set("X-Hub-Signature-256", "secret")
	h.Set("User-Agent", "somebody@example.com")
	h.Set("Webhook-Id", "a\nb")
	h.Set("Ce-Source", "https://example.com/"+plantedToken)
	assert.Equal(t, map[string]string{"X-Github-Event": "push", "User-Agent": "[dropped]", "Webhook-Id": "ab", "Ce-Source": "https://example.com/<SECRET_1>"},
		keepHeaders(h, fakeScrubber{}))
	assert.Nil(t, keepHeaders(http.Header{"Cookie": {"x"}}, fakeScrubber{}))
}
