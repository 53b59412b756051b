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

// TestPublicKeyIsNoSharedKey is the confusion of algorithms: what everybody may
// know must not become the key of a code that everybody could compute.
func TestPublicKeyIsNoSharedKey(t *testing.T) {
	t.Parallel()
	for _, public := range []Scheme{
		{Kind: KindECDSA, Header: "X-Ec"},
		{Kind: KindEd25519, Header: "X-Ed", Key: "hex"},
		{Kind: KindEd25519, Header: "X-Ed", Key: "base64"},
		{Kind: KindSNS},
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
