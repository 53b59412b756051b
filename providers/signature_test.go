package providers

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The figures of this vector are the example of Slack's documentation on
// verifying requests.
func TestHMACVerifierDocumentedExample(t *testing.T) {
	t.Parallel()
	body := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&" +
		"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&" +
		"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&" +
		"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	v, err := newVerifier(presets["slack"], Config{Secrets: Secrets("8f742231b10e8888abcd" + "99yyyzzz85a5")})
	require.NoError(t, err)
	r := &Request{
		Header: http.Header{
			"X-Slack-Signature":         {"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
			"X-Slack-Request-Timestamp": {"1531420618"},
		},
		Body: []byte(body), ReceivedAt: time.Unix(1531420618+300, 0),
	}
	proof, err := v.Verify(r)
	require.NoError(t, err)
	assert.Equal(t, Proof{
		Scheme: "slack v0", Assurance: AssuranceSigned, SignedAt: time.Unix(1531420618, 0).UTC(),
		SecretID: SecretID("8f742231b10e8888abcd" + "99yyyzzz85a5"),
	}, proof)
	assert.True(t, proof.Timed())

	r.ReceivedAt = r.ReceivedAt.Add(time.Second)
	_, err = v.Verify(r)
	require.ErrorIs(t, err, ErrStale)
	assert.NotContains(t, err.Error(), "a2114d57", "an error must not quote the signature")

	r.ReceivedAt = time.Time{}
	_, err = v.Verify(r)
	require.ErrorIs(t, err, ErrStale, "without a clock nothing is fresh")
}

func TestHMACSchemeIsData(t *testing.T) {
	t.Parallel()
	scheme := Scheme{Name: "example", Kind: KindHMAC, Header: "x-sig", Prefix: "sha512=", Encoding: "base64", Hash: "sha512", Content: "{body}|end"}
	v, err := newVerifier([]Scheme{scheme}, Config{Secrets: Secrets("key")})
	require.NoError(t, err)
	mac := hmac.New(sha512.New, []byte("key"))
	mac.Write([]byte("payload|end"))
	r := &Request{Header: http.Header{"X-Sig": {"sha512=" + base64.StdEncoding.EncodeToString(mac.Sum(nil))}}, Body: []byte("payload")}
	proof, err := v.Verify(r)
	require.NoError(t, err)
	assert.True(t, proof.SignedAt.IsZero(), "a scheme without a time header has no signed time")
}

func TestHMACVerifierSeveralSecrets(t *testing.T) {
	t.Parallel()
	for want, key := range []string{"first", "second", "third"} {
		one, err := newVerifier(presets["zendesk"], Config{Secrets: Secrets(key)})
		require.NoError(t, err)
		all, err := newVerifier(presets["zendesk"], Config{Secrets: Secrets("first", "second", "third")})
		require.NoError(t, err)
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		r := &Request{Header: http.Header{}, Body: []byte("{}"), ReceivedAt: at}
		one.Sign(r, at)
		proof, err := all.Verify(r)
		require.NoError(t, err)
		assert.Equal(t, want, proof.Secret)
	}
}

func TestHMACVerifierTimestamps(t *testing.T) {
	t.Parallel()
	for stamp, want := range map[string]error{
		"1760000000": nil, "": ErrUnsigned, " 1760000000": ErrSignature, "+1760000000": ErrSignature, "-1": ErrSignature,
		"1760000000.5": ErrSignature, "1e9": ErrSignature, "0x10": ErrSignature, "now": ErrSignature, "0": ErrStale,
		"99999999999": ErrStale, "999999999999999999999": ErrSignature, strings.Repeat("1", 5000): ErrSignature,
		"2025-10-09T08:53:20Z": ErrSignature,
	} {
		v, err := newVerifier(presets["slack"], Config{Secrets: Secrets("key")})
		require.NoError(t, err)
		r := &Request{Header: http.Header{}, Body: []byte("{}"), ReceivedAt: time.Unix(1760000000, 0)}
		require.NoError(t, v.methods[0].(*signature).signStamp(r, stamp)) // correctly signed, so that only the time decides
		_, err = v.Verify(r)
		require.ErrorIs(t, err, want, "%q", stamp)
	}
	v, err := newVerifier(presets["zendesk"], Config{Secrets: Secrets("key")})
	require.NoError(t, err)
	for stamp, want := range map[string]error{
		"2025-10-09T08:53:20Z": nil, "2025-10-09T10:53:20+02:00": nil, "2025-10-09T08:53:20.5Z": nil, "1760000000": nil,
		"2025-10-09T08:53:50Z": nil, "2025-10-09T08:53:51Z": ErrStale, "2025-10-09T08:48:20Z": nil, "2025-10-09T08:48:19Z": ErrStale,
		"2025-10-09 08:53:20": ErrSignature, "yesterday": ErrSignature,
	} {
		r := &Request{Header: http.Header{}, Body: []byte("{}"), ReceivedAt: time.Unix(1760000000, 0)}
		require.NoError(t, v.methods[0].(*signature).signStamp(r, stamp))
		_, err := v.Verify(r)
		require.ErrorIs(t, err, want, "%q", stamp)
	}
}

func TestParseTemplate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]template{
		"v0:{timestamp}:{body}":          {{text: "v0:"}, {placeholder: "timestamp"}, {text: ":"}, {placeholder: "body"}},
		"{timestamp}{body}":              {{placeholder: "timestamp"}, {placeholder: "body"}},
		"{body}{timestamp}.x":            {{placeholder: "body"}, {placeholder: "timestamp"}, {text: ".x"}},
		"{header:x-a}{timestamp}}{body}": {{placeholder: "header:X-A"}, {placeholder: "timestamp"}, {text: "}"}, {placeholder: "body"}},
	} {
		got, err := parseTemplate(Scheme{Content: text, TimeHeader: "X-Time"})
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestTokenVerifier(t *testing.T) {
	t.Parallel()
	v, err := newVerifier(presets["token"], Config{Secrets: Secrets("old-token", "new-token")})
	require.NoError(t, err)
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, c := range map[string]struct {
		header http.Header
		want   error
		secret int
	}{
		"own header":            {http.Header{"X-Nerve-Token": {"new-token"}}, nil, 1},
		"bearer":                {http.Header{"Authorization": {"Bearer old-token"}}, nil, 0},
		"bearer in lower case":  {http.Header{"Authorization": {"bearer  new-token"}}, nil, 1},
		"basic password":        {http.Header{"Authorization": {basic("datadog:new-token")}}, nil, 1},
		"basic without a user":  {http.Header{"Authorization": {basic(":old-token")}}, nil, 0},
		"basic user only":       {http.Header{"Authorization": {basic("new-token")}}, ErrUnsigned, 0},
		"basic not base64":      {http.Header{"Authorization": {"Basic ???"}}, ErrSignature, 0},
		"no token":              {http.Header{}, ErrUnsigned, 0},
		"empty bearer":          {http.Header{"Authorization": {"Bearer "}}, ErrUnsigned, 0},
		"another scheme":        {http.Header{"Authorization": {"Digest old-token"}}, ErrSignature, 0},
		"prefix of a token":     {http.Header{"X-Nerve-Token": {"new-toke"}}, ErrSignature, 0},
		"longer than a token":   {http.Header{"X-Nerve-Token": {"new-token "}}, ErrSignature, 0},
		"two authorizations":    {http.Header{"Authorization": {"Bearer old-token", "Bearer old-token"}}, ErrSignature, 0},
		"own header wins":       {http.Header{"X-Nerve-Token": {"wrong"}, "Authorization": {"Bearer old-token"}}, ErrSignature, 0},
		"an empty own header":   {http.Header{"X-Nerve-Token": {""}, "Authorization": {"Bearer old-token"}}, ErrUnsigned, 0},
		"all secrets in one":    {http.Header{"X-Nerve-Token": {"old-token,new-token"}}, ErrSignature, 0},
		"a token in the cookie": {http.Header{"Cookie": {"token=old-token"}}, ErrUnsigned, 0},
	} {
		proof, err := v.Verify(&Request{Header: c.header})
		require.ErrorIs(t, err, c.want, name)
		if c.want == nil {
			assert.Equal(t, Proof{
				Scheme: "token", Assurance: AssuranceToken, Secret: c.secret, SecretID: SecretID([]string{"old-token", "new-token"}[c.secret]),
			}, proof, name)
		} else {
			assert.NotContains(t, err.Error(), "old-token", name)
		}
	}
}
