package providers_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/providers"
)

// receivedAt is the clock of these tests; fixtures carry times just before it.
var receivedAt = time.Date(2025, 10, 9, 12, 0, 0, 0, time.UTC)

func secret(n int) string { return strings.Repeat("k", 31) + string(rune('0'+n)) }

// key is a secret of the kind that the provider's first scheme takes.
func key(t testing.TB, spec providers.Spec, n int) string {
	t.Helper()
	s, err := spec.TestSecret(n)
	require.NoError(t, err, spec.Name)
	return s
}

// address is the URL that vendors were given.
const address = "https://alerts.example.com/webhooks/source"

// config is what a source has that takes all that its vendor offers.
func config(secrets ...string) providers.Config {
	return providers.Config{Secrets: providers.Secrets(secrets...), AllowWeak: true, PublicURL: address}
}

func build(t testing.TB, spec providers.Spec, secrets ...string) providers.Provider {
	t.Helper()
	p, err := spec.New(config(secrets...))
	require.NoError(t, err, spec.Name)
	return p
}

// signed returns a request that the provider signed at a time with a secret.
func signed(t testing.TB, spec providers.Spec, secret string, body []byte, at time.Time) *providers.Request {
	t.Helper()
	r := &providers.Request{Method: http.MethodPost, Header: http.Header{}, Body: bytes.Clone(body), ReceivedAt: receivedAt}
	build(t, spec, secret).Sign(r, at)
	return r
}

// sent is a fixture as its vendor sends it: with the vendor's own headers, signed.
func sent(t testing.TB, spec providers.Spec, secret, name string) *providers.Request {
	t.Helper()
	return resent(t, spec, secret, name, fixture(t, spec, name))
}

// resent is another body under the headers of a fixture.
func resent(t testing.TB, spec providers.Spec, secret, name string, body []byte) *providers.Request {
	t.Helper()
	r := &providers.Request{
		Method: http.MethodPost, Header: providers.FixtureHeader(spec.Name, name), Body: bytes.Clone(body), ReceivedAt: receivedAt,
	}
	build(t, spec, secret).Sign(r, receivedAt)
	return r
}

func fixture(t testing.TB, spec providers.Spec, name string) []byte {
	t.Helper()
	body, err := providers.Fixture(spec.Name, name)
	require.NoError(t, err)
	return body
}

func eachProvider(t *testing.T, check func(t *testing.T, spec providers.Spec)) {
	t.Helper()
	all := providers.All()
	require.NotEmpty(t, all)
	for _, spec := range all {
		t.Run(spec.Name, func(t *testing.T) {
			t.Parallel()
			check(t, spec)
		})
	}
}

func TestContractSpec(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, spec providers.Spec) {
		assert.NotEmpty(t, spec.Title)
		assert.NotEmpty(t, spec.SecretHelp)
		assert.NotEmpty(t, spec.Schemes)
		assert.Contains(t, []int{http.StatusUnauthorized, http.StatusBadRequest}, spec.StaleStatus)
		require.GreaterOrEqual(t, len(spec.Fixtures), 3, "a provider needs alert payloads in testdata/%s", spec.Name)
		assert.Subset(t, providers.FixtureNames(spec.Name), spec.Fixtures)
		found, ok := providers.Lookup(spec.Name)
		assert.True(t, ok)
		assert.Equal(t, spec.Title, found.Title)
	})
}

func TestContractConstructorFailsClosed(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, spec providers.Spec) {
		for _, secrets := range [][]string{nil, {}, {""}, {"  \t\n"}, {key(t, spec, 1), ""}, {key(t, spec, 1), " "}} {
			p, err := spec.New(providers.Config{Secrets: providers.Secrets(secrets...)})
			require.Error(t, err, "%q", secrets)
			assert.Nil(t, p)
		}
	})
}

func TestContractAcceptsSignedFixtures(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, spec providers.Spec) {
		p := build(t, spec, key(t, spec, 1), key(t, spec, 2))
		for _, name := range spec.Fixtures {
			for index, key := range []string{key(t, spec, 1), key(t, spec, 2)} {
				r := sent(t, spec, key, name)
				accepted, err := providers.Accept(p, r)
				require.NoError(t, err, name)
				assert.Equal(t, index, accepted.Proof.Secret)
				assert.NotEmpty(t, accepted.Proof.Scheme)
				require.NotNil(t, accepted.Batch, name)
				require.NotEmpty(t, accepted.Batch.Signals, name)
				for _, s := range accepted.Batch.Signals {
					require.NoError(t, s.Validate())
				}
			}
		}
	})
}

