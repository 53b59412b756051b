package providers

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// testedAt is the clock of the tests of this package.
var testedAt = time.Date(2025, 10, 9, 12, 0, 0, 0, time.UTC)

// testSchemes are every preset's schemes and one of each kind and option beside
// them, by a name for the log.
func testSchemes(t testing.TB) map[string]Scheme {
	t.Helper()
	out := map[string]Scheme{}
	for _, name := range Presets() {
		for i, s := range presets[name] {
			if s.Kind != KindNone {
				out[fmt.Sprintf("%s %d", name, i+1)] = s
			}
		}
	}
	for name, text := range map[string]string{
		"hmac sha384 base64url": "{kind: hmac, hash: sha384, encoding: base64url, header: X-Sig}",
		"hmac sha512 rawurl":    "{kind: hmac, hash: sha512, encoding: rawurl, header: X-Sig, key: base64}",
		"hmac of a hash":        "{kind: hmac, header: X-Sig, content: '{method}|{path}|{header:X-Event}|{body_sha256}', key: hex}",
		"hmac milliseconds":     "{kind: hmac, header: X-Sig, time_header: X-Time, time_format: milliseconds, content: '{body}{timestamp}'}",
		"hmac http date":        "{kind: hmac, header: X-Sig, time_header: Date, time_format: http_date, content: '{timestamp}.{body}'}",
		"hmac semicolons":       "{kind: hmac, header: X-Sig, list: semicolon, prefix: h1=, time_prefix: ts=, content: '{timestamp}:{body}'}",
		"hmac url and body":     "{kind: hmac, header: X-Sig, content: '{url}{body}', encoding: base64}",
		"rsa":                   "{kind: rsa, header: X-Sig, encoding: base64}",
		"rsa pss sha512":        "{kind: rsa, padding: pss, hash: sha512, header: X-Sig, time_header: X-Time, content: '{timestamp}.{body}'}",
		"ecdsa raw":             "{kind: ecdsa, form: raw, header: X-Sig, prefix: es256=}",
		"ed25519 pem":           "{kind: ed25519, header: X-Sig, encoding: rawurl}",
		"ed25519 base64":        "{kind: ed25519, header: X-Sig, key: base64}",
		"token prefix":          "{kind: token, header: Authorization, prefix: 'GenieKey '}",
		"http_signature rsa":    "{kind: http_signature, alg: rsa-v1_5-sha256, covered: ['@method', '@path', content-type]}",
	} {
		var s Scheme
		decoder := yaml.NewDecoder(strings.NewReader(text))
		decoder.KnownFields(true)
		require.NoError(t, decoder.Decode(&s), name)
		out[name] = s
	}
	return out
}

// newSecret makes a secret for a scheme; one kind's secret does not tell which
// key its pinned algorithm needs.
func newSecret(t testing.TB, s Scheme, seed string) string {
	t.Helper()
	if s.Alg == "rsa-v1_5-sha256" {
		s = Scheme{Kind: KindRSA}
	}
	secret, err := s.NewSecret([]byte(seed))
	require.NoError(t, err)
	return secret
}

// sent is a request that a sender with the scheme makes, as received at once.
func sent(t testing.TB, s Scheme, secret, body string) caught {
	t.Helper()
	c := caught{schemes: []Scheme{s}, config: Config{Secrets: Secrets(secret), AllowWeak: true, PublicURL: "https://alerts.example.com/webhooks/x?a=1"}}
	c.request = &Request{
		Method: http.MethodPost, URL: &url.URL{Path: "/webhooks/x", RawQuery: "a=1"}, Body: []byte(body), ReceivedAt: testedAt,
		Header: http.Header{"Content-Type": {"application/json"}, "X-Event": {"alert"}},
	}
	v, err := c.verifier()
	require.NoError(t, err)
	require.NoError(t, v.CanSign())
	v.Sign(c.request, testedAt)
	return c
}

