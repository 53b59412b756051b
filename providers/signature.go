package providers

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of what a sender without a secret can make us read.
const (
	// maxProofLen bounds a header that carries a proof. A base64 RSA-4096
	// signature has 684 characters; a list of a rotation holds two.
	maxProofLen = 8 << 10
	// maxValues bounds the values of a list. Standard Webhooks and Stripe send
	// one for each active secret.
	maxValues = 10
	// maxTimestampLen bounds a signed time; the longest form in use, RFC 3339
	// with nanoseconds and an offset, has 35 characters.
	maxTimestampLen = 40
	maxIDLen        = 256
)

// encoding writes a signature as text. Only the text that it writes is accepted,
// so that each signature has exactly one spelling.
type encoding struct {
	encode func([]byte) string
	decode func(string) ([]byte, error)
}

var encodings = map[string]encoding{
	"hex":       {hex.EncodeToString, hex.DecodeString},
	"base64":    {base64.StdEncoding.EncodeToString, base64.StdEncoding.Strict().DecodeString},
	"base64url": {base64.URLEncoding.EncodeToString, base64.URLEncoding.Strict().DecodeString},
	"rawurl":    {base64.RawURLEncoding.EncodeToString, base64.RawURLEncoding.Strict().DecodeString},
}

// signature is a scheme whose header carries a signature over a template.
type signature struct {
	Scheme
	template  template
	clock     clock
	encoding  encoding
	algorithm algorithm
	keys      []key
	publicURL string
	equal     func(x, y []byte) int // in constant time
}

func newSignature(s Scheme, keys []key, cfg Config) (*signature, error) {
	t, err := parseTemplate(s)
	if err != nil {
		return nil, fmt.Errorf("providers: scheme %s: %w", s.Name, err)
	}
	c, err := clockOf(s.TimeFormat)
	if err != nil {
		return nil, fmt.Errorf("providers: scheme %s: %w", s.Name, err)
	}
	return &signature{
		Scheme: s, template: t, clock: c, encoding: encodings[s.Encoding], keys: keys, publicURL: cfg.PublicURL, equal: subtle.ConstantTimeCompare,
		algorithm: algorithm{kind: s.Kind, hash: hashes[s.Hash], pss: s.Padding == "pss", raw: s.Form == "raw"},
	}, nil
}

func (s *signature) present(r *Request) bool {
	for _, name := range s.When {
		if len(r.Header.Values(name)) == 0 {
			return false
		}
	}
	values := r.Header.Values(s.Header)
	if len(values) != 1 || values[0] == "" || s.Prefix == "" {
		return len(values) > 0
	}
	if strings.HasPrefix(values[0], s.Prefix) {
		return true
	}
	separator := separators[s.List]
	return separator != "" &&
		(strings.Contains(values[0], separator+s.Prefix) || strings.Contains(values[0], separator+" "+s.Prefix))
}

// split cuts the header into its values: signatures without their prefix, and
// the time where it stands among them.
func (s *signature) split(value string) (signatures []string, stamp string, err error) {
	bad := func(what string) ([]string, string, error) {
		return nil, "", fmt.Errorf("%w: %s: %s %s", ErrSignature, s.Name, s.Header, what)
	}
	if len(value) > maxProofLen {
		return bad("is too long")
	}
	items := []string{value}
	if separator := separators[s.List]; separator != "" {
		if strings.Count(value, separator) >= maxValues {
			return bad("holds too many values")
		}
		items = strings.Split(value, separator)
	}
	for i, item := range items {
		if i > 0 && s.List != "space" {
			item = strings.TrimPrefix(item, " ")
		}
		if item == "" && len(items) > 1 {
			return bad("holds an empty value")
		}
		if signature, ok := strings.CutPrefix(item, s.Prefix); ok && (s.TimePrefix == "" || !strings.HasPrefix(item, s.TimePrefix)) {
			signatures = append(signatures, signature)
		} else if at, ok := strings.CutPrefix(item, s.TimePrefix); ok && s.TimePrefix != "" {
			if stamp != "" || len(signatures) > 0 {
				return bad("holds two times, or one behind a signature")
			}
			stamp = at
		}
	}
	if len(signatures) == 0 {
		return bad("holds no signature of this scheme")
	}
	return signatures, stamp, nil
}

func (s *signature) verify(r *Request) (Proof, error) {
	value, err := oneHeader(r.Header, s.Header)
	if err != nil {
		return Proof{}, err
	}
	signatures, stamp, err := s.split(value)
	if err != nil {
		return Proof{}, err
	}
	c := content{request: r, stamp: stamp}
	if s.TimeHeader != "" {
		if c.stamp, err = oneHeader(r.Header, s.TimeHeader); err != nil {
			return Proof{}, err
		}
	}
	var signedAt time.Time
	if s.timed() {
		if signedAt, err = s.readTime(c.stamp); err != nil {
			return Proof{}, err
		}
	}
	if s.IDHeader != "" {
		if c.id, err = oneHeader(r.Header, s.IDHeader); err != nil {
			return Proof{}, err
		}
		if len(c.id) > maxIDLen {
			return Proof{}, fmt.Errorf("%w: %s: %s is too long", ErrSignature, s.Name, s.IDHeader)
		}
	}
	found := match{tried: len(s.keys)}
	if err := s.try(c, signatures, &found); err != nil {
		return Proof{}, err
	}
	proof, err := found.proof(s.Scheme, r.ReceivedAt)
	if err != nil || !s.timed() {
		return proof, err
	}
	if err := s.fresh(signedAt, r.ReceivedAt); err != nil {
		return Proof{}, err
	}
	proof.SignedAt = signedAt
	return proof, nil
}