func TestContractRefuses(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, spec providers.Spec) {
		p := build(t, spec, key(t, spec, 1))
		body := fixture(t, spec, spec.Fixtures[0])
		sign := func(at time.Time) *providers.Request { return signed(t, spec, key(t, spec, 1), body, at) }
		proof, err := p.Verify(sign(receivedAt))
		require.NoError(t, err)

		refuse := func(name string, want error, r *providers.Request) {
			t.Helper()
			accepted, err := providers.Accept(p, r)
			require.ErrorIs(t, err, want, name)
			assert.Equal(t, providers.Accepted{}, accepted, "%s: nothing comes out of an unproved request", name)
		}
		bare := sign(receivedAt)
		bare.Header = http.Header{"Content-Type": {"application/json"}}
		bare.Body = body // where the proof is in the body
		refuse("unsigned", providers.ErrUnsigned, bare)
		bare.Header = nil
		refuse("no headers at all", providers.ErrUnsigned, bare)
		refuse("foreign secret", providers.ErrSignature, signed(t, spec, key(t, spec, 9), body, receivedAt))

		names := proofHeaders(t, spec, body)
		for _, name := range names {
			missing := sign(receivedAt)
			missing.Header.Del(name)
			refuse("without "+name, unproved(t, p, missing), missing)

			empty := sign(receivedAt)
			empty.Header.Set(name, "")
			refuse("empty "+name, unproved(t, p, empty), empty)

			twice := sign(receivedAt)
			twice.Header.Add(name, twice.Header.Get(name))
			refuse("twice "+name, providers.ErrSignature, twice)

			for _, value := range mutations(sign(receivedAt).Header.Get(name)) {
				tampered := sign(receivedAt)
				tampered.Header.Set(name, value)
				refuse("tampered "+name, providers.ErrSignature, tampered)
			}
		}
		if proof.Assurance != providers.AssuranceSigned {
			return // a token says nothing of the body or the time
		}
		for _, at := range []int{0, len(body) / 2, len(body) - 1} {
			tampered := sign(receivedAt)
			tampered.Body[at] ^= 1
			refuse("tampered body", providers.ErrSignature, tampered)
		}
		if len(names) > 0 { // a proof in the body is JSON, behind which a line may end
			longer := sign(receivedAt)
			longer.Body = append(longer.Body, '\n')
			refuse("longer body", providers.ErrSignature, longer)
		}
		if !proof.Timed() {
			return // ingest remembers the bytes instead
		}
		refuse("stale", providers.ErrStale, sign(receivedAt.Add(-24*time.Hour)))
		refuse("future", providers.ErrStale, sign(receivedAt.Add(24*time.Hour)))
		forgedStale := signed(t, spec, key(t, spec, 9), body, receivedAt.Add(-24*time.Hour))
		refuse("stale and forged", providers.ErrSignature, forgedStale)
	})
}

// unproved is how a provider must refuse a request without one of its headers: as
// unsigned, or as wrongly signed where what is left is another of the vendor's
// ways (Grafana's signature without its time).
func unproved(t *testing.T, p providers.Provider, r *providers.Request) error {
	t.Helper()
	if _, err := p.Verify(r); errors.Is(err, providers.ErrSignature) {
		return providers.ErrSignature
	}
	return providers.ErrUnsigned
}

// proofHeaders are the headers without which a request is not proved.
func proofHeaders(t *testing.T, spec providers.Spec, body []byte) []string {
	t.Helper()
	p := build(t, spec, key(t, spec, 1))
	var names []string
	for name := range signed(t, spec, key(t, spec, 1), body, receivedAt).Header {
		r := signed(t, spec, key(t, spec, 1), body, receivedAt)
		r.Header.Del(name)
		if _, err := p.Verify(r); err != nil {
			names = append(names, name)
		}
	}
	if !wraps(spec) {
		require.NotEmpty(t, names)
	}
	return names
}

// mutations spell a header's value in other ways, none of which is the value.
func mutations(value string) []string {
	out := []string{value + " ", " " + value, value + "0", value[:len(value)-1], value[1:], strings.Repeat(value, 50), "\x00", "é"}
	for i := range value {
		for _, bit := range []byte{1, 4, 0x20} {
			b := []byte(value)
			b[i] ^= bit
			out = append(out, string(b))
		}
	}
	return out
}

func TestContractTolerance(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, spec providers.Spec) {
		body := fixture(t, spec, spec.Fixtures[0])
		past, future := time.Minute, 10*time.Second
		cfg := config(key(t, spec, 1))
		cfg.TolerancePast, cfg.ToleranceFuture = past, future
		p, err := spec.New(cfg)
		require.NoError(t, err)
		proof, err := p.Verify(signed(t, spec, key(t, spec, 1), body, receivedAt))
		require.NoError(t, err)
		if !proof.Timed() {
			return
		}
		assert.WithinDuration(t, receivedAt, proof.SignedAt, time.Second)
		for offset, want := range map[time.Duration]error{
			-past: nil, -past - time.Second: providers.ErrStale, future: nil, future + time.Second: providers.ErrStale,
		} {
			_, err := p.Verify(signed(t, spec, key(t, spec, 1), body, receivedAt.Add(offset)))
			require.ErrorIs(t, err, want, "%s", offset)
		}
	})
}

