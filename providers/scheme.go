package providers

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Kind is the family of a scheme: what is compared or computed.
type Kind string

// The kinds of proof. The first seven sign the bytes; token and basic are
// shared secrets beside them; none proves nothing.
const (
	KindHMAC          Kind = "hmac"           // keyed hash over Content
	KindRSA           Kind = "rsa"            // RSA over Content; see Scheme.Padding
	KindECDSA         Kind = "ecdsa"          // ECDSA P-256 over Content
	KindEd25519       Kind = "ed25519"        // Ed25519 over Content
	KindSNS           Kind = "sns"            // Amazon SNS: the signature is in the body, its certificate behind a URL
	KindHTTPSignature Kind = "http_signature" // HTTP Message Signatures, RFC 9421
	KindCavage        Kind = "cavage"         // the draft before RFC 9421, as Drone sends it
	KindToken         Kind = "token"          // a shared token in a header or the URL
	KindBasic         Kind = "basic"          // user:password in Authorization
	KindNone          Kind = "none"           // no proof at all; only where a source asks for it
)

// Scheme is one way in which a sender proves itself, as data: a new vendor is a
// new value, not new code. The names of its fields are the same in the YAML of a
// mapping. Empty fields take the default that each states.
type Scheme struct {
	// Use names a ready-made scheme (see Presets); other fields that are set
	// replace its own.
	Use string `yaml:"use,omitempty"`
	// Name is for the delivery log and for a source's `schemes:`. Several
	// spellings of one way (a header, Authorization) may share it. Default: Kind.
	Name string `yaml:"name,omitempty"`
	Kind Kind   `yaml:"kind,omitempty"`

	// Header carries the proof.
	Header string `yaml:"header,omitempty"`
	// Prefix stands in front of the encoded value: "sha256=", "v1,". For a token
	// in Authorization it is "Bearer " (in any case), or "Basic " for one that is
	// the password.
	Prefix string `yaml:"prefix,omitempty"`
	// List says that the header holds several values: comma, space or semicolon.
	// Those without the prefix are for somebody else; one that fits is enough.
	List string `yaml:"list,omitempty"`
	// When names headers without which the scheme is not meant; of two schemes
	// that share a header it tells which one the sender used.
	When []string `yaml:"when,omitempty"`
	// Query is the URL's parameter that carries a token, instead of Header.
	Query string `yaml:"query,omitempty"`

	// Encoding of the signature: hex (default, lower case), base64, base64url or
	// rawurl (base64url without padding).
	Encoding string `yaml:"encoding,omitempty"`
	// Hash is sha256 (default), sha384, sha512, or sha1 where Weak is set.
	Hash string `yaml:"hash,omitempty"`
	// Padding of RSA: pkcs1v15 (default) or pss.
	Padding string `yaml:"padding,omitempty"`
	// Form of an ECDSA signature: der (default) or raw, which is r and s with 32
	// bytes each.
	Form string `yaml:"form,omitempty"`
	// Key says how the secret spells the key: raw (default of hmac), base64, hex,
	// whsec (base64 behind an optional "whsec_"), whpk (an Ed25519 key in base64
	// behind "whpk_"), or pem (default of the public-key kinds; the base64 of the
	// DER form without its armour will do).
	Key string `yaml:"key,omitempty"`
	// Content is what is signed: text with {body}, {timestamp}, {id}, {url},
	// {form} (its pairs sorted, as Twilio does), {body_sha256} (hex), {method},
	// {path} and {header:Name}. Default: {body}.
	Content string `yaml:"content,omitempty"`
	// BodyParam is a parameter of a signed {url} that holds the hex SHA-256 of a
	// body that the content does not hold itself.
	BodyParam string `yaml:"body_param,omitempty"`

	// TimeHeader carries the signed time, or TimePrefix ("t=") marks it in the
	// list of Header. Without either there is no signed time.
	TimeHeader string `yaml:"time_header,omitempty"`
	TimePrefix string `yaml:"time_prefix,omitempty"`
	// TimeFormat is seconds (default), milliseconds, rfc3339, rfc3339_or_seconds,
	// http_date, or a layout of Go's time package.
	TimeFormat string `yaml:"time_format,omitempty"`
	// IDHeader carries the {id}.
	IDHeader string `yaml:"id_header,omitempty"`
	// Past and Future bound the signed time. Default: 300 s and 30 s.
	Past   time.Duration `yaml:"past,omitempty"`
	Future time.Duration `yaml:"future,omitempty"`

	// Alg pins the algorithm of an HTTP signature by its registered name. It
	// follows from the key otherwise: an RSA key means rsa-pss-sha512.
	Alg string `yaml:"alg,omitempty"`
	// Covered are components that an HTTP signature must cover beyond the digest
	// of a body, which it always must: "@method", "content-type".
	Covered []string `yaml:"covered,omitempty"`

	// Weak marks what nobody would choose today. It is left out unless the source
	// says allow_weak.
	Weak bool `yaml:"weak,omitempty"`
}

// Assurance is the assurance of the proofs that the scheme gives.
func (s Scheme) Assurance() Assurance {
	switch s.Kind {
	case KindToken, KindBasic:
		return AssuranceToken
	case KindNone:
		return AssuranceNone
	}
	return AssuranceSigned
}

// public reports whether the secrets of the scheme are no secrets: public keys,
// or the name of a topic. Such a value never serves as a shared key.
func (s Scheme) public() bool {
	return slices.Contains([]Kind{KindRSA, KindECDSA, KindEd25519, KindSNS}, s.Kind)
}

// Expand replaces each scheme with a `use` by what it names. It fails on a name
// that does not exist.
func Expand(schemes []Scheme) ([]Scheme, error) {
	var out []Scheme
	for _, s := range schemes {
		if s.Use == "" {
			out = append(out, s)
			continue
		}
		preset, ok := presets[s.Use]
		if !ok {
			return nil, fmt.Errorf("providers: no scheme to use is called %q: there are %s", s.Use, strings.Join(Presets(), ", "))
		}
		if s.Header+s.Query+s.Prefix+string(s.Kind) != "" && slices.ContainsFunc(preset, func(o Scheme) bool { return o.Header != preset[0].Header }) {
			return nil, fmt.Errorf("providers: use: %s stands for several headers, so its header, prefix, query or kind cannot be replaced: write the scheme out", s.Use)
		}
		for _, base := range preset {
			out = append(out, overlay(base, s))
		}
	}
	return out, nil
}

// overlay returns base with the fields that are set in over.
func overlay(base, over Scheme) Scheme {
	over.Use = ""
	from, to := reflect.ValueOf(over), reflect.ValueOf(&base).Elem()
	for i := range from.NumField() {
		if !from.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return base
}
