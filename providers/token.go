package providers

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// TokenHeader carries the shared token of vendors that cannot sign.
const TokenHeader = "X-Nerve-Token" //nolint:gosec // the name of a header, not a credential

// tokenScheme proves vendors that cannot sign by a secret beside the body. It is
// weaker than a signature, since whoever sees one request can send others, and
// its proofs say so: AssuranceToken.
type tokenScheme struct {
	Scheme
	keys    []key
	digests [][sha256.Size]byte
}

func newToken(s Scheme, keys []key) *tokenScheme {
	t := &tokenScheme{Scheme: s, keys: keys, digests: make([][sha256.Size]byte, len(keys))}
	for i, k := range keys {
		t.digests[i] = sha256.Sum256(k.shared)
	}
	return t
}

func (t *tokenScheme) present(r *Request) bool {
	if t.Query != "" {
		return r.URL != nil && strings.Contains(r.URL.RawQuery, t.Query+"=")
	}
	values := r.Header.Values(t.Header)
	if len(values) != 1 || values[0] == "" || t.word() == "" {
		return len(values) > 0
	}
	_, ok := t.cutWord(values[0])
	return ok
}

// word is what stands before the secret: of Authorization, its scheme.
func (t *tokenScheme) word() string {
	if t.Kind == KindBasic {
		return "Basic "
	}
	return t.Prefix
}

// cutWord removes the word; of Authorization its case and the number of spaces
// behind it do not count, as RFC 9110 has it.
func (t *tokenScheme) cutWord(value string) (string, bool) {
	word := t.word()
	if t.Header != "Authorization" {
		return strings.CutPrefix(value, word)
	}
	got, rest, _ := strings.Cut(value, " ")
	if !strings.EqualFold(got, strings.TrimSuffix(word, " ")) {
		return "", false
	}
	return strings.TrimLeft(rest, " "), true
}

// verify compares the digest of the token with every secret's, in constant time:
// digests have one length, so none of the secrets' shows.
func (t *tokenScheme) verify(r *Request) (Proof, error) {
	token, err := t.read(r)
	if err != nil {
		return Proof{}, err
	}
	sum := sha256.Sum256([]byte(token))
	found := match{tried: len(t.keys)}
	for i := range t.digests {
		if subtle.ConstantTimeCompare(sum[:], t.digests[i][:]) == 1 {
			found.add(&t.keys[i], r.ReceivedAt)
		}
	}
	return found.proof(t.Scheme, r.ReceivedAt)
}

// read finds the token in its header or in the URL.
func (t *tokenScheme) read(r *Request) (string, error) {
	if t.Query != "" {
		return t.readQuery(r.URL)
	}
	value, err := oneHeader(r.Header, t.Header)
	if err != nil {
		return "", err
	}
	if len(value) > maxProofLen {
		return "", fmt.Errorf("%w: %s is too long", ErrSignature, t.Header)
	}
	token := value
	if word := t.word(); word != "" {
		rest, ok := t.cutWord(value)
		if !ok {
			return "", fmt.Errorf("%w: %s does not begin with %q", ErrSignature, t.Header, strings.TrimSpace(word))
		}
		if token, err = t.credentials(rest); err != nil {
			return "", err
		}
	}
	if token == "" {
		return "", fmt.Errorf("%w: %s holds no token", ErrUnsigned, t.Header)
	}
	return token, nil
}

// credentials decodes what follows "Basic": a token is the password of any user,
// as a URL with user:password@ makes it; the kind basic compares both.
func (t *tokenScheme) credentials(rest string) (string, error) {
	if !strings.EqualFold(strings.TrimSpace(t.word()), "Basic") || t.Header != "Authorization" {
		return rest, nil
	}
	decoded, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		return "", fmt.Errorf("%w: %s is not readable", ErrSignature, t.Header)
	}
	if t.Kind == KindBasic {
		return string(decoded), nil
	}
	_, password, _ := strings.Cut(string(decoded), ":")
	return password, nil
}

func (t *tokenScheme) readQuery(u *url.URL) (string, error) {
	if len(u.RawQuery) > maxProofLen {
		return "", fmt.Errorf("%w: the query is too long", ErrSignature)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", fmt.Errorf("%w: the query is not readable", ErrSignature)
	}
	values := query[t.Query]
	switch {
	case len(values) > 1:
		return "", fmt.Errorf("%w: ?%s came %d times", ErrSignature, t.Query, len(values))
	case len(values) == 0 || values[0] == "":
		return "", fmt.Errorf("%w: ?%s", ErrUnsigned, t.Query)
	}
	return values[0], nil
}

func (t *tokenScheme) sign(r *Request, _ time.Time) error {
	value := string(t.keys[0].shared)
	if t.Query != "" {
		u := url.URL{}
		if r.URL != nil {
			u = *r.URL
		}
		query := u.Query()
		query.Set(t.Query, value)
		u.RawQuery = query.Encode()
		r.URL = &u
		return nil
	}
	word := t.word()
	if strings.EqualFold(strings.TrimSpace(word), "Basic") && t.Header == "Authorization" {
		if t.Kind == KindToken {
			value = "nerve:" + value
		}
		value = base64.StdEncoding.EncodeToString([]byte(value))
	}
	r.Header.Set(t.Header, word+value)
	return nil
}
