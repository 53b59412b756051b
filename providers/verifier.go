package providers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// verifier proves deliveries by a list of schemes. It is safe for concurrent
// use. Providers embed it, and have Verify and Sign from it.
type verifier struct {
	methods []method
	schemes []Scheme // one for each method
	idle    []Scheme // chosen, but no secret is for them
	signing error    // why Sign cannot make a proof
}

// method is one scheme with its keys.
type method interface {
	// present reports whether a request carries this proof, right or wrong.
	present(r *Request) bool
	// verify checks the proof of a request that carries it.
	verify(r *Request) (Proof, error)
	// sign adds the proof of a sender with the first secret.
	sign(r *Request, at time.Time) error
}

// newVerifier binds schemes to a configuration. It refuses what could not prove
// anything, or could let anybody in: no secret or a blank one, a key that cannot
// be read, a scheme that is unknown, incomplete or weak. Its errors say what to
// change.
func newVerifier(schemes []Scheme, cfg Config) (*verifier, error) {
	chosen, err := choose(schemes, cfg)
	if err != nil {
		return nil, err
	}
	if len(chosen) == 1 && chosen[0].Kind == KindNone {
		return &verifier{methods: []method{nobody{}}, schemes: chosen}, nil
	}
	if err := checkSecrets(cfg.Secrets); err != nil {
		return nil, err
	}
	keys, err := bindKeys(chosen, cfg.Secrets)
	if err != nil {
		return nil, err
	}
	v := &verifier{}
	for i, s := range chosen {
		if len(keys[i]) == 0 {
			v.idle = append(v.idle, s)
			continue
		}
		m, err := newMethod(s, keys[i], cfg)
		if err != nil {
			return nil, err
		}
		if len(v.methods) == 0 && keys[i][0].shared == nil && keys[i][0].private == nil {
			v.signing = errCannotSign
		}
		v.methods, v.schemes = append(v.methods, m), append(v.schemes, s)
	}
	return v, nil
}

func newMethod(s Scheme, keys []key, cfg Config) (method, error) {
	switch s.Kind {
	case KindToken, KindBasic:
		return newToken(s, keys), nil
	case KindSNS:
		return &sns{Scheme: s, keys: keys, certs: newCertificates(cfg), allowWeak: cfg.AllowWeak}, nil
	case KindHTTPSignature:
		return &httpSignature{Scheme: s, keys: keys, publicURL: cfg.PublicURL}, nil
	case KindCavage:
		return &cavage{Scheme: s, keys: keys, publicURL: cfg.PublicURL}, nil
	}
	return newSignature(s, keys, cfg)
}

// Verify proves a delivery by the first scheme whose proof it carries. That
// scheme decides: when it fails, no later one is asked. The answer to a wrong
// proof does not depend on its time, so that a sender without the secret cannot
// probe the clock.
func (v *verifier) Verify(r *Request) (Proof, error) {
	for _, m := range v.methods {
		if m.present(r) {
			return m.verify(r)
		}
	}
	for _, s := range slices.Concat(v.schemes, v.idle) {
		if s.Header != "" && len(r.Header.Values(s.Header)) > 0 {
			return Proof{}, fmt.Errorf("%w: %s holds nothing that this source accepts", ErrSignature, s.Header)
		}
	}
	return Proof{}, fmt.Errorf("%w: %s", ErrUnsigned, v.carriers())
}

// carriers names where a proof was looked for.
func (v *verifier) carriers() string {
	var seen []string
	for _, s := range v.schemes {
		where := s.Header
		switch {
		case s.Query != "":
			where = "?" + s.Query
		case where == "":
			where = s.Name
		}
		if !strings.Contains(" "+strings.Join(seen, " ")+" ", " "+where+" ") {
			seen = append(seen, where)
		}
	}
	return strings.Join(seen, ", ")
}

// Sign adds what a sender holding the first secret would add, and the content
// type. It adds no proof where the secret cannot make one: see CanSign.
func (v *verifier) Sign(r *Request, at time.Time) {
	prepareHeader(r)
	_ = v.sign(r, at)
}

func (v *verifier) sign(r *Request, at time.Time) error { return v.methods[0].sign(r, at) }

// CanSign says why Sign cannot make a proof, such as a public key alone.
func (v *verifier) CanSign() error { return v.signing }

// match is the outcome of trying every key.
type match struct {
	key   *key
	late  *key // fits, but outside its validity
	tried int
}

// add notes that a key fits.
func (m *match) add(k *key, at time.Time) {
	if k.outside(at) == "" && m.key == nil {
		m.key = k
	} else if m.late == nil {
		m.late = k
	}
}

// proof turns the outcome into a proof or the one error for a wrong signature.
func (m *match) proof(s Scheme, at time.Time) (Proof, error) {
	if m.key != nil {
		return Proof{Scheme: s.Name, Assurance: s.Assurance(), Secret: m.key.index, SecretID: m.key.id, Weak: s.Weak}, nil
	}
	if m.late != nil {
		return Proof{}, fmt.Errorf("%w: %s: secret %s fits but %s", ErrSignature, s.Name, m.late.id, m.late.outside(at))
	}
	return Proof{}, fmt.Errorf("%w: %s: no secret of %d fits", ErrSignature, s.Name, m.tried)
}

// fresh refuses a signed time outside the scheme's tolerance.
func (s Scheme) fresh(signedAt, now time.Time) error {
	if age := now.Sub(signedAt); age > s.Past || age < -s.Future {
		return fmt.Errorf("%w: %s: signed %s before it came", ErrStale, s.Name, age.Round(time.Second))
	}
	return nil
}

// oneHeader returns the value of a header that must be there exactly once. A
// second value is refused: two readers could take different ones for the truth.
func oneHeader(h http.Header, name string) (string, error) {
	values := h.Values(name)
	switch {
	case len(values) > 1:
		return "", fmt.Errorf("%w: %s came %d times", ErrSignature, name, len(values))
	case len(values) == 0 || values[0] == "":
		return "", fmt.Errorf("%w: %s", ErrUnsigned, name)
	}
	return values[0], nil
}

// nobody is the scheme none.
type nobody struct{}

func (nobody) present(*Request) bool { return true }

func (nobody) verify(*Request) (Proof, error) {
	return Proof{Scheme: string(KindNone), Assurance: AssuranceNone}, nil
}

func (nobody) sign(*Request, time.Time) error { return nil }
