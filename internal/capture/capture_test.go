package capture_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/capture"
)

const rawPost = "POST /webhooks/ci?token=x HTTP/1.1\r\nHost: alerts.example.com\r\nContent-Type: application/json\r\n" +
	"X-Tag: a\r\nx-tag: b\r\nContent-Length: 13\r\n\r\n{\"a\": \"b\\nc\"}"

func TestRawRequest(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"as it is":             rawPost,
		"with a BOM":           "\xef\xbb\xbf" + rawPost,
		"behind blank lines":   "\n\r\n" + rawPost,
		"LF":                   strings.ReplaceAll(rawPost, "\r\n", "\n"),
		"an editor's line end": rawPost + "\n",
	} {
		r, err := capture.Read([]byte(raw), capture.Options{})
		require.NoError(t, err, name)
		assert.Equal(t, capture.FormatHTTP, r.Format, name)
		assert.Equal(t, http.MethodPost, r.Method, name)
		assert.Equal(t, "https://alerts.example.com/webhooks/ci?token=x", r.URL.String(), name)
		assert.Equal(t, []string{"a", "b"}, r.Header.Values("X-Tag"), "a double stays one: %s", name)
		assert.True(t, bytes.Equal([]byte(`{"a": "b\nc"}`), r.Body), "%s: byte for byte: %s", name, r.Body)
		assert.Empty(t, r.Notes, name)
		assert.True(t, r.At.IsZero())
	}
}

func TestRawRequestOddities(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, raw, body, url, note string }{
		{"no length", "POST /x HTTP/1.1\nHost: h.example.com\n\n{}\n", "{}\n", "https://h.example.com/x", "the line end behind the body"},
		{"cut", "POST /x HTTP/1.1\nContent-Length: 9\n\n{}", "{}", "/x", "the body has 2 bytes and Content-Length says 9"},
		{"more", "POST /x HTTP/1.1\nContent-Length: 2\n\n{}\n{}", "{}", "/x", "only those were read"},
		{"chunked", "POST /x HTTP/1.1\nTransfer-Encoding: chunked\n\n2\r\n{\"\r\n5\r\na\":1}\r\n0\r\n\r\n", `{"a":1}`, "/x", ""},
		{"chunked and joined", "POST /x HTTP/1.1\nTransfer-Encoding: chunked\n\n{}", "{}", "/x", "chunked and the body is not"},
		{"a whole URL", "POST http://h.example.com:8080/x HTTP/1.1\nHost: other.example.com\n\n", "", "http://h.example.com:8080/x", ""},
		{"HTTP/2", "POST /x HTTP/2\n:authority: h.example.com\n:scheme: http\nA: b\n\n", "", "http://h.example.com/x", ""},
		{"no blank line", "GET /x HTTP/1.1\nA: b", "", "/x", ""},
		{"folded", "GET /x HTTP/1.1\nA: b\n  c\n\n", "", "/x", ""},
	} {
		r, err := capture.Read([]byte(tt.raw), capture.Options{})
		require.NoError(t, err, tt.name)
		assert.Equal(t, tt.body, string(r.Body), tt.name)
		assert.Equal(t, tt.url, r.URL.String(), tt.name)
		notes := strings.Join(r.Notes, "\n")
		if tt.note == "" {
			assert.Empty(t, notes, tt.name)
		}
		assert.Contains(t, notes, tt.note, tt.name)
		if tt.name == "folded" {
			assert.Equal(t, "b c", r.Header.Get("A"))
		}
	}
}

const curlVerbose = `* Host alerts.example.com:443 was resolved.
*   Trying 192.0.2.1:443...
* Connected to alerts.example.com (192.0.2.1) port 443
} [5 bytes data]
> POST /webhooks/github HTTP/2
> Host: alerts.example.com
> User-Agent: curl/8.5.0
> X-Hub-Signature-256: sha256=00
> Content-Length: 27
> 
} [27 bytes data]
* We are completely uploaded and fine
< HTTP/2 401 
< content-type: application/problem+json
`

func TestCurl(t *testing.T) {
	t.Parallel()
	r, err := capture.Read([]byte(curlVerbose), capture.Options{})
	require.NoError(t, err)
	assert.Equal(t, capture.FormatCurl, r.Format)
	assert.Equal(t, "sha256=00", r.Header.Get("X-Hub-Signature-256"))
	assert.Equal(t, "https://alerts.example.com/webhooks/github", r.URL.String())
	assert.Empty(t, r.Header.Get("Content-Type"), "that was the answer's")
	assert.True(t, r.NoBody)
	assert.Empty(t, r.Notes)

	r, err = capture.Read([]byte(curlVerbose+"> POST /other HTTP/1.1\r\n> A: b\r\n>\r\n"), capture.Options{})
	require.NoError(t, err)
	assert.Equal(t, "/other", r.URL.Path, "the last of several")
	assert.Equal(t, []string{"the capture holds 2 requests: the last was read"}, r.Notes)

	r, err = capture.Read([]byte(strings.ReplaceAll(curlVerbose, "443", "8080")), capture.Options{})
	require.NoError(t, err)
	assert.Equal(t, "http", r.URL.Scheme, "nothing of TLS")

	r, err = capture.Read([]byte("> GET /probe HTTP/1.1\n> Host: a.example.com\n>\n"), capture.Options{})
	require.NoError(t, err)
	assert.False(t, r.NoBody, "a GET has none")
}

func har(entries string) []byte {
	return []byte(`{"log":{"version":"1.2","entries":[` + entries + `]}}`)
}

