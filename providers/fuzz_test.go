package providers_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/nerve-alerts/nerve/providers"
)

// seeds gives a fuzz target every payload at hand: our own and, where
// NERVE_CORPUS names a folder, real ones.
func seeds(f *testing.F, add func(provider string, body []byte)) {
	f.Helper()
	for _, spec := range providers.All() {
		for _, name := range providers.FixtureNames(spec.Name) {
			add(spec.Name, fixture(f, spec, name))
		}
		if dir := os.Getenv("NERVE_CORPUS"); dir != "" {
			files, _ := filepath.Glob(filepath.Join(dir, spec.Name, "*"))
			for _, file := range files {
				if body, err := os.ReadFile(file); err == nil {
					add(spec.Name, body)
				}
			}
		}
	}
}

// fuzzed is a provider with the headers that its proof is made of.
type fuzzed struct {
	providers.Provider
	headers []string
	wraps   bool // the proof stands in the body
}

// fuzzTargets are all providers by name. An input is given to one of them: each
// run would otherwise cost as much as all vendors together.
func fuzzTargets(f *testing.F) map[string]fuzzed {
	f.Helper()
	targets := map[string]fuzzed{}
	for _, spec := range providers.All() {
		t := fuzzed{Provider: build(f, spec, key(f, spec, 1), key(f, spec, 2)), wraps: wraps(spec)}
		for name := range signed(f, spec, key(f, spec, 1), []byte("{}"), receivedAt).Header {
			t.headers = append(t.headers, name)
		}
		targets[spec.Name] = t
	}
	return targets
}

// FuzzVerify sends any headers and body to a provider: none may be accepted
// without the secret, and nothing may panic.
func FuzzVerify(f *testing.F) {
	targets := fuzzTargets(f)
	seeds(f, func(provider string, body []byte) {
		f.Add(provider, "v0=aa", "1760000000", "Bearer x", body)
		f.Add(provider, "", "2025-10-09T08:53:20Z", "Basic eDp4", body)
	})
	f.Fuzz(func(t *testing.T, provider, a, b, authorization string, body []byte) {
		target, known := targets[provider]
		if !known {
			return
		}
		for i, values := range [][2]string{{a, b}, {b, a}} {
			r := &providers.Request{Method: http.MethodPost, Header: http.Header{"Authorization": {authorization}}, Body: body, ReceivedAt: receivedAt}
			for n, name := range target.headers {
				r.Header[name] = []string{values[(n+i)%2]}
			}
			if _, err := target.Verify(r); err == nil {
				t.Fatal("accepted without the secret")
			}
		}
	})
}

// FuzzParse sends any signed body to a provider: the answer is signals that are
// valid and bounded, or an error; never a panic.
func FuzzParse(f *testing.F) {
	targets := fuzzTargets(f)
	seeds(f, func(provider string, body []byte) {
		f.Add(provider, "application/json", body)
		f.Add(provider, "application/x-www-form-urlencoded", append([]byte("payload="), body...))
	})
	f.Fuzz(func(t *testing.T, provider, contentType string, body []byte) {
		p, known := targets[provider]
		if !known {
			return
		}
		r := &providers.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {contentType}}, Body: body, ReceivedAt: receivedAt}
		p.Sign(r, receivedAt)
		accepted, err := providers.Accept(p.Provider, r)
		if errors.Is(err, providers.ErrUnsigned) || errors.Is(err, providers.ErrSignature) && p.wraps {
			return // the scheme cannot sign such a body (Twilio's form, what SNS would not send)
		}
		if accepted.Proof.Scheme == "" {
			t.Fatalf("not proved: %v", err)
		}
		if err == nil && accepted.Batch != nil {
			for _, s := range accepted.Batch.Signals {
				if err := s.Validate(); err != nil {
					t.Fatal(err)
				}
				if !utf8.ValidString(s.Title) || !utf8.ValidString(s.Description) || !utf8.ValidString(s.Group) {
					t.Fatalf("not UTF-8: %q %q %q", s.Title, s.Description, s.Group)
				}
			}
		}
		p.Provider.(providers.Refresher).Refresh(body, receivedAt, 1)
		p.Provider.(providers.Renewer).Renew(body, receivedAt, 1)
	})
}
