package providers

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzSchemes sends anything to every scheme: nothing may be accepted without
// the secret, and nothing may panic.
func FuzzSchemes(f *testing.F) {
	type target struct {
		*verifier
		names []string
	}
	var targets []target
	schemes := testSchemes(f)
	names := make([]string, 0, len(schemes))
	for name := range schemes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		s := schemes[name]
		body := `{"a":"b"}`
		if s.BodyParam != "" {
			body = "a=b"
		}
		c := sent(f, s, newSecret(f, s, "one"), body)
		v, err := newVerifier(c.schemes, c.config)
		require.NoError(f, err)
		to := target{verifier: v}
		var values []string
		for header := range c.request.Header {
			if header != "X-Event" && header != "Content-Type" {
				to.names = append(to.names, header)
			}
		}
		slices.Sort(to.names)
		// Signed by another, so that the seeds are as near to right as a stranger gets.
		foreign := sent(f, s, newSecret(f, s, "two"), body)
		for _, header := range append(to.names, "") {
			values = append(values, foreign.request.Header.Get(header))
		}
		targets = append(targets, to)
		f.Add(values[0], strings.Join(values[1:], "\n"), "token=x", foreign.request.Body)
	}
	if dir := os.Getenv("NERVE_CORPUS"); dir != "" {
		files, _ := filepath.Glob(filepath.Join(dir, "aws_sns", "*.json"))
		for _, file := range files {
			f.Add("", "", "", readFile(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, signature, rest, query string, body []byte) {
		others := strings.Split(rest, "\n")
		for _, to := range targets {
			r := &Request{Method: http.MethodPost, URL: &url.URL{Path: "/x", RawQuery: query}, Header: http.Header{}, Body: body, ReceivedAt: testedAt}
			r.Header.Set("X-Event", "alert")
			for i, name := range to.names {
				r.Header.Set(name, append([]string{signature}, others...)[min(i, len(others))])
			}
			if proof, err := to.Verify(r); err == nil {
				t.Fatalf("accepted without the secret by %s", proof.Scheme)
			}
		}
	})
}

// FuzzSecrets builds verifiers from any secret and template: they are refused or
// can be used, and nothing panics.
func FuzzSecrets(f *testing.F) {
	schemes := testSchemes(f)
	for _, s := range schemes {
		f.Add(newSecret(f, s, "one"), s.Content)
	}
	f.Fuzz(func(t *testing.T, secret, content string) {
		for _, s := range schemes {
			if content != "" && s.Kind == KindHMAC {
				s.Content = content
			}
			v, err := newVerifier([]Scheme{s}, Config{Secrets: Secrets(secret), AllowWeak: true, PublicURL: "https://alerts.example.com/x"})
			if err != nil {
				continue
			}
			r := &Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte("a=b"), ReceivedAt: testedAt}
			v.Sign(r, testedAt)
			if _, err := v.Verify(r); err == nil && strings.TrimSpace(secret) == "" {
				t.Fatal("a blank secret proves something")
			}
		}
	})
}
