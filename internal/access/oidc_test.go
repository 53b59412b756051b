package access_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

// issuer is an OpenID Connect issuer that can be away.
type issuer struct {
	t     *testing.T
	url   string
	key   *ecdsa.PrivateKey
	away  atomic.Bool
	asked atomic.Int64
	clock *testkit.Clock
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t, clock: testkit.NewClock(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))}
	var err error
	i.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	provider := &oidctest.Server{Algorithms: []string{"none", "HS256", oidc.ES256}, PublicKeys: []oidctest.PublicKey{{PublicKey: i.key.Public(), KeyID: "k1", Algorithm: oidc.ES256}}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		if i.away.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		provider.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	provider.SetIssuer(server.URL)
	i.url = server.URL
	return i
}

func (i *issuer) login() *access.OIDC {
	i.t.Helper()
	o, err := access.NewOIDC(access.OIDCOptions{
		Issuer: i.url, ClientID: "nerve", Now: i.clock.Now,
		Grants: map[access.Scope][]string{
			access.Read: {"@example.com"}, access.Respond: {"group:on-call"}, access.Admin: {"Ana@example.com", "group:admins"},
		},
	})
	require.NoError(i.t, err)
	return o
}

func (i *issuer) guard() *access.Guard {
	i.t.Helper()
	g, err := access.NewGuard(access.Options{Tokens: newTokens(), OIDC: i.login(), Log: testkit.Logger(i.t), Now: i.clock.Now})
	require.NoError(i.t, err)
	return g
}

// claims are those of a good login, with changes; nil takes one away.
func (i *issuer) claims(change map[string]any) map[string]any {
	c := map[string]any{
		"iss": i.url, "aud": "nerve", "sub": "u1", "email": "Ana@Example.com", "email_verified": true,
		"iat": i.clock.Now().Unix(), "exp": i.clock.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func (i *issuer) sign(key crypto.PrivateKey, change map[string]any) string {
	i.t.Helper()
	raw, err := json.Marshal(i.claims(change))
	require.NoError(i.t, err)
	return oidctest.SignIDToken(key, "k1", oidc.ES256, string(raw))
}

func TestOIDCLetsPeopleIn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change map[string]any
		person string
		scope  access.Scope
	}{
		"an address":          {nil, "ana@example.com", access.Admin},
		"a domain":            {map[string]any{"email": "bo@example.com"}, "bo@example.com", access.Read},
		"verified in a word":  {map[string]any{"email": "bo@example.com", "email_verified": "true"}, "bo@example.com", access.Read},
		"a group":             {map[string]any{"email": "bo@elsewhere.example", "groups": []string{"x", "on-call"}}, "bo@elsewhere.example", access.Respond},
		"the larger of two":   {map[string]any{"email": "bo@example.com", "groups": []string{"on-call", "admins"}}, "bo@example.com", access.Admin},
		"one group, no list":  {map[string]any{"email": "bo@example.com", "groups": "on-call"}, "bo@example.com", access.Respond},
		"no address, a group": {map[string]any{"email": nil, "email_verified": nil, "groups": []string{"on-call"}}, "sub:u1", access.Respond},
		"among audiences":     {map[string]any{"aud": []string{"other", "nerve"}}, "ana@example.com", access.Admin},
		"expired just now":    {map[string]any{"exp": time.Date(2026, 3, 4, 5, 5, 30, 0, time.UTC).Unix()}, "ana@example.com", access.Admin},
		"a clock ahead":       {map[string]any{"iat": time.Date(2026, 3, 4, 5, 6, 57, 0, time.UTC).Unix()}, "ana@example.com", access.Admin},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			p, err := i.guard().Authenticate(t.Context(), i.sign(i.key, tc.change), "192.0.2.1")
			require.NoError(t, err)
			assert.Equal(t, audit.Actor{Person: tc.person, Via: audit.ViaAPI, Credential: i.url}, p.Actor)
			assert.Equal(t, tc.scope, p.Scope)
			assert.True(t, p.Login)
			assert.Equal(t, access.LoginTokenLifetime, p.Lends(time.Now()))
		})
	}
}

