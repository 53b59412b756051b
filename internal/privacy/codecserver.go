package privacy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.temporal.io/sdk/converter"
)

// maxCodecBody bounds a request to the codec endpoint: Temporal's largest event
// (2 MiB a blob) in base64, with room for several.
const maxCodecBody = 16 << 20

// CodecAuth says who may use the codec endpoint.
type CodecAuth struct {
	// Token must be presented as "Authorization: Bearer <token>".
	Token Secret
	// Origins are the pages that a browser may call from, such as
	// "https://temporal.example.com": scheme, host and port, compared exactly.
	Origins []string
	// AllowLoopback allows an empty Token: only requests from this machine are
	// served then, and none that came through a proxy.
	AllowLoopback bool
}

// CodecHandler serves POST …/encode and POST …/decode for Temporal UI and CLI.
// It fails when auth would leave it open: no token and no AllowLoopback, or an
// origin that is not exact.
func CodecHandler(codec converter.PayloadCodec, auth CodecAuth) (http.Handler, error) {
	if codec == nil {
		return nil, errors.New("privacy: the codec endpoint needs a codec")
	}
	if auth.Token == "" && !auth.AllowLoopback {
		return nil, errors.New("privacy: the codec endpoint needs a token, or AllowLoopback")
	}
	for _, origin := range auth.Origins {
		if err := exactOrigin(origin); err != nil {
			return nil, err
		}
	}
	return &codecHandler{auth: auth, next: converter.NewPayloadCodecHTTPHandler(codec)}, nil
}

func exactOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || strings.Contains(origin, "*") || u.Scheme+"://"+u.Host != origin ||
		u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("privacy: codec origin %q must be scheme://host[:port], without path or wildcard", origin)
	}
	return nil
}

type codecHandler struct {
	auth CodecAuth
	next http.Handler
}

// ServeHTTP refuses before it reads: origin (403), peer (403), token (401),
// method (405), size (413).
func (h *codecHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Vary", "Origin")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if origins := r.Header.Values("Origin"); len(origins) > 0 {
		if len(origins) > 1 || !slices.Contains(h.auth.Origins, origins[0]) {
			refuse(w, http.StatusForbidden)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", origins[0])
	}
	if r.Method == http.MethodOptions {
		preflight(w, r)
		return
	}
	if status := h.authorise(r); status != http.StatusOK {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="nerve codec"`)
		}
		refuse(w, status)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST, OPTIONS")
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	h.serve(w, r)
}

// preflight answers a browser that asks before it sends. It carries no
// credentials and reveals nothing; a foreign origin was refused already.
func preflight(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") == "" || r.Header.Get("Access-Control-Request-Method") != http.MethodPost {
		refuse(w, http.StatusForbidden)
		return
	}
	header := w.Header()
	header.Set("Access-Control-Allow-Methods", http.MethodPost)
	// What Temporal UI sends: namespace, and its user's tokens when so set up.
	header.Set("Access-Control-Allow-Headers", "Authorization, Authorization-Extras, Content-Type, X-Namespace")
	header.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// authorise returns 200, or the status to refuse with.
func (h *codecHandler) authorise(r *http.Request) int {
	if h.auth.Token == "" {
		if !fromLoopback(r) {
			return http.StatusForbidden
		}
		return http.StatusOK
	}
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return http.StatusUnauthorized
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || !h.auth.Token.Matches(token) {
		return http.StatusUnauthorized
	}
	return http.StatusOK
}

// fromLoopback reports whether the peer is on this machine and speaks for
// itself: behind a local proxy every peer would be.
func fromLoopback(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if len(r.Header.Values(name)) > 0 {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// serve reads the body whole, so that one that is too large is a 413 and not
// the SDK handler's 400.
func (h *codecHandler) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCodecBody))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			refuse(w, http.StatusRequestEntityTooLarge)
			return
		}
		refuse(w, http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	h.next.ServeHTTP(w, r)
}

func refuse(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }
