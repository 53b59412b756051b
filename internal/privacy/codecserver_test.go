package privacy

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

const pageOrigin = "https://temporal.example.com"

func newTestCodecHandler(t *testing.T, auth CodecAuth) (http.Handler, []byte) {
	t.Helper()
	codec, err := NewPayloadCodec(newTestKeyset(t))
	require.NoError(t, err)
	handler, err := CodecHandler(codec, auth)
	require.NoError(t, err)
	encoded, err := codec.Encode([]*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"planted"`)}})
	require.NoError(t, err)
	body, err := protojson.Marshal(&commonpb.Payloads{Payloads: encoded})
	require.NoError(t, err)
	return handler, body
}

// call sends a request that is good but for what change does to it.
func call(h http.Handler, body []byte, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/codec/decode", bytes.NewReader(body))
	r.RemoteAddr = "127.0.0.1:40000"
	r.Header.Set("Origin", pageOrigin)
	r.Header.Set("Authorization", "Bearer hunter2")
	r.Header.Set("X-Namespace", "default")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestCodecHandlerDecodesForAKnownPage(t *testing.T) {
	t.Parallel()
	h, body := newTestCodecHandler(t, CodecAuth{Token: "hunter2", Origins: []string{pageOrigin}})
	for name, change := range map[string]func(*http.Request){
		"browser":         nil,
		"command line":    func(r *http.Request) { r.Header.Del("Origin") },
		"lower case":      func(r *http.Request) { r.Header.Set("Authorization", "bearer hunter2") },
		"another machine": func(r *http.Request) { r.RemoteAddr = "192.0.2.1:40000" },
		"behind a proxy":  func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") },
	} {
		w := call(h, body, change)
		require.Equal(t, http.StatusOK, w.Code, name)
		var payloads commonpb.Payloads
		require.NoError(t, protojson.Unmarshal(w.Body.Bytes(), &payloads), name)
		assert.Equal(t, `"planted"`, string(payloads.GetPayloads()[0].GetData()), name)
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
	assert.Equal(t, pageOrigin, call(h, body, nil).Header().Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "Origin", call(h, body, nil).Header().Get("Vary"))

	w := call(h, []byte(`{"payloads":[{"data":"cGxhbnRlZA=="}]}`), func(r *http.Request) { r.URL.Path = "/codec/encode" })
	require.Equal(t, http.StatusOK, w.Code)
	assert.NotContains(t, w.Body.String(), "cGxhbnRlZA==")
	assert.True(t, json.Valid(w.Body.Bytes()))
}

func TestCodecHandlerRefuses(t *testing.T) {
	t.Parallel()
	token := CodecAuth{Token: "hunter2", Origins: []string{pageOrigin}}
	loopback := CodecAuth{AllowLoopback: true, Origins: []string{pageOrigin}}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		auth   CodecAuth
		change func(*http.Request)
		want   int
	}{
		"no token":             {token, func(r *http.Request) { r.Header.Del("Authorization") }, http.StatusUnauthorized},
		"wrong token":          {token, set("Authorization", "Bearer hunter3"), http.StatusUnauthorized},
		"longer token":         {token, set("Authorization", "Bearer hunter22"), http.StatusUnauthorized},
		"empty token":          {token, set("Authorization", "Bearer "), http.StatusUnauthorized},
		"other scheme":         {token, set("Authorization", "Basic hunter2"), http.StatusUnauthorized},
		"two tokens":           {token, func(r *http.Request) { r.Header.Add("Authorization", "Bearer hunter2") }, http.StatusUnauthorized},
		"token over loopback":  {CodecAuth{Token: "hunter2", AllowLoopback: true}, func(r *http.Request) { r.Header = http.Header{} }, http.StatusUnauthorized},
		"foreign page":         {token, set("Origin", "https://evil.example.com"), http.StatusForbidden},
		"page in a frame":      {token, set("Origin", "null"), http.StatusForbidden},
		"other port":           {token, set("Origin", pageOrigin+":8443"), http.StatusForbidden},
		"other scheme of page": {token, set("Origin", "http://temporal.example.com"), http.StatusForbidden},
		"longer host":          {token, set("Origin", pageOrigin+".evil.example.com"), http.StatusForbidden},
		"two origins":          {token, func(r *http.Request) { r.Header.Add("Origin", pageOrigin) }, http.StatusForbidden},
		"GET":                  {token, func(r *http.Request) { r.Method = http.MethodGet }, http.StatusMethodNotAllowed},
		"other path":           {token, func(r *http.Request) { r.URL.Path = "/codec" }, http.StatusNotFound},
		"no JSON":              {token, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("x")) }, http.StatusBadRequest},
		"too large": {token, func(r *http.Request) {
			r.Body = io.NopCloser(io.LimitReader(zeros{}, maxCodecBody+1))
		}, http.StatusRequestEntityTooLarge},
		"another machine":         {loopback, func(r *http.Request) { r.RemoteAddr = "192.0.2.1:40000" }, http.StatusForbidden},
		"unknown peer":            {loopback, func(r *http.Request) { r.RemoteAddr = "@" }, http.StatusForbidden},
		"local proxy":             {loopback, set("X-Forwarded-For", "192.0.2.1"), http.StatusForbidden},
		"local proxy, RFC 7239":   {loopback, set("Forwarded", "for=192.0.2.1"), http.StatusForbidden},
		"foreign page, loopback":  {loopback, set("Origin", "http://localhost:9999"), http.StatusForbidden},
		"loopback without a list": {CodecAuth{AllowLoopback: true}, nil, http.StatusForbidden},
	} {
		h, body := newTestCodecHandler(t, c.auth)
		w := call(h, body, c.change)
		assert.Equal(t, c.want, w.Code, name)
		assert.NotContains(t, w.Body.String(), "cGxhbnRlZA", name)
		allowed := w.Header().Get("Access-Control-Allow-Origin")
		assert.Contains(t, []string{"", pageOrigin}, allowed, name)
	}
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestCodecHandlerServesLoopback(t *testing.T) {
	t.Parallel()
	h, body := newTestCodecHandler(t, CodecAuth{AllowLoopback: true, Origins: []string{pageOrigin}})
	for _, peer := range []string{"127.0.0.1:40000", "[::1]:40000", "127.8.8.8:1"} {
		w := call(h, body, func(r *http.Request) { r.RemoteAddr = peer; r.Header.Del("Authorization") })
		assert.Equal(t, http.StatusOK, w.Code, peer)
		w = call(h, body, func(r *http.Request) { r.RemoteAddr = peer; r.Header.Del("Origin") })
		assert.Equal(t, http.StatusOK, w.Code, peer)
	}
}

func TestCodecHandlerPreflight(t *testing.T) {
	t.Parallel()
	h, _ := newTestCodecHandler(t, CodecAuth{Token: "hunter2", Origins: []string{pageOrigin}})
	ask := func(origin, method string) *httptest.ResponseRecorder {
		return call(h, nil, func(r *http.Request) {
			r.Method = http.MethodOptions
			r.Header = http.Header{}
			if origin != "" {
				r.Header.Set("Origin", origin)
			}
			r.Header.Set("Access-Control-Request-Method", method)
			r.Header.Set("Access-Control-Request-Headers", "authorization,content-type,x-namespace")
		})
	}
	w := ask(pageOrigin, http.MethodPost)
	assert.Equal(t, http.StatusNoContent, w.Code)
	assert.Equal(t, pageOrigin, w.Header().Get("Access-Control-Allow-Origin"))
	for _, name := range []string{"Authorization", "Content-Type", "X-Namespace"} {
		assert.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), name)
	}
	assert.Equal(t, http.MethodPost, w.Header().Get("Access-Control-Allow-Methods"))
	assert.Empty(t, w.Header().Get("Access-Control-Allow-Credentials"))

	for _, w := range []*httptest.ResponseRecorder{ask("https://evil.example.com", http.MethodPost), ask(pageOrigin, http.MethodDelete), ask("", http.MethodPost)} {
		assert.Equal(t, http.StatusForbidden, w.Code)
		assert.Empty(t, w.Header().Get("Access-Control-Allow-Methods"))
	}
}

func TestCodecHandlerIsNotBuiltOpen(t *testing.T) {
	t.Parallel()
	codec, err := NewPayloadCodec(newTestKeyset(t))
	require.NoError(t, err)
	_, err = CodecHandler(codec, CodecAuth{Origins: []string{pageOrigin}})
	require.ErrorContains(t, err, "needs a token")
	_, err = CodecHandler(nil, CodecAuth{Token: "hunter2"})
	require.Error(t, err)
	for _, origin := range []string{"*", "null", "", "https://*.example.com", pageOrigin + "/", pageOrigin + "/ui", "temporal.example.com", "ftp://example.com"} {
		_, err = CodecHandler(codec, CodecAuth{Token: "hunter2", Origins: []string{origin}})
		require.ErrorContains(t, err, "codec origin", origin)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}