const (
	harGet  = `{"startedDateTime":"2025-10-09T12:00:00.000Z","request":{"method":"GET","url":"https://a.example.com/page?secret=1","headers":[]}}`
	harPost = `{"startedDateTime":"2025-10-09T14:00:00.250+02:00","request":{"method":"POST","url":"https://a.example.com/hook","bodySize":7,
		"headers":[{"name":":authority","value":"a.example.com"},{"name":"X-Tag","value":"a"},{"name":"x-tag","value":"b"}],
		"postData":{"mimeType":"application/json","text":"{\"a\":1}"}}}`
)

func TestHAR(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		raw   []byte
		entry int
	}{"alone": {har(harPost), 0}, "the only POST": {har(harGet + "," + harPost), 0}, "chosen": {har(harPost + "," + harPost), 2}} {
		r, err := capture.Read(tt.raw, capture.Options{Entry: tt.entry})
		require.NoError(t, err, name)
		assert.Equal(t, capture.FormatHAR, r.Format)
		assert.Equal(t, `{"a":1}`, string(r.Body))
		assert.Equal(t, http.Header{"X-Tag": {"a", "b"}}, r.Header)
		assert.Equal(t, "https://a.example.com/hook", r.URL.String())
		assert.Equal(t, time.Date(2025, 10, 9, 12, 0, 0, 250e6, time.UTC), r.At)
		assert.Empty(t, r.Notes)
	}
}

func TestHARBodies(t *testing.T) {
	t.Parallel()
	entry := func(rest string) []byte {
		return har(`{"startedDateTime":"","request":{"method":"POST","url":"https://a.example.com/hook","headers":[],` + rest + `}}`)
	}
	for _, tt := range []struct {
		rest, body, note string
		noBody           bool
	}{
		{`"postData":{"text":"eyJhIjoxfQ==","encoding":"base64"}`, `{"a":1}`, "", false},
		{`"postData":{"text":"eyJhIjoxfQ==","_encoding":"base64"}`, `{"a":1}`, "", false},
		{`"postData":{"params":[{"name":"a b","value":"1&2"},{"name":"c","value":""}]}`, `a+b=1%262&c=`, "fields of the form", false},
		{`"bodySize":9,"postData":{"text":"{}"}`, `{}`, "2 bytes and the HAR file says 9", false},
		{`"bodySize":9`, ``, "", true},
		{`"bodySize":-1`, ``, "", false},
	} {
		r, err := capture.Read(entry(tt.rest), capture.Options{})
		require.NoError(t, err, tt.rest)
		assert.Equal(t, tt.body, string(r.Body), tt.rest)
		assert.Contains(t, strings.Join(r.Notes, "\n"), tt.note)
		assert.Equal(t, tt.noBody, r.NoBody, tt.rest)
		assert.True(t, r.At.IsZero())
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw, want string
		entry     int
	}{
		{"", "it is empty", 0},
		{" \n", "it is empty", 0},
		{`{"a":1}`, "a body without its request", 0},
		{`[{"a":1}]`, "a body without its request", 0},
		{"curl -X POST https://a.example.com", "this is a curl command", 0},
		{"=> Send header, 128 bytes (0x80)\n0000: POST / HTTP/1.1\n", "curl --trace", 0},
		{"hello", "neither a raw HTTP request", 0},
		{"POST /x HTTP/1.1\nno header\n\n", `"no header" is not a header`, 0},
		{"POST /x HTTP/1.1\nSp ace: x\n\n", `"Sp ace" is not the name of a header`, 0},
		{"POST /x HTTP/1.1\n folded\n\n", "none before it", 0},
		{"POST /x HTTP/1.1\nContent-Length: many\n\n", "which is no length", 0},
		{"POST http://[ HTTP/1.1\n\n", "the URL of the request line", 0},
		{string(har("")), "holds no request", 0},
		{string(har(harPost + "," + harPost)), "choose one with --entry\n  1  POST a.example.com/hook\n  2  POST", 0},
		{string(har(harGet + "," + harGet)), "holds 2 requests: choose", 0},
		{string(har(harPost)), "holds 1 requests, not 3", 3},
		{string(har(`{"request":{"method":"POST","url":"/","headers":[],"postData":{"text":"***","encoding":"base64"}}}`)), "says that it is base64", 0},
		{string(har(`{"request":{"method":7}}`)), "HAR file cannot be read", 0},
	} {
		_, err := capture.Read([]byte(tt.raw), capture.Options{Entry: tt.entry})
		require.ErrorContains(t, err, tt.want, tt.raw)
	}
	_, err := capture.Read(har(harGet+","+harGet), capture.Options{})
	assert.NotContains(t, err.Error(), "secret", "a query may hold one")
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	h, err := capture.Headers([]byte("POST /x HTTP/1.1\r\nA: 1\r\n\r\nB:2\r\n"))
	require.NoError(t, err)
	assert.Equal(t, http.Header{"A": {"1"}, "B": {"2"}}, h)
	name, value, err := capture.Header("x-a:  b: c ")
	require.NoError(t, err)
	assert.Equal(t, []string{"x-a", "b: c"}, []string{name, value})
	for _, wrong := range []string{"", ":", "a", ": b", ":method: POST", "a b: c", strings.Repeat("x", 50)} {
		_, _, err := capture.Header(wrong)
		require.Error(t, err, wrong)
		assert.Less(t, len(err.Error()), 120, "a message does not repeat it all")
	}
}
