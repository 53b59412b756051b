package output_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/outbound"
	"github.com/nerve-alerts/nerve/internal/output"
)

var png = append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{7}, 1000)...)

// bundle is a store in a directory, and a server that has outputs.
type bundle struct {
	dir    string
	store  *output.Store
	server *httptest.Server
	query  contract.OutputQuery
	calls  atomic.Int64
}

func setup(t *testing.T, handle http.HandlerFunc) *bundle {
	t.Helper()
	b := &bundle{dir: filepath.Join(t.TempDir(), "not", "there", "yet")}
	b.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.calls.Add(1)
		handle(w, r)
	}))
	t.Cleanup(b.server.Close)
	var err error
	b.store, err = output.Open(t.Context(), output.Options{
		URL: "file://" + filepath.ToSlash(b.dir), AllowHTTP: true,
		Transport: outbound.NewTransport(outbound.Options{Guard: outbound.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.store.Close() })
	b.query = contract.OutputQuery{
		Source: "replicate", Name: "t1", Output: b.server.URL + "/out.png?token=secret",
		Policy: contract.TaskPolicy{Hosts: []string{strings.TrimPrefix(b.server.URL, "http://")}, Types: []string{"image/*"}, MaxBytes: 2000},
	}
	return b
}

func (b *bundle) stored(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "tasks", "*", "*", "*"))
	require.NoError(t, err)
	var kept []string
	for _, f := range files {
		if !strings.HasSuffix(f, ".attrs") {
			kept = append(kept, f)
		}
	}
	return kept
}

func serve(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body)
	}
}

func TestKeepStoresAnOutputOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, serve("image/png", png))
	first, err := b.store.Keep(t.Context(), b.query)
	require.NoError(t, err)
	assert.Equal(t, "image/png", first.ContentType)
	assert.Equal(t, int64(len(png)), first.Size)
	assert.Equal(t, "tasks/replicate/t1/"+first.SHA256+".png", first.Key)
	kept := b.stored(t)
	require.Len(t, kept, 1)
	content, err := os.ReadFile(kept[0])
	require.NoError(t, err)
	assert.Equal(t, png, content)

	second, err := b.store.Keep(t.Context(), b.query)
	require.NoError(t, err)
	assert.Equal(t, first.Key, second.Key)
	assert.Len(t, b.stored(t), 1)

	require.NoError(t, b.store.Remove(t.Context(), first.Key))
	assert.Empty(t, b.stored(t))
	require.NoError(t, b.store.Remove(t.Context(), first.Key), "what is gone is removed")
}

func TestKeepReadsInlineOutputs(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.query.Output = "data:image/png;base64," + base64.StdEncoding.EncodeToString(png)
	out, err := b.store.Keep(t.Context(), b.query)
	require.NoError(t, err)
	assert.Equal(t, int64(len(png)), out.Size)
	assert.True(t, out.Inline)
	b.query.Output, b.query.Policy.Types = "data:,hi%20you", []string{"text/plain"}
	out, err = b.store.Keep(t.Context(), b.query)
	require.NoError(t, err)
	assert.Equal(t, int64(6), out.Size)
	assert.Zero(t, b.calls.Load())
}

