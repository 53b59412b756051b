package back

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/internal/privacy"
)

// codecPath is where Temporal UI's codec endpoint is served.
const codecPath = "/codec"

// serve answers health probes, serves the operators' API and decodes payloads
// for Temporal UI, until ctx ends.
func (w *Worker) serve(ctx context.Context) error {
	mux := http.NewServeMux()
	// Alive is not ready: a worker whose database is away waits for it, and being
	// restarted would not help.
	alive := func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("{\"status\":\"ok\"}\n")) }
	mux.HandleFunc("GET /{$}", alive)
	mux.HandleFunc("GET /health", alive)
	mux.HandleFunc("GET /health/detailed", w.reach)
	mux.HandleFunc("GET /readyz", w.reach)
	codec, err := w.codec()
	if err != nil {
		return err
	}
	if codec != nil {
		mux.Handle(codecPath+"/", http.StripPrefix(codecPath, codec))
	}
	mux.Handle("/", w.operators) // what is nowhere is a problem document too
	listener := w.options.Listener
	if listener == nil {
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", w.core.Config.Addr())
		if err != nil {
			return fmt.Errorf("app: listen: %w (set PORT to a free port)", err)
		}
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	stopped := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			w.core.Log.Warn("worker's endpoint did not stop in time", "error", err)
		}
	})
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("app: serve: %w", err)
	}
	return nil
}

// codec is the endpoint for Temporal UI, or nil when it is not configured.
func (w *Worker) codec() (http.Handler, error) {
	c := w.core.Config.Codec
	if c.Token.Reveal() == "" && !w.options.LoopbackCodec {
		return nil, nil //nolint:nilnil // no token, no endpoint: both are fine
	}
	codec, err := privacy.NewPayloadCodec(w.core.Keyset)
	if err != nil {
		return nil, err
	}
	return privacy.CodecHandler(codec, privacy.CodecAuth{Token: c.Token, Origins: c.Origins, AllowLoopback: w.options.LoopbackCodec})
}

// reach says whether the worker can reach what it works on.
func (w *Worker) reach(rw http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	checks := map[string]string{}
	status := http.StatusOK
	check := func(name string, err error) {
		checks[name] = "ok"
		if err != nil {
			checks[name], status = "down", http.StatusServiceUnavailable
		}
	}
	check("record", w.store.Ping(ctx))
	check("redis", w.core.Admission.Ping(ctx))
	_, err := w.core.Client.CheckHealth(ctx, nil)
	check("temporal", err)
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(checks) // the caller is gone: nobody to tell
}
