package providers_test

import (
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

// FuzzVerify sends any headers and body to every provider: none may be accepted
// without the secret, and nothing may panic.
func FuzzVerify(f *testing.F) {
	seeds(f, func(_ string, body []byte) {
		f.Add("v0=aa", "1760000000", "Bearer x", body)
		f.Add("", "2025-10-09T08:53:20Z", "Basic eDp4", body)
	})
	type target struct {
		provider providers.Provider
		headers  []string
	}
	var targets []target
	for _, spec := range providers.All() {
		t := target{provider: build(f, spec, secretOf(f, spec, 1), secretOf(f, spec, 2))}
		for name := range signed(f, spec, secretOf(f, spec, 1), []byte("{}"), receivedAt).Header {
			t.headers = append(t.headers, name)
		}
		targets = append(targets, t)
	}
	f.Fuzz(func(t *testing.T, a, b, authorization string, body []byte) {
		for _, target := range targets {
			for i, values := range [][2]string{{a, b}, {b, a}} {
				r := &providers.Request{Method: http.MethodPost, Header: http.Header{"Authorization": {authorization}}, Body: body, ReceivedAt: receivedAt}
				for n, name := range target.headers {
					r.Header[name] = []string{values[(n+i)%2]}
				}
				if _, err := target.provider.Verify(r); err == nil {
					t.Fatal("accepted without the secret")
				}
			}
		}
	})
}

// FuzzParse sends any signed body to every provider: the answer is signals that
// are valid and bounded, or an error; never a panic.
func FuzzParse(f *testing.F) {
	seeds(f, func(_ string, body []byte) {
		f.Add("application/json", body)
		f.Add("application/x-www-form-urlencoded", append([]byte("payload="), body...))
	})
	all := providers.All()
	built := make([]providers.Provider, len(all))
	for i, spec := range all {
		built[i] = build(f, spec, secretOf(f, spec, 1))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		for _, p := range built {
			r := &providers.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {contentType}}, Body: body, ReceivedAt: receivedAt}
			p.Sign(r, receivedAt)
			accepted, err := providers.Accept(p, r)
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
			p.(providers.Refresher).Refresh(body, receivedAt, 1)
			p.(providers.Renewer).Renew(body, receivedAt, 1)
		}
	})
}
