package providers

import (
	"bytes"
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
	// 1024 bits, the figures of RFC 9421's example of a key for RSA 1.5.
	small := pemMark + "PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC" + strings.Repeat("v", 160) + "wIDAQAB\n-----END PUBLIC KEY-----\n"
	_, err := newVerifier([]Scheme{{Kind: KindRSA, Header: "X-Sig"}}, Config{Secrets: Secrets(small)})
	require.Error(t, err)
}

// TestPublicKeyIsNoSharedKey is the confusion of algorithms: what everybody may
// know must not become the key of a code that everybody could compute.
func TestPublicKeyIsNoSharedKey(t *testing.T) {
	t.Parallel()
	for _, public := range []Scheme{
		{Kind: KindECDSA, Header: "X-Ec"}, {Kind: KindEd25519, Header: "X-Ed", Key: "hex"},
		{Kind: KindEd25519, Header: "X-Ed", Key: "base64"}, {Kind: KindSNS},
	} {
		secret := newSecret(t, public, "one")
		shared := Scheme{Kind: KindHMAC, Header: "X-Sig"}
		forged := sent(t, shared, "placeholder", "{}")
		mac := key{shared: []byte(secret)}
		code, err := mac.sign(algorithm{kind: KindHMAC, hash: hashes["sha256"]}, forged.request.Body)
		require.NoError(t, err)
		forged.request.Header.Set("X-Sig", encodings["hex"].encode(code))
		for _, order := range [][]Scheme{{public, shared}, {shared, public}} {
			v, err := newVerifier(order, Config{Secrets: Secrets(secret)})
			require.NoError(t, err)
			_, err = v.Verify(forged.request)
			require.ErrorIs(t, err, ErrSignature, "%s as a shared key", public.Kind)
		}
	}
}

// TestStrongerSchemeDecides is the rule of presence: a wrong stronger proof is
// not mended by a right weaker one.
func TestStrongerSchemeDecides(t *testing.T) {
	t.Parallel()
	secret := newSecret(t, presets["gitlab"][1], "one")
	v, err := newVerifier([]Scheme{{Use: "gitlab"}}, Config{Secrets: Secrets(secret)})
	require.NoError(t, err)
	signed := sent(t, presets["gitlab"][1], secret, "{}").request
	signed.Header.Set("X-Gitlab-Token", secret)
	proof, err := v.Verify(signed)
	require.NoError(t, err)
	assert.Equal(t, AssuranceSigned, proof.Assurance)

	signed.Body = []byte("[]")
	_, err = v.Verify(signed)
	require.ErrorIs(t, err, ErrSignature, "a right token beside a wrong signature")
	signed.Header.Del("Webhook-Timestamp")
	_, err = v.Verify(signed)
	require.ErrorIs(t, err, ErrUnsigned, "a right token beside half a signature")
	signed.Header.Del("Webhook-Signature")
	proof, err = v.Verify(signed)
	require.NoError(t, err)
	assert.Equal(t, AssuranceToken, proof.Assurance)

	only, err := newVerifier([]Scheme{{Use: "gitlab"}}, Config{Secrets: Secrets(secret), Schemes: []string{"standard_webhooks"}})
	require.NoError(t, err)
	_, err = only.Verify(signed)
	require.ErrorIs(t, err, ErrUnsigned, "a source may leave the token out")
}

func TestWeakSchemeIsLeftOut(t *testing.T) {
	t.Parallel()
	old := sent(t, presets["github"][1], "key", "{}").request
	strict, err := newVerifier([]Scheme{{Use: "github"}}, Config{Secrets: Secrets("key")})
	require.NoError(t, err)
	_, err = strict.Verify(old)
	require.ErrorIs(t, err, ErrUnsigned)
	lax, err := newVerifier([]Scheme{{Use: "github"}}, Config{Secrets: Secrets("key"), AllowWeak: true})
	require.NoError(t, err)
	proof, err := lax.Verify(old)
	require.NoError(t, err)
	assert.True(t, proof.Weak)
	old.Header.Set("X-Hub-Signature-256", "sha256=00")
	_, err = lax.Verify(old)
	require.ErrorIs(t, err, ErrSignature)
}

func TestNoneOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	v, err := newVerifier([]Scheme{{Use: "slack"}}, Config{Schemes: []string{"none"}})
	require.NoError(t, err)
	proof, err := v.Verify(&Request{})
	require.NoError(t, err)
	assert.Equal(t, Proof{Scheme: "none", Assurance: AssuranceNone}, proof)
	v.Sign(&Request{}, testedAt)
}

func TestSecretsHaveTheirTime(t *testing.T) {
	t.Parallel()
	s := presets["slack"][0]
	c := sent(t, s, "old", "{}")
	secrets := []Secret{{Value: "new", NotBefore: testedAt}, {Value: "old", NotAfter: testedAt}}
	c.config.Secrets = secrets
	proof, err := c.verify()
	require.NoError(t, err, "both bounds belong to the time")
	assert.Equal(t, 1, proof.Secret)
	assert.Equal(t, SecretID("old"), proof.SecretID)

	c.request.ReceivedAt = testedAt.Add(time.Second)
	_, err = c.verify()
	require.ErrorIs(t, err, ErrSignature)
	require.ErrorContains(t, err, "secret "+SecretID("old")+" fits but is not valid after 2025-10-09T12:00:00Z")
	c.config.Secrets = append(slices.Clone(secrets), Secret{Value: "old"})
	proof, err = c.verify()
	require.NoError(t, err, "the same value may have another time")
	assert.Equal(t, 2, proof.Secret)

	shown := fmt.Sprintf("%v %+v %#v %s", secrets[1], secrets[1], secrets[1], secrets)
	assert.NotContains(t, shown, "old")
	assert.Len(t, SecretID("old"), 8)
	assert.NotEqual(t, SecretID("old"), SecretID("new"))
}

