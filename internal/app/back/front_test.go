package back

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

// A worker whose database and Temporal are away is alive, which is what restarts
// it where it is not, and says that it is not ready.
func TestAWorkerThatWaitsIsAlive(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]string{
		"for its database": "postgres://nerve@127.0.0.1:" + strconv.Itoa(testkit.FreePort(t)) + "/nerve?connect_timeout=1",
		"for Temporal":     "sqlite:" + t.TempDir() + "/nerve.db",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			result := make(chan error, 1)
			core := nowhere(t, database)
			go func() {
				w, err := New(ctx, core, Options{Listener: l})
				if err == nil {
					err = w.Run(ctx)
				}
				result <- ended(err)
			}()
			get := func(path string) (int, string) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+path, nil)
				require.NoError(t, err)
				resp, err := http.DefaultClient.Do(req)
				require.NoError(t, err)
				defer func() { _ = resp.Body.Close() }()
				text, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				return resp.StatusCode, string(text)
			}
			status, _ := get("/health")
			assert.Equal(t, http.StatusOK, status)
			status, text := get("/readyz")
			assert.Equal(t, http.StatusServiceUnavailable, status)
			assert.JSONEq(t, `{"status":"starting"}`, text)
			status, text = get("/api/v1/incidents")
			assert.Equal(t, http.StatusServiceUnavailable, status)
			assert.Contains(t, text, `"code":"API_UNAVAILABLE"`)

			stop()
			require.NoError(t, <-result)
			_, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
			require.Error(t, err, "it does not listen any more")
		})
	}
}

// nowhere is a core that reaches nothing.
func nowhere(t *testing.T, database string) *app.Core {
	t.Helper()
	keys, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	raw, err := keys.Export()
	require.NoError(t, err)
	away := "127.0.0.1:" + strconv.Itoa(testkit.FreePort(t))
	core, err := app.Connect(&config.Config{
		EventsTopic: "deliveries", Keyset: config.Secret(raw), DatabaseURL: config.Secret(database), RedisURL: config.Secret("redis://" + away),
		Temporal: config.Temporal{Address: away, Namespace: "default"}, MaxBody: 1 << 20,
		Start:      config.Start{Deadline: 5 * time.Millisecond, InFlight: 8},
		SourceBase: config.DefaultSource("", ""), Approvals: config.Approvals{SingleOperator: true},
	}, app.Options{DurableRedis: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { core.Close(context.WithoutCancel(t.Context())) })
	return core
}