func TestContractMalformed(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, spec providers.Spec) {
		p := build(t, spec, key(t, spec, 1))
		if _, err := p.Verify(signed(t, spec, key(t, spec, 1), []byte("hello"), receivedAt)); err == nil && wraps(spec) {
			return // signing makes a message of any text
		}
		for name, body := range map[string]string{
			"cut": `{"title": "x"`, "text": `hello`, "string": `"hello"`, "number": `7`,
			"two objects": `{} {}`, "deep": strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100),
			"deep list": `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}",
			"huge":      `{"a":"` + strings.Repeat("x", 5<<20) + `"}`,
		} {
			_, err := providers.Accept(p, signed(t, spec, key(t, spec, 1), []byte(body), receivedAt))
			require.ErrorIs(t, err, providers.ErrMalformed, name)
			assert.NotContains(t, err.Error(), "hello", "an error must not quote the body")
		}
	})
}

func TestContractReadsOddJSON(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, spec providers.Spec) {
		p := build(t, spec, key(t, spec, 1))
		fixtureName := jsonFixture(t, spec)
		if fixtureName == "" {
			return // the vendor sends forms only
		}
		want, err := providers.Accept(p, sent(t, spec, key(t, spec, 1), fixtureName))
		require.NoError(t, err)
		body := fixture(t, spec, fixtureName)
		for name, odd := range map[string][]byte{
			"byte order mark": append([]byte("\xef\xbb\xbf"), body...),
			"white space":     append([]byte("\r\n\t "), body...),
			"unknown field":   bytes.Replace(body, []byte("{"), []byte(`{"not_known": {"a": [1, null]}, `), 1),
			"duplicate key":   bytes.Replace(body, []byte("{"), []byte(`{"not_known": 1, "not_known": 2, `), 1),
			"big integer":     bytes.Replace(body, []byte("{"), []byte(`{"not_known": 123456789012345678901234567890, "e": 1e400, `), 1),
			"not UTF-8":       bytes.Replace(body, []byte("{"), []byte("{\"not_known\": \"\xff\xfe\", "), 1),
			"CRLF":            bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n")),
		} {
			got, err := providers.Accept(p, resent(t, spec, key(t, spec, 1), fixtureName, odd))
			require.NoError(t, err, name)
			require.Len(t, got.Batch.Signals, len(want.Batch.Signals), name)
			assert.Equal(t, want.Batch.Signals[0], got.Batch.Signals[0], name)
		}
	})
}

func TestContractRefreshAndRenew(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, spec providers.Spec) {
		p := build(t, spec, key(t, spec, 1))
		refresher, ok := p.(providers.Refresher)
		require.True(t, ok)
		renewer, ok := p.(providers.Renewer)
		require.True(t, ok)
		name := ""
		accept := func(body []byte) (providers.Batch, incident.Signal) {
			accepted, err := providers.Accept(p, resent(t, spec, key(t, spec, 1), name, body))
			require.NoError(t, err, name)
			require.NotEmpty(t, accepted.Batch.Signals, name)
			return *accepted.Batch, accepted.Batch.Signals[0]
		}
		for _, name = range spec.Fixtures {
			body := fixture(t, spec, name)
			first, original := accept(body)
			a, again := accept(refresher.Refresh(body, receivedAt, 1))
			b, _ := accept(refresher.Refresh(body, receivedAt, 2))
			assert.Equal(t, original.Title, again.Title, name)
			assert.Equal(t, original.Group, again.Group, name)
			assert.Equal(t, original.Status, again.Status, name)
			if first.EventID != "" {
				assert.NotEqual(t, first.EventID, a.EventID, name)
				assert.NotEqual(t, a.EventID, b.EventID, name)
			}
			if original.Key.Kind == incident.KeyAlert {
				assert.Equal(t, original.Key, again.Key, name)
			} else {
				assert.NotEqual(t, original.Key, again.Key, name)
			}
			_, other := accept(renewer.Renew(body, receivedAt, 1))
			_, third := accept(renewer.Renew(body, receivedAt, 2))
			assert.NotEqual(t, original.Key, other.Key, name)
			assert.NotEqual(t, other.Key, third.Key, name)
			if original.Group != "" && original.Group != original.EventType {
				assert.NotEqual(t, original.Group, other.Group, name)
			}
		}
		assert.Equal(t, []byte("not json"), refresher.Refresh([]byte("not json"), receivedAt, 1))
	})
}

// jsonFixture is the first alert of a provider whose body is a JSON object, or "".
func jsonFixture(t testing.TB, spec providers.Spec) string {
	t.Helper()
	for _, name := range spec.Fixtures {
		if fixture(t, spec, name)[0] == '{' {
			return name
		}
	}
	return ""
}

// wraps reports whether the vendor's proof stands in the body, around the message.
func wraps(spec providers.Spec) bool {
	return spec.Schemes[0].Kind == providers.KindSNS || spec.Schemes[0].Use == "sns"
}
