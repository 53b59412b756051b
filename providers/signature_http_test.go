package providers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// signedAs signs a request with a Signature-Input of one's own, so that only the
// policy decides.
func signedAs(t *testing.T, r *Request, secret, input string) {
	t.Helper()
	dictionary, err := httpsfv.UnmarshalDictionary([]string{"sig=" + input})
	require.NoError(t, err)
	member, _ := dictionary.Get("sig")
	list := member.(httpsfv.InnerList)
	base, _, err := signatureBase(httpMessage{Request: r, url: &url.URL{Scheme: "https", Host: "alerts.example.com", Path: "/x", RawQuery: "a=1"}}, list)
	require.NoError(t, err, input)
	k := key{shared: []byte(secret)}
	signature, err := k.sign(httpAlgs["hmac-sha256"], base)
	require.NoError(t, err)
	require.NoError(t, setDictionaries(r, list, signature))
}

func TestHTTPSignaturePolicy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		input, body, digest string
		covered             []string
		want                error
	}{
		"covers the body":          {`("content-digest");created=1760011200`, "{}", "sha-256", nil, nil},
		"by SHA-512":               {`("content-digest");created=1760011200`, "{}", "sha-512", nil, nil},
		"no body, nothing covered": {`();created=1760011200`, "", "", nil, nil},
		"does not cover the body":  {`("@method");created=1760011200`, "{}", "sha-256", nil, ErrSignature},
		"digest of another body":   {`("content-digest");created=1760011200`, "{}", "wrong", nil, ErrSignature},
		"digest of no known kind":  {`("content-digest");created=1760011200`, "{}", "md5", nil, ErrSignature},
		"no time":                  {`("content-digest")`, "{}", "sha-256", nil, ErrSignature},
		"time is text":             {`("content-digest");created="1760011200"`, "{}", "sha-256", nil, ErrSignature},
		"stale":                    {`("content-digest");created=1760010899`, "{}", "sha-256", nil, ErrStale},
		"from the future":          {`("content-digest");created=1760011231`, "{}", "sha-256", nil, ErrStale},
		"expired":                  {`("content-digest");created=1760011199;expires=1760011199`, "{}", "sha-256", nil, ErrStale},
		"not expired":              {`("content-digest");created=1760011199;expires=1760011200`, "{}", "sha-256", nil, nil},
		"expires is text":          {`("content-digest");created=1760011199;expires="x"`, "{}", "sha-256", nil, ErrStale},
		"another algorithm":        {`("content-digest");created=1760011200;alg="ed25519"`, "{}", "sha-256", nil, ErrSignature},
		"its algorithm":            {`("content-digest");created=1760011200;alg="hmac-sha256"`, "{}", "sha-256", nil, nil},
		"method is missing":        {`("content-digest");created=1760011200`, "{}", "sha-256", []string{"@method"}, ErrSignature},
		"method is covered":        {`("content-digest" "@method");created=1760011200`, "{}", "sha-256", []string{"@method"}, nil},
		"all of the URL": {
			`("content-digest" "@authority" "@scheme" "@path" "@query" "@target-uri" "@request-target" "@query-param";name="a");created=1760011200`,
			"{}", "sha-256", nil, nil,
		},
	} {
		v, err := newVerifier([]Scheme{{Kind: KindHTTPSignature, Covered: c.covered}}, Config{Secrets: Secrets("a shared key"), PublicURL: "https://alerts.example.com/x"})
		require.NoError(t, err)
		r := &Request{Method: http.MethodPost, URL: &url.URL{Path: "/x", RawQuery: "a=1"}, Header: http.Header{}, Body: []byte(c.body), ReceivedAt: testedAt}
		digests := httpsfv.NewDictionary()
		switch c.digest {
		case "sha-256", "sha-512":
			digests.Add(c.digest, httpsfv.NewItem(digest(digestHashes[c.digest], r.Body)))
		case "md5":
			digests.Add(c.digest, httpsfv.NewItem([]byte("x")))
		default:
			digests.Add("sha-256", httpsfv.NewItem(digest(digestHashes["sha-256"], []byte("other"))))
		}
		text, err := httpsfv.Marshal(digests)
		require.NoError(t, err)
		r.Header.Set("Content-Digest", text)
		signedAs(t, r, "a shared key", c.input)
		_, err = v.Verify(r)
		require.ErrorIs(t, err, c.want, name)
	}
}