// try checks every signature with every key, over each spelling of the content.
func (s *signature) try(c content, signatures []string, found *match) error {
	variants, err := s.variants(c)
	if err != nil {
		return err
	}
	decoded, err := s.decode(signatures)
	if err != nil {
		return err
	}
	for i := range s.keys {
		k := &s.keys[i]
		for _, c := range variants {
			fits, err := s.fits(k, c, signatures, decoded)
			if err != nil {
				return err
			}
			if fits {
				found.add(k, c.request.ReceivedAt)
				break
			}
		}
	}
	return nil
}

// decode reads the signatures of an asymmetric scheme; codes are compared as text.
func (s *signature) decode(signatures []string) ([][]byte, error) {
	if s.Kind == KindHMAC {
		return nil, nil
	}
	var out [][]byte
	for _, text := range signatures {
		raw, err := s.encoding.decode(text)
		if err == nil && s.encoding.encode(raw) == text {
			out = append(out, raw)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %s: %s is not %s", ErrSignature, s.Name, s.Header, s.Encoding)
	}
	return out, nil
}

func (s *signature) fits(k *key, c content, signatures []string, decoded [][]byte) (bool, error) {
	if s.Kind == KindHMAC {
		code, err := s.code(k, c)
		if err != nil {
			return false, err
		}
		equal := 0
		for _, text := range signatures {
			equal |= s.equal([]byte(code), []byte(text))
		}
		return equal == 1, nil
	}
	var message bytes.Buffer
	if err := s.template.render(&message, c); err != nil {
		return false, err
	}
	return slices.ContainsFunc(decoded, func(raw []byte) bool { return k.check(s.algorithm, message.Bytes(), raw) }), nil
}

// code is the encoded HMAC, streamed so that a large body is not copied.
func (s *signature) code(k *key, c content) (string, error) {
	mac := hmac.New(s.algorithm.hash.New, k.shared)
	if err := s.template.render(mac, c); err != nil {
		return "", err
	}
	return s.encoding.encode(mac.Sum(nil)), nil
}

// variants fills what of the content depends on the URL. It refuses a body that
// the content would leave out.
func (s *signature) variants(c content) ([]content, error) {
	needsURL, needsForm := s.template.has("url"), s.template.has("form")
	if !needsURL && !needsForm {
		return []content{c}, nil
	}
	uncovered := fmt.Errorf("%w: %s: the signature does not cover this body", ErrSignature, s.Name)
	hashed := false
	urls := []string{""}
	if needsURL {
		u, err := calledURL(c.request, s.publicURL)
		if err != nil {
			return nil, err
		}
		urls = spellings(u)
		if s.BodyParam != "" {
			var fits bool
			if hashed, fits = bodyParam(u, s.BodyParam, c.request.Body); hashed && !fits {
				return nil, uncovered
			}
		}
	}
	switch {
	case hashed || s.template.has("body") || s.template.has("body_sha256"):
	case needsForm:
		form, ok := signedForm(c.request.Body)
		if !ok {
			return nil, uncovered
		}
		c.form = form
	case len(c.request.Body) > 0:
		return nil, uncovered
	}
	out := make([]content, len(urls))
	for i, u := range urls {
		out[i] = c
		out[i].url = u
	}
	return out, nil
}

func (s *signature) readTime(stamp string) (time.Time, error) {
	where := s.TimeHeader
	if where == "" {
		where = s.Header
	}
	if stamp == "" {
		return time.Time{}, fmt.Errorf("%w: %s holds no time", ErrSignature, where)
	}
	if len(stamp) > maxTimestampLen {
		return time.Time{}, fmt.Errorf("%w: %s: the time in %s is too long", ErrSignature, s.Name, where)
	}
	at, err := s.clock.read(stamp)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %s: %s is not a time", ErrSignature, s.Name, where)
	}
	return at.UTC(), nil
}

func (s *signature) sign(r *Request, at time.Time) error {
	stamp := ""
	if s.timed() {
		stamp = s.clock.write(at)
	}
	return s.signStamp(r, stamp)
}

// signStamp signs with the text of a time.
func (s *signature) signStamp(r *Request, stamp string) error {
	c := content{request: r, stamp: stamp}
	if s.IDHeader != "" {
		if c.id = r.Header.Get(s.IDHeader); c.id == "" {
			sum := sha256.Sum256(append([]byte(stamp), r.Body...))
			c.id = "msg_" + hex.EncodeToString(sum[:10])
		}
	}
	variants, err := s.variants(c)
	if err != nil {
		return err
	}
	var message bytes.Buffer
	if err := s.template.render(&message, variants[0]); err != nil {
		return err
	}
	raw, err := s.keys[0].sign(s.algorithm, message.Bytes())
	if err != nil {
		return err
	}
	value := s.Prefix + s.encoding.encode(raw)
	if s.TimePrefix != "" {
		value = s.TimePrefix + stamp + separators[s.List] + value
	}
	r.Header.Set(s.Header, value)
	if s.TimeHeader != "" {
		r.Header.Set(s.TimeHeader, stamp)
	}
	if s.IDHeader != "" {
		r.Header.Set(s.IDHeader, c.id)
	}
	return nil
}
