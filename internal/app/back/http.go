package back

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/internal/privacy"
)

// codecPath is where Temporal UI's codec endpoint is served.
const codecPath = "/codec"

// serve answers health probes, serves the operators' API and decodes payloads
// for Temporal UI, until ctx ends.
func (w *Worker) serve(ctx context.Context) error {
	mux := alive()
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
	return w.front.serve(ctx, mux)
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
