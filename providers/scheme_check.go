package providers

import (
	"crypto"
	_ "crypto/sha1" //nolint:gosec // linked for vendors that offer nothing else; see Scheme.Weak
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// Default tolerances of a signed time: five minutes back and half a minute
// ahead. Vendors whose own SDKs accept ±5 minutes set both to five minutes.
const (
	defaultTolerancePast   = 300 * time.Second
	defaultToleranceFuture = 30 * time.Second
)

var (
	hashes = map[string]crypto.Hash{
		"sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512,
	}
	separators = map[string]string{"": "", "comma": ",", "space": " ", "semicolon": ";"}
	// keyForms are the spellings of a key that each kind can read.
	keyForms = map[Kind][]string{
		KindHMAC: {"raw", "base64", "hex", "whsec"}, KindToken: {"raw"}, KindBasic: {"raw"},
		KindRSA: {"pem"}, KindECDSA: {"pem"}, KindEd25519: {"pem", "hex", "base64", "whpk"},
		KindSNS: {"arn"}, KindHTTPSignature: {"auto", "base64"}, KindCavage: {"auto"}, KindNone: {"none"},
	}
)

// withDefaults fills what a scheme leaves open, and canonicalises its headers.
func (s Scheme) withDefaults(cfg Config) Scheme {
	fill := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	fill(&s.Name, string(s.Kind))
	fill(&s.Encoding, "hex")
	fill(&s.Hash, "sha256")
	fill(&s.Padding, "pkcs1v15")
	fill(&s.Form, "der")
	fill(&s.Content, "{body}")
	fill(&s.TimeFormat, "seconds")
	if forms := keyForms[s.Kind]; len(forms) > 0 {
		fill(&s.Key, forms[0])
	}
	switch s.Kind {
	case KindBasic:
		fill(&s.Header, "Authorization")
	case KindHTTPSignature, KindCavage:
		fill(&s.Header, "Signature")
	case KindSNS:
		s.Past = firstDuration(s.Past, snsPast)
	}
	for _, name := range []*string{&s.Header, &s.TimeHeader, &s.IDHeader} {
		*name = textproto.CanonicalMIMEHeaderKey(*name)
	}
	s.Past = firstDuration(cfg.TolerancePast, s.Past, defaultTolerancePast)
	s.Future = firstDuration(cfg.ToleranceFuture, s.Future, defaultToleranceFuture)
	return s
}

// check finds the mistakes of a scheme with its defaults filled in.
func (s Scheme) check() error {
	var problem string
	forms, known := keyForms[s.Kind]
	_, hash := hashes[s.Hash]
	_, encoding := encodings[s.Encoding]
	_, list := separators[s.List]
	switch {
	case !known:
		problem = fmt.Sprintf("kind %q is not one of %s", s.Kind, names(keyForms))
	case !slices.Contains(forms, s.Key):
		problem = fmt.Sprintf("key %q is not one of %s", s.Key, strings.Join(forms, ", "))
	case !hash:
		problem = fmt.Sprintf("hash %q is not one of %s", s.Hash, names(hashes))
	case s.Hash == "sha1" && !s.Weak:
		problem = "hash sha1 needs weak: true, and the source allow_weak"
	case s.Hash == "sha1" && s.Kind != KindHMAC:
		problem = "hash sha1 is for hmac alone"
	case !encoding:
		problem = fmt.Sprintf("encoding %q is not one of %s", s.Encoding, names(encodings))
	case !list:
		problem = fmt.Sprintf("list %q is not one of comma, semicolon, space", s.List)
	case s.List == "space" && strings.Contains(s.Prefix, " "), s.List == "comma" && strings.HasPrefix(s.Prefix, ","):
		problem = "prefix holds the separator of the list"
	case s.Padding != "pkcs1v15" && s.Padding != "pss":
		problem = fmt.Sprintf("padding %q is neither pkcs1v15 nor pss", s.Padding)
	case s.Form != "der" && s.Form != "raw":
		problem = fmt.Sprintf("form %q is neither der nor raw", s.Form)
	case s.Past < 0 || s.Future < 0:
		problem = "past and future cannot be negative"
	default:
		return s.checkCarrier()
	}
	return fmt.Errorf("providers: scheme %s: %s", s.Name, problem)
}

// checkCarrier finds mistakes in where the proof stands and what it covers.
func (s Scheme) checkCarrier() error {
	var problem string
	switch s.Kind {
	case KindNone, KindSNS, KindCavage:
		return nil
	case KindHTTPSignature:
		if _, ok := httpAlgs[s.Alg]; !ok && s.Alg != "" {
			problem = fmt.Sprintf("alg %q is not one of %s", s.Alg, names(httpAlgs))
		}
	case KindToken:
		if (s.Header == "") == (s.Query == "") {
			problem = "a token needs either a header or a query parameter that carries it"
		}
	case KindBasic:
	default:
		if s.Header == "" {
			problem = "needs the header that carries the signature"
			break
		}
		if s.TimeHeader != "" && s.TimePrefix != "" {
			problem = "takes its time from time_header or from time_prefix, not from both"
			break
		}
		if s.TimePrefix != "" && s.List == "" {
			problem = "time_prefix needs a list"
			break
		}
		if _, err := clockOf(s.TimeFormat); err != nil {
			problem = err.Error()
			break
		}
		if _, err := parseTemplate(s); err != nil {
			problem = err.Error()
		}
	}
	if problem == "" {
		return nil
	}
	return fmt.Errorf("providers: scheme %s: %s", s.Name, problem)
}

// choose returns the schemes that a source uses, checked and complete: those it
// names or else all, without `none` and without the weak ones it did not allow.
func choose(schemes []Scheme, cfg Config) ([]Scheme, error) {
	all, err := Expand(schemes)
	if err != nil {
		return nil, err
	}
	if slices.Contains(cfg.Schemes, string(KindNone)) {
		if len(cfg.Schemes) > 1 {
			return nil, errors.New("providers: scheme none accepts everybody, so it cannot stand beside others: name it alone or not at all")
		}
		return []Scheme{Scheme{Kind: KindNone}.withDefaults(cfg)}, nil
	}
	known := map[string]bool{}
	weak := ""
	var out []Scheme
	for _, s := range all {
		s = s.withDefaults(cfg)
		if err := s.check(); err != nil {
			return nil, err
		}
		named := slices.Contains(cfg.Schemes, s.Name)
		known[s.Name] = true
		switch {
		case len(cfg.Schemes) > 0 && !named, s.Kind == KindNone:
		case s.Weak && !cfg.AllowWeak:
			weak = s.Name
			if named {
				return nil, fmt.Errorf("providers: scheme %s is weak: choose another, or set allow_weak", s.Name)
			}
		default:
			out = append(out, s)
		}
	}
	for _, name := range cfg.Schemes {
		if !known[name] {
			return nil, fmt.Errorf("providers: no scheme %q: this provider has %s", name, names(known))
		}
	}
	if len(out) == 0 && weak != "" {
		return nil, fmt.Errorf("providers: scheme %s is weak and the only one: set allow_weak if the vendor offers nothing else", weak)
	}
	if len(out) == 0 {
		return nil, errors.New("providers: no scheme is left that could prove a delivery; a source without any says schemes: [none]")
	}
	return out, nil
}

// names lists the keys of a map for a message.
func names[K ~string, V any](m map[K]V) string {
	keys := slices.Sorted(maps.Keys(m))
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = string(k)
	}
	return strings.Join(out, ", ")
}

func firstDuration(candidates ...time.Duration) time.Duration {
	for _, d := range candidates {
		if d > 0 {
			return d
		}
	}
	return 0
}
