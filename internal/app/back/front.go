package back

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// front is the worker's endpoint. It is open from the first moment: a worker that
// waits for its database or for Temporal is alive, and being restarted would not help.
type front struct {
	server  *http.Server
	handler atomic.Pointer[http.ServeMux]
	ended   chan error
	log     *slog.Logger
}

// openFront listens on an address, unless there is a listener already.
func openFront(ctx context.Context, l net.Listener, addr string, log *slog.Logger) (*front, error) {
	if l == nil {
		var err error
		if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", addr); err != nil {
			return nil, fmt.Errorf("app: listen: %w (set PORT to a free port)", err)
		}
	}
	f := &front{ended: make(chan error, 1), log: log}
	f.handler.Store(starting())
	f.server = &http.Server{
		Handler:           http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { f.handler.Load().ServeHTTP(rw, r) }),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
	}
	go func() { f.ended <- f.server.Serve(l) }()
	return f, nil
}

// alive is what a worker answers for as long as it runs.
func alive() *http.ServeMux {
	mux := http.NewServeMux()
	ok := func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("{\"status\":\"ok\"}\n")) }
	mux.HandleFunc("GET /{$}", ok)
	mux.HandleFunc("GET /health", ok)
	return mux
}

// starting is what a worker answers that waits: alive, and not ready for anything.
func starting() *http.ServeMux {
	mux := alive()
	answer := func(kind, body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", kind)
			rw.Header().Set("Retry-After", "10")
			rw.WriteHeader(http.StatusServiceUnavailable)
			_, _ = rw.Write([]byte(body + "\n"))
		}
	}
	mux.HandleFunc("GET /health/detailed", answer("application/json", `{"status":"starting"}`))
	mux.HandleFunc("GET /readyz", answer("application/json", `{"status":"starting"}`))
	mux.HandleFunc("/", answer("application/problem+json", `{"type":"about:blank","title":"Service Unavailable","status":503,`+
		`"detail":"This worker is starting; its log says what it waits for.","code":"API_UNAVAILABLE"}`))
	return mux
}

// serve answers with mux from now on, until ctx ends.
func (f *front) serve(ctx context.Context, mux *http.ServeMux) error {
	f.handler.Store(mux)
	select {
	case <-ctx.Done():
		f.close(ctx)
		return nil
	case err := <-f.ended:
		return fmt.Errorf("app: serve: %w", err)
	}
}

// close lets the requests in hand finish, also after ctx has ended. It may be called twice.
func (f *front) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := f.server.Shutdown(ctx); err != nil && !errors.Is(err, http.ErrServerClosed) {
		f.log.Warn("worker's endpoint did not stop in time", "error", err)
	}
}
