package app

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/config"
)

// The health check asks the program that runs, whatever HTTP_PROXY says, which Go
// never uses for loopback: so for another name.
func TestTheHealthCheckAsksNoProxy(t *testing.T) {
	asked := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	err := healthcheck(&config.Config{Host: "nerve.invalid", Port: 8080})
	require.Error(t, err)
	require.NotErrorIs(t, err, errAlive)
	assert.Zero(t, asked)
}

func TestWhereTheHealthCheckAsks(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			rw.WriteHeader(http.StatusNotFound)
		}
	}))
	defer s.Close()
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	port, err := strconv.Atoi(u.Port())
	require.NoError(t, err)
	for _, host := range []string{"", "0.0.0.0", "::", "127.0.0.1", "localhost"} {
		require.ErrorIs(t, healthcheck(&config.Config{Host: host, Port: port}), errAlive, host)
	}
	require.ErrorContains(t, healthcheck(&config.Config{Host: "127.0.0.1"}), "set PORT")
}

// Docker knows 0 and 1 of a check, and nothing else.
func TestAMistakeInTheHealthCheckExitsWith1(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nerve.yaml")
	require.NoError(t, os.WriteFile(file, []byte("port: x\n"), 0o600))
	_, err := Config(config.Ingest, []string{"--no-env", "--config", file, "--healthcheck"})
	var out bytes.Buffer
	assert.Equal(t, 1, ExitCode("ingest", err, &out))
	assert.Contains(t, out.String(), "port:")
	_, err = Config(config.Ingest, []string{"--no-env", "--config", file})
	assert.Equal(t, 2, ExitCode("ingest", err, &out))
}