func TestOIDCRefuses(t *testing.T) {
	t.Parallel()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for name, jwt := range map[string]func(i *issuer) string{
		"another key":      func(i *issuer) string { return i.sign(other, nil) },
		"another audience": func(i *issuer) string { return i.sign(i.key, map[string]any{"aud": "wiki"}) },
		"no audience":      func(i *issuer) string { return i.sign(i.key, map[string]any{"aud": nil}) },
		"another issuer":   func(i *issuer) string { return i.sign(i.key, map[string]any{"iss": "https://issuer.example"}) },
		"expired": func(i *issuer) string {
			return i.sign(i.key, map[string]any{"exp": i.clock.Now().Add(-2 * time.Minute).Unix()})
		},
		"no expiry": func(i *issuer) string { return i.sign(i.key, map[string]any{"exp": nil}) },
		"not yet": func(i *issuer) string {
			return i.sign(i.key, map[string]any{"nbf": i.clock.Now().Add(time.Hour).Unix()})
		},
		"from the future": func(i *issuer) string {
			return i.sign(i.key, map[string]any{"iat": i.clock.Now().Add(time.Hour).Unix()})
		},
		"unverified":         func(i *issuer) string { return i.sign(i.key, map[string]any{"email_verified": false}) },
		"not said":           func(i *issuer) string { return i.sign(i.key, map[string]any{"email_verified": nil}) },
		"verified otherwise": func(i *issuer) string { return i.sign(i.key, map[string]any{"email_verified": 1}) },
		"nobody":             func(i *issuer) string { return i.sign(i.key, map[string]any{"sub": nil}) },
		"a logout": func(i *issuer) string {
			return i.sign(i.key, map[string]any{"events": map[string]any{"logout": map[string]any{}}})
		},
		"no rule":              func(i *issuer) string { return i.sign(i.key, map[string]any{"email": "bo@elsewhere.example"}) },
		"a longer domain":      func(i *issuer) string { return i.sign(i.key, map[string]any{"email": "bo@notexample.com"}) },
		"a subdomain":          func(i *issuer) string { return i.sign(i.key, map[string]any{"email": "bo@a.example.com"}) },
		"a subject as address": func(i *issuer) string { return i.sign(i.key, map[string]any{"email": nil, "sub": "ana@example.com"}) },
		"a group as address": func(i *issuer) string {
			return i.sign(i.key, map[string]any{"email": "bo@elsewhere.example", "groups": []string{"Ana@example.com"}})
		},
		"unsigned": func(i *issuer) string {
			return segment(i.t, map[string]any{"alg": "none"}) + "." + segment(i.t, i.claims(nil)) + "."
		},
		"the public key as a secret": func(i *issuer) string {
			return segment(i.t, map[string]any{"alg": "HS256", "kid": "k1"}) + "." + segment(i.t, i.claims(nil)) + ".c2ln"
		},
		"tampered": func(i *issuer) string {
			p := strings.Split(i.sign(i.key, nil), ".")
			return p[0] + "." + segment(i.t, i.claims(map[string]any{"email": "ana@example.com", "groups": "admins"})) + "." + p[2]
		},
		"too long": func(*issuer) string { return strings.Repeat("a", 20<<10) + ".b.c" },
		"no JWT":   func(*issuer) string { return "opaque-access-token" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			_, err := i.guard().Authenticate(t.Context(), jwt(i), "192.0.2.1")
			require.ErrorIs(t, err, access.ErrDenied)
		})
	}
}

func segment(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// A worker starts while the issuer is away, lets nobody in meanwhile, and asks
// again later without being started anew.
func TestOIDCWaitsForAnIssuerThatIsAway(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.away.Store(true)
	g, jwt := i.guard(), i.sign(i.key, nil)
	assert.Zero(t, i.asked.Load(), "nobody has come yet")
	for range 20 {
		_, err := g.Authenticate(t.Context(), jwt, "192.0.2.1")
		require.ErrorIs(t, err, access.ErrAway, "and it counts as no failure of whoever tries")
	}
	assert.Equal(t, int64(1), i.asked.Load(), "an issuer that is away is left alone for a while")
	i.away.Store(false)
	i.clock.Advance(6 * time.Second)
	_, err := g.Authenticate(t.Context(), jwt, "192.0.2.1")
	require.NoError(t, err)

	// Its keys are known by now. A key that is not known is asked for, and while
	// that fails nothing is decided.
	i.away.Store(true)
	_, err = g.Authenticate(t.Context(), jwt, "192.0.2.1")
	require.NoError(t, err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, err = g.Authenticate(t.Context(), i.sign(other, nil), "192.0.2.1")
	require.ErrorIs(t, err, access.ErrAway)
}

// Whoever writes a JWT with a made-up key id cannot make nerve flood the issuer.
func TestOIDCAsksTheIssuerNotTooOften(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	g := i.guard()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	forged := i.sign(other, nil)
	for n := range 50 {
		_, err := g.Authenticate(t.Context(), forged, "192.0.2."+string(rune('0'+n%10)))
		require.Error(t, err)
	}
	assert.LessOrEqual(t, i.asked.Load(), int64(5))
	_, err = g.Authenticate(t.Context(), i.sign(i.key, nil), "198.51.100.1")
	require.NoError(t, err, "a known key needs no question")
}

func TestOIDCRefusesToBeHalfSet(t *testing.T) {
	t.Parallel()
	grants := map[access.Scope][]string{access.Read: {"@example.com"}}
	for name, o := range map[string]access.OIDCOptions{
		"no issuer":    {ClientID: "nerve", Grants: grants},
		"no client id": {Issuer: "https://issuer.example", Grants: grants},
		"nobody":       {Issuer: "https://issuer.example", ClientID: "nerve"},
		"no scope":     {Issuer: "https://issuer.example", ClientID: "nerve", Grants: map[access.Scope][]string{"root": {"@example.com"}}},
		"everybody":    {Issuer: "https://issuer.example", ClientID: "nerve", Grants: map[access.Scope][]string{access.Read: {"*"}}},
		"every domain": {Issuer: "https://issuer.example", ClientID: "nerve", Grants: map[access.Scope][]string{access.Read: {"@*"}}},
		"no group":     {Issuer: "https://issuer.example", ClientID: "nerve", Grants: map[access.Scope][]string{access.Read: {"group:"}}},
	} {
		_, err := access.NewOIDC(o)
		require.Error(t, err, name)
	}
}