// TestSchemesSign signs with every scheme, has it verified, and requires that
// every change is refused.
func TestSchemesSign(t *testing.T) {
	t.Parallel()
	for name, s := range testSchemes(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{"title":"disk is full","id":7}`
			if strings.Contains(s.Content, "{form}") {
				body = "Body=disk+is+full&From=%2B15550100&Body=again"
				s = Scheme{Use: "twilio"}
			}
			c := sent(t, s, newSecret(t, s, "one"), body)
			proof, err := c.verify()
			require.NoError(t, err)
			assert.Equal(t, s.withDefaults(Config{}).Assurance() == AssuranceSigned, proof.Assurance == AssuranceSigned)
			assert.Equal(t, SecretID(c.config.Secrets[0].Value), proof.SecretID)
			if proof.Timed() {
				assert.WithinDuration(t, testedAt, proof.SignedAt, time.Second)
			}
			foreign := c.copied()
			foreign.config.Secrets = Secrets(newSecret(t, s, "two"))
			_, err = foreign.verify()
			require.ErrorIs(t, err, ErrSignature)

			rotating := c.copied()
			rotating.config.Secrets = Secrets(newSecret(t, s, "two"), c.config.Secrets[0].Value)
			proof, err = rotating.verify()
			require.NoError(t, err)
			assert.Equal(t, 1, proof.Secret)
			t.Logf("%-24s %6d changes refused", name, mutate(t, name, c))
		})
	}
}

// TestSchemesStaleIsTold is C2: only who holds the secret learns of the clock.
func TestSchemesStaleIsTold(t *testing.T) {
	t.Parallel()
	for name, s := range testSchemes(t) {
		body := `{"a":"b"}`
		if s.BodyParam != "" {
			body = "a=b"
		}
		c := sent(t, s, newSecret(t, s, "one"), body)
		proof, err := c.verify()
		require.NoError(t, err, name)
		if !proof.Timed() {
			continue
		}
		other, err := newVerifier(c.schemes, Config{Secrets: Secrets(newSecret(t, s, "two")), AllowWeak: true})
		require.NoError(t, err)
		if s.Kind == KindSNS { // another topic is refused before its signature
			continue
		}
		var texts []string
		for _, offset := range []time.Duration{0, 24 * time.Hour, -24 * time.Hour} {
			late := c.copied()
			late.request.ReceivedAt = testedAt.Add(offset)
			_, err := other.Verify(late.request)
			require.ErrorIs(t, err, ErrSignature, name)
			texts = append(texts, err.Error())
			if _, err = late.verify(); offset != 0 {
				require.ErrorIs(t, err, ErrStale, name)
			}
		}
		assert.Len(t, slices.Compact(texts), 1, "%s: a wrong signature is refused alike whatever its time", name)
	}
}

func TestNewVerifierFailsClosed(t *testing.T) {
	t.Parallel()
	good := Scheme{Kind: KindHMAC, Header: "X-Sig"}
	ok := Config{Secrets: Secrets("key")}
	with := func(change func(*Scheme)) []Scheme {
		s := good
		change(&s)
		return []Scheme{s}
	}
	for want, c := range map[string]struct {
		schemes []Scheme
		config  Config
	}{
		"secret is needed":              {[]Scheme{good}, Config{}},
		"secret 1 is blank":             {[]Scheme{good}, Config{Secrets: Secrets(" \t")}},
		"secret 2 is blank":             {[]Scheme{good}, Config{Secrets: Secrets("key", "")}},
		"17 secrets are too many":       {[]Scheme{good}, Config{Secrets: make([]Secret, 17)}},
		"ends before it begins":         {[]Scheme{good}, Config{Secrets: []Secret{{Value: "k", NotBefore: testedAt, NotAfter: testedAt.Add(-1)}}}},
		"no scheme is left":             {nil, ok},
		`kind "hmca" is not one of`:     {with(func(s *Scheme) { s.Kind = "hmca" }), ok},
		"needs the header":              {with(func(s *Scheme) { s.Header = "" }), ok},
		`hash "md5" is not one of`:      {with(func(s *Scheme) { s.Hash = "md5" }), ok},
		"sha1 needs weak":               {with(func(s *Scheme) { s.Hash = "sha1" }), Config{Secrets: Secrets("key"), AllowWeak: true}},
		"the only one: set allow_weak":  {with(func(s *Scheme) { s.Hash, s.Weak = "sha1", true }), ok},
		`encoding "b64" is not one of`:  {with(func(s *Scheme) { s.Encoding = "b64" }), ok},
		`list "pipe" is not one of`:     {with(func(s *Scheme) { s.List = "pipe" }), ok},
		"content has {bdy}":             {with(func(s *Scheme) { s.Content = "{bdy}" }), ok},
		"a { without its }":             {with(func(s *Scheme) { s.Content = "{body}{" }), ok},
		"does not cover the body":       {with(func(s *Scheme) { s.Content = "{path}" }), ok},
		"neither time_header nor":       {with(func(s *Scheme) { s.Content = "{timestamp}{body}" }), ok},
		"does not cover the time":       {with(func(s *Scheme) { s.TimeHeader = "X-Time" }), ok},
		"no id_header says":             {with(func(s *Scheme) { s.Content = "{id}{body}" }), ok},
		`time_format "unix"`:            {with(func(s *Scheme) { s.Content, s.TimeHeader, s.TimeFormat = "{timestamp}{body}", "X", "unix" }), ok},
		"time_prefix needs a list":      {with(func(s *Scheme) { s.Content, s.TimePrefix = "{timestamp}{body}", "t=" }), ok},
		"body_param needs":              {with(func(s *Scheme) { s.BodyParam = "x" }), ok},
		`key "pem" is not one of raw`:   {with(func(s *Scheme) { s.Key = "pem" }), ok},
		"it is not base64":              {with(func(s *Scheme) { s.Key = "base64" }), Config{Secrets: Secrets("???")}},
		"it is not hexadecimal":         {with(func(s *Scheme) { s.Key = "hex" }), Config{Secrets: Secrets("xyz")}},
		"it holds no key":               {with(func(s *Scheme) { s.Key = "whsec" }), Config{Secrets: Secrets("whsec_")}},
		"it is a public key":            {[]Scheme{good}, Config{Secrets: Secrets(pemMark + "PUBLIC KEY-----")}},
		"is neither PEM nor base64":     {[]Scheme{{Kind: KindRSA, Header: "X-Sig"}}, Config{Secrets: Secrets("???")}},
		"is not written as user:pass":   {[]Scheme{{Kind: KindBasic}}, ok},
		"either a header or a query":    {[]Scheme{{Kind: KindToken}}, ok},
		"is not a topic such as":        {[]Scheme{{Kind: KindSNS}}, ok},
		`alg "none" is not one of`:      {[]Scheme{{Kind: KindHTTPSignature, Alg: "none"}}, ok},
		`no scheme "slcak"`:             {[]Scheme{{Use: "slack"}}, Config{Secrets: Secrets("key"), Schemes: []string{"slcak"}}},
		"github sha1 is weak: choose":   {[]Scheme{{Use: "github"}}, Config{Secrets: Secrets("key"), Schemes: []string{"github sha1"}}},
		`to use is called "githup"`:     {[]Scheme{{Use: "githup"}}, ok},
		"cannot stand beside others":    {[]Scheme{good}, Config{Secrets: Secrets("key"), Schemes: []string{"hmac", "none"}}},
		"stands for several headers":    {[]Scheme{{Use: "token", Header: "X-Other"}}, ok},
		"no scheme is left that could ": {[]Scheme{{Kind: KindNone}}, ok},
	} {
		v, err := newVerifier(c.schemes, c.config)
		require.ErrorContains(t, err, want)
		assert.Nil(t, v)
		assert.True(t, strings.HasPrefix(err.Error(), "providers: "), err)
	}
}

func TestSmallKeysAreRefused(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	small, err := privatePEM(private)
	require.NoError(t, err)
	_, err = newVerifier([]Scheme{{Kind: KindRSA, Header: "X-Sig"}}, Config{Secrets: Secrets(small)})
	require.ErrorContains(t, err, "has 1024 bits")
}