func TestSeveralSignaturesOfARotation(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"stripe", "pagerduty", "standard_webhooks"} {
		s := presets[name][len(presets[name])-1]
		one, two := newSecret(t, s, "one"), newSecret(t, s, "two")
		c, other := sent(t, s, one, "{}"), sent(t, s, two, "{}")
		separator := separators[s.List]
		value := c.request.Header.Get(s.Header) + separator + strings.TrimPrefix(other.request.Header.Get(s.Header), s.TimePrefix+"1760011200,")
		c.request.Header.Set(s.Header, value)
		for _, secret := range []string{one, two} {
			c.config.Secrets = Secrets(secret)
			_, err := c.verify()
			require.NoError(t, err, "%s: %s", name, value)
		}
	}
}

func TestGrafanaWithAndWithoutTime(t *testing.T) {
	t.Parallel()
	v, err := newVerifier([]Scheme{{Use: "grafana"}}, Config{Secrets: Secrets("key")})
	require.NoError(t, err)
	timed, plain := sent(t, presets["grafana"][0], "key", "{}").request, sent(t, presets["grafana"][1], "key", "{}").request
	proof, err := v.Verify(timed)
	require.NoError(t, err)
	assert.True(t, proof.Timed())
	proof, err = v.Verify(plain)
	require.NoError(t, err)
	assert.False(t, proof.Timed())
	timed.Header.Del("X-Grafana-Alerting-Timestamp")
	_, err = v.Verify(timed)
	require.ErrorIs(t, err, ErrSignature)
}

func TestTokenInTheURL(t *testing.T) {
	t.Parallel()
	v, err := newVerifier([]Scheme{{Use: "token"}, {Use: "token_url"}}, Config{Secrets: Secrets("key & more")})
	require.NoError(t, err)
	for query, want := range map[string]error{
		"token=key+%26+more": nil, "a=b&token=key%20%26%20more": nil, "token=": ErrUnsigned, "": ErrUnsigned, "tokens=x": ErrUnsigned,
		"token=wrong": ErrSignature, "token=key+%26+more&token=key+%26+more": ErrSignature, "token=%zz": ErrSignature,
		"token=" + strings.Repeat("x", 1<<20): ErrSignature, "xtoken=key+%26+more": ErrUnsigned,
	} {
		_, err := v.Verify(&Request{URL: &url.URL{RawQuery: query}})
		require.ErrorIs(t, err, want, "%.40s", query)
	}
	_, err = v.Verify(&Request{URL: &url.URL{RawQuery: "token=key+%26+more"}, Header: http.Header{TokenHeader: {"wrong"}}})
	require.ErrorIs(t, err, ErrSignature, "a wrong header is not mended by the URL")
}

func TestSchemesInYAMLAreStrict(t *testing.T) {
	t.Parallel()
	var schemes []Scheme
	decoder := yaml.NewDecoder(strings.NewReader("- use: slack\n  past: 10m\n- kind: token\n  header: x-example-key\n"))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&schemes))
	expanded, err := Expand(schemes)
	require.NoError(t, err)
	assert.Equal(t, 10*time.Minute, expanded[0].Past)
	assert.Equal(t, "X-Slack-Signature", expanded[0].Header)
	assert.Equal(t, "X-Example-Key", expanded[1].withDefaults(Config{}).Header)
	decoder = yaml.NewDecoder(bytes.NewReader([]byte("- kind: hmac\n  headr: X\n")))
	decoder.KnownFields(true)
	require.ErrorContains(t, decoder.Decode(&schemes), "headr")
}

func TestTwilioCoversTheBody(t *testing.T) {
	t.Parallel()
	c := sent(t, Scheme{Use: "twilio"}, "key", "A=1&B=2")
	c.request.Body = []byte(`{"A":"1"}`)
	_, err := c.verify()
	require.ErrorIs(t, err, ErrSignature)
	c.request.Body = []byte("A=1&B=2&" + strings.Repeat("C=3&", 5000))
	_, err = c.verify()
	require.ErrorIs(t, err, ErrSignature)
	c.config.PublicURL = ""
	_, err = c.verify()
	require.ErrorContains(t, err, "public_url")
}

func TestCanSign(t *testing.T) {
	t.Parallel()
	s := Scheme{Kind: KindSNS}
	v, err := newVerifier([]Scheme{s}, Config{Secrets: Secrets("arn:aws:sns:eu-west-1:123456789012:alerts")})
	require.NoError(t, err)
	require.ErrorIs(t, v.CanSign(), errCannotSign)
	r := &Request{Body: []byte("{}")}
	v.Sign(r, testedAt)
	_, err = v.Verify(r)
	require.ErrorIs(t, err, ErrUnsigned)
}