func TestHTTPSignatureComponents(t *testing.T) {
	t.Parallel()
	m := httpMessage{
		Request: &Request{Method: "POST", URL: &url.URL{Path: "/a b"}, Header: http.Header{"X-Two": {" one ", "two"}}, Body: []byte("four")},
		url:     &url.URL{Scheme: "https", Host: "ALERTS.example.com:443"},
	}
	for name, want := range map[string]string{
		"@method": "POST", "@authority": "alerts.example.com", "@scheme": "https", "@path": "/", "@query": "?", "x-two": "one, two", "content-length": "4",
		"host": "ALERTS.example.com:443",
	} {
		got, err := m.component(name, httpsfv.NewParams())
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
	}
	for _, name := range []string{"@status", "@unknown", "x-missing", "@query-param"} {
		_, err := m.component(name, httpsfv.NewParams())
		require.Error(t, err, name)
	}
	params := httpsfv.NewParams()
	params.Add("bs", true)
	_, err := m.component("x-two", params)
	require.Error(t, err, "parameters that change the value are not supported")
	m.url = &url.URL{Scheme: "http", Host: "a.example.com:80", RawQuery: "p=a+b~*&q=1&q=2"}
	m.URL = nil
	got, err := m.component("@query-param", params)
	require.Error(t, err, got)
	params = httpsfv.NewParams()
	params.Add("name", "p")
	got, err = m.component("@query-param", params)
	require.NoError(t, err)
	assert.Equal(t, "a%20b%7E*", got)
	params.Add("name", "q")
	_, err = m.component("@query-param", params)
	require.Error(t, err, "a parameter that is there twice")
	got, err = m.component("@authority", httpsfv.NewParams())
	require.NoError(t, err)
	assert.Equal(t, "a.example.com", got)
}

func TestHTTPSignatureRefusesInputs(t *testing.T) {
	t.Parallel()
	v, err := newVerifier([]Scheme{{Use: "http_signature"}}, Config{Secrets: Secrets("a shared key")})
	require.NoError(t, err)
	good := sent(t, Scheme{Use: "http_signature"}, "a shared key", "")
	for _, input := range []string{
		"", "x", "nerve=1", "nerve=()", `nerve=("@method" "@method");created=1760011200`, `nerve=("@Method");created=1760011200`, `nerve=(1);created=1`,
		`nerve=(` + strings.Repeat(`"@method" `, 60) + `);created=1760011200`, `nerve=("@method";req);created=1760011200`, `other=("@method");created=1760011200`,
		`nerve=("@target-uri");created=1760011200`, strings.Repeat("x", 1<<20),
	} {
		r := *good.request
		r.Header = r.Header.Clone()
		r.Header.Set("Signature-Input", input)
		_, err := v.Verify(&r)
		require.Error(t, err, "%.60s", input)
	}
}

// TestDroneBodyCounts is the trap of the old HTTP signatures: the signature is
// over headers, so the digest among them must be the body's.
func TestDroneBodyCounts(t *testing.T) {
	t.Parallel()
	c := sent(t, Scheme{Use: "drone"}, "key", `{"event":"build"}`)
	_, err := c.verify()
	require.NoError(t, err)
	signature := c.request.Header.Get("Signature")
	c.request.Body = []byte(`{"event":"other"}`)
	_, err = c.verify()
	require.ErrorIs(t, err, ErrSignature)
	require.ErrorContains(t, err, "Digest")

	k := key{shared: []byte("key")}
	resigned := func(names string) error {
		r := *c.request
		r.Header = r.Header.Clone()
		s := &cavage{Scheme: Scheme{Name: "drone"}}
		content, err := s.content(&r, strings.Fields(names))
		require.NoError(t, err)
		code, err := k.sign(algorithm{kind: KindHMAC, hash: hashes["sha256"]}, content)
		require.NoError(t, err)
		r.Header.Set("Signature", `keyId="hmac-key",algorithm="hmac-sha256",signature="`+encodings["base64"].encode(code)+`",headers="`+names+`"`)
		v, err := newVerifier([]Scheme{{Use: "drone"}}, Config{Secrets: Secrets("key")})
		require.NoError(t, err)
		_, err = v.Verify(&r)
		return err
	}
	c.request.Body = []byte(`{"event":"build"}`)
	require.NoError(t, resigned("date digest"))
	require.NoError(t, resigned("(request-target) digest date"))
	require.ErrorContains(t, resigned("date"), "does not cover digest")
	require.ErrorContains(t, resigned("digest"), "does not cover date")
	for _, bad := range []string{
		`signature="x"`, strings.Replace(signature, "hmac-sha256", "rsa-sha256", 1), strings.Replace(signature, `"date digest"`, `"date date digest"`, 1),
		signature + "," + signature, signature + `,created="1"`, strings.ReplaceAll(signature, `"`, "'"),
	} {
		c.request.Header.Set("Signature", bad)
		_, err := c.verify()
		require.ErrorIs(t, err, ErrSignature, bad)
	}
	c.request.ReceivedAt = testedAt.Add(time.Hour)
	c.request.Header.Set("Signature", signature)
	_, err = c.verify()
	require.ErrorIs(t, err, ErrStale)
}
