package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/testkit"
	"github.com/nerve-alerts/nerve/providers"
)

var token = strings.Repeat("t0ken-", 6)

func TestMistakesAreAllToldBeforeAnythingListens(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nerve.yaml")
	require.NoError(t, os.WriteFile(file, []byte("port: x\nkeyset: nonsense\nredis: {url: \"redis://:hunter2@host/notanumber\"}\nsources:\n- {name: dd, provider: nobody, secrets: ["+token+"]}\n"), 0o600))
	err := run(t.Context(), []string{"--no-env", "--config", file})
	var out bytes.Buffer
	assert.Equal(t, 2, app.ExitCode("ingest", err, &out))
	for _, key := range []string{"port:", "NERVE_KEYSET", "REDIS_URL", "TEMPORAL_ADDRESS", "sources[dd].provider"} {
		assert.Contains(t, out.String(), key)
	}
	assert.NotContains(t, out.String(), "hunter2")
	assert.NotContains(t, out.String(), token)
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 0, app.ExitCode("ingest", nil, io.Discard))
	assert.Equal(t, 1, app.ExitCode("ingest", errors.New("x"), io.Discard))
	assert.Equal(t, 2, app.ExitCode("ingest", run(t.Context(), []string{"--nonsense"}), io.Discard))
}

// TestLinksNoWorkflowCode guards the border between the two programs.
func TestLinksNoWorkflowCode(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").CombinedOutput()
	require.NoError(t, err, string(out))
	for _, pkg := range []string{"workflows", "activities", "internal/devserver"} {
		assert.NotContains(t, string(out), "nerve-alerts/nerve/"+pkg+"\n")
	}
	assert.Contains(t, string(out), "nerve-alerts/nerve/internal/ingest\n")
}

// TestRunWithNothingBehindIt starts the program with Temporal and Redis away: it
// takes requests, refuses what is forged, and promises nothing that it cannot keep.
func TestRunWithNothingBehindIt(t *testing.T) {
	t.Parallel()
	generated, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	keyset, err := generated.Export()
	require.NoError(t, err)
	port, nowhere := strconv.Itoa(testkit.FreePort(t)), strconv.Itoa(testkit.FreePort(t))
	yaml := fmt.Sprintf("host: 127.0.0.1\nkeyset: '%s'\ntemporal: {address: \"127.0.0.1:%s\"}\nredis: {url: \"redis://127.0.0.1:%s\"}\nsources:\n- {name: dd, provider: datadog, secrets: [%s]}\n",
		keyset, nowhere, nowhere, token)
	file := filepath.Join(t.TempDir(), "nerve.yaml")
	require.NoError(t, os.WriteFile(file, []byte(yaml), 0o600))
	args := []string{"--no-env", "--config", file, "--port", port, "--log-level", "error"}
	healthcheck := func() (code int, said string) {
		var out bytes.Buffer
		code = app.ExitCode("ingest", run(t.Context(), append(slices.Clone(args), "--healthcheck")), &out)
		return code, out.String()
	}
	code, said := healthcheck()
	assert.Equal(t, 1, code)
	assert.Contains(t, said, "refused")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args) }()

	base := "http://127.0.0.1:" + port
	require.Eventually(t, func() bool {
		status, _ := call(t, http.MethodGet, base+"/health", nil, "")
		return status == http.StatusOK
	}, 10*time.Second, 10*time.Millisecond)
	code, said = healthcheck()
	assert.Zero(t, code, "it is alive, whatever it does not reach")
	assert.Empty(t, said)
	status, _ := call(t, http.MethodGet, base+"/readyz", nil, "")
	assert.Equal(t, http.StatusServiceUnavailable, status)

	spec, ok := providers.Lookup("datadog")
	require.True(t, ok)
	p, err := spec.New(providers.Config{Secrets: providers.Secrets(token)})
	require.NoError(t, err)
	body, err := providers.Fixture("datadog", spec.Fixtures[0])
	require.NoError(t, err)
	signed := &providers.Request{Method: http.MethodPost, URL: &url.URL{Path: "/webhooks/dd"}, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
	status, answer := call(t, http.MethodPost, base+"/webhooks/dd", signed.Header, string(body))
	assert.Equal(t, http.StatusUnauthorized, status, answer)
	p.Sign(signed, time.Now())
	status, answer = call(t, http.MethodPost, base+"/webhooks/dd", signed.Header, string(body))
	assert.Equal(t, http.StatusServiceUnavailable, status, answer)
	assert.Contains(t, answer, "WEBHOOK_HANDLER_FAILED")

	stop()
	require.NoError(t, <-ended)
}

func call(t *testing.T, method, address string, header http.Header, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	r.Header = header.Clone()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(answer)
}