// TestKeepRefuses is what must not be kept, and whether a retry could help.
func TestKeepRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handle http.HandlerFunc
		change func(*contract.OutputQuery)
		code   string
		retry  bool
	}{
		"announced as too large": {serve("image/png", append(png, make([]byte, 2000)...)), nil, "output/too_large", false},
		"too large without a word": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(png)
			w.(http.Flusher).Flush()
			_, _ = w.Write(make([]byte, 2000))
		}, nil, "output/too_large", false},
		"a bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "image/png")
			z := gzip.NewWriter(w)
			_, _ = z.Write(append(png, make([]byte, 1<<20)...))
			_ = z.Close()
		}, nil, "output/too_large", false},
		"an encoding of its own": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = w.Write(png)
		}, nil, "output/encoding_forbidden", false},
		"another type":                       {serve("text/html", []byte("<html>")), nil, "output/type_forbidden", false},
		"a page that is said to be an image": {serve("image/png", []byte("<html><script>")), nil, "output/type_forbidden", false},
		"bytes that are no image":            {serve("image/png", []byte{1, 2, 3, 4}), nil, "output/type_forbidden", false},
		"an image said to be a page":         {serve("text/html", png), nil, "output/type_forbidden", false},
		"a type of a server's fancy":         {serve("image/png; x=<b>", []byte("hello")), nil, "output/type_forbidden", false},
		"empty":                              {serve("image/x-unknown", nil), nil, "output/no_output", false},
		"away":                               {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, nil, "outbound/http_503", true},
		"gone":                               {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, nil, "outbound/http_410", false},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1500")
			_, _ = w.Write(png)
		}, nil, "output/read", true},
		"another host":  {nil, func(q *contract.OutputQuery) { q.Policy.Hosts = []string{"example.com"} }, "outbound/host_forbidden", false},
		"no hosts":      {nil, func(q *contract.OutputQuery) { q.Policy.Hosts = nil }, "outbound/host_forbidden", false},
		"no output":     {nil, func(q *contract.OutputQuery) { q.Output = "" }, "output/no_output", false},
		"a bad URI":     {nil, func(q *contract.OutputQuery) { q.Output = "data:image/png;base64,%%" }, "output/bad_url", false},
		"a bad address": {nil, func(q *contract.OutputQuery) { q.Output = "http://[" }, "output/bad_url", false},
		"a large URI": {nil, func(q *contract.OutputQuery) {
			q.Output = "data:image/png;base64," + base64.StdEncoding.EncodeToString(append(png, make([]byte, 2000)...))
		}, "output/too_large", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, tt.handle)
			if tt.change != nil {
				tt.change(&b.query)
			}
			_, err := b.store.Keep(t.Context(), b.query)
			var e interface {
				error
				Code() string
				Retryable() bool
			}
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.code, e.Code())
			assert.Equal(t, tt.retry, e.Retryable())
			assert.NotContains(t, e.Error(), "secret")
			assert.NotContains(t, e.Error(), b.server.URL)
			assert.Empty(t, b.stored(t))
			if tt.handle == nil {
				assert.Zero(t, b.calls.Load(), "nothing was called")
			}
		})
	}
}

func TestKeepTakesWhatServersCallNothing(t *testing.T) {
	t.Parallel()
	for declared, allowed := range map[string]string{"application/octet-stream": "image/png", "": "image/*", "binary/octet-stream": "image/png"} {
		b := setup(t, serve(declared, png))
		b.query.Policy.Types = []string{allowed}
		out, err := b.store.Keep(t.Context(), b.query)
		require.NoError(t, err, declared)
		assert.Equal(t, "image/png", out.ContentType)
	}
	b := setup(t, serve("model/gltf-binary", []byte{0, 1, 2, 3}))
	b.query.Policy.Types = []string{"model/*"}
	out, err := b.store.Keep(t.Context(), b.query)
	require.NoError(t, err)
	assert.Equal(t, "model/gltf-binary", out.ContentType, "bytes that say nothing leave the server's word")
}

func TestCompressionIsUndone(t *testing.T) {
	t.Parallel()
	b := setup(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Contains(t, r.Header.Get("Accept-Encoding"), "gzip")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(png)
		_ = z.Close()
	})
	out, err := b.store.Keep(t.Context(), b.query)
	require.NoError(t, err)
	assert.Equal(t, int64(len(png)), out.Size)
}

func TestAStoreThatFailsIsWorthAnotherTry(t *testing.T) {
	t.Parallel()
	b := setup(t, serve("image/png", png))
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "tasks"), []byte("in the way"), 0o600))
	_, err := b.store.Keep(t.Context(), b.query)
	var e *output.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "output/store", e.Code())
	assert.True(t, e.Retryable())
}

func TestOpenNeedsAGuard(t *testing.T) {
	t.Parallel()
	_, err := output.Open(t.Context(), output.Options{URL: "file://" + t.TempDir()})
	require.ErrorContains(t, err, "guarded")
}
