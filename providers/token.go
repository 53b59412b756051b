package providers

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
)

// TokenHeader carries the shared token of vendors that cannot sign.
const TokenHeader = "X-Nerve-Token" //nolint:gosec // the name of a header, not a credential

// tokenVerifier proves vendors that cannot sign by a token beside the body. It
// is weaker than a signature, since whoever sees one request can send others,
// and its proofs say so: AssuranceToken.
type tokenVerifier struct {
	secrets []string
	digests [][sha256.Size]byte
}

// newTokenVerifier refuses a configuration without a secret or with a blank one.
func newTokenVerifier(name string, cfg Config) (*tokenVerifier, error) {
	secrets, err := secretBytes(name, cfg.Secrets)
	if err != nil {
		return nil, err
	}
	v := &tokenVerifier{secrets: cfg.Secrets, digests: make([][sha256.Size]byte, len(secrets))}
	for i, s := range secrets {
		v.digests[i] = sha256.Sum256(s)
	}
	return v, nil
}

// verify compares the digest of the token with every active secret's, in
// constant time: digests have one length, so none of the secrets' shows.
func (v *tokenVerifier) verify(r *Request) (Proof, error) {
	token, err := tokenOf(r.Header)
	if err != nil {
		return Proof{}, err
	}
	digest := sha256.Sum256([]byte(token))
	matched := -1
	for i := range v.digests {
		if subtle.ConstantTimeCompare(digest[:], v.digests[i][:]) == 1 && matched < 0 {
			matched = i
		}
	}
	if matched < 0 {
		return Proof{}, fmt.Errorf("%w: token: no secret of %d fits", ErrSignature, len(v.digests))
	}
	return Proof{Scheme: "token", Assurance: AssuranceToken, Secret: matched}, nil
}

// tokenOf finds the token: the header of its own first, then a bearer token or
// the password of Basic authentication, which a URL with user:password@ makes.
// Both headers may come twice in no request.
func tokenOf(h http.Header) (string, error) {
	if len(h.Values(TokenHeader)) > 0 {
		return oneHeader(h, TokenHeader)
	}
	value, err := oneHeader(h, "Authorization")
	if err != nil {
		return "", err
	}
	scheme, rest, _ := strings.Cut(value, " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "bearer":
	case "basic":
		decoded, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return "", fmt.Errorf("%w: Authorization is not readable", ErrSignature)
		}
		_, rest, _ = strings.Cut(string(decoded), ":")
	default:
		return "", fmt.Errorf("%w: Authorization is neither Bearer nor Basic", ErrSignature)
	}
	if rest == "" {
		return "", fmt.Errorf("%w: Authorization holds no token", ErrUnsigned)
	}
	return rest, nil
}

func (v *tokenVerifier) signRequest(r *Request) { r.Header.Set(TokenHeader, v.secrets[0]) }
