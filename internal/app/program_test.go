package app

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/config"
)

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	check := func(args ...string) (code int, said string) {
		var out bytes.Buffer
		cfg, err := Config(config.Worker, append(args, "--no-env", "--healthcheck"))
		assert.Nil(t, cfg, "nothing is started")
		return ExitCode("worker", err, &out), out.String()
	}
	for _, host := range []string{"0.0.0.0", "127.0.0.1"} {
		code, said := check("--host", host, "--port", port)
		assert.Zero(t, code, said)
		assert.Empty(t, said)
		assert.Equal(t, "/health", <-asked)
	}
	status = http.StatusInternalServerError
	code, said := check("--port", port)
	<-asked
	assert.Equal(t, 1, code)
	assert.Contains(t, said, "answers 500")

	server.Close()
	code, said = check("--port", port)
	assert.Equal(t, 1, code)
	assert.Contains(t, said, "refused")
	code, _ = check("--port", "x")
	assert.Equal(t, 2, code)
}
