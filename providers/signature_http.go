package providers

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
)

// httpSignature proves by an HTTP Message Signature (RFC 9421).
type httpSignature struct {
	Scheme
	keys      []key
	publicURL string
}

// httpAlgs are the algorithms of RFC 9421, section 3.3, by their registered names.
var httpAlgs = map[string]algorithm{
	"rsa-pss-sha512":    {kind: KindRSA, hash: crypto.SHA512, pss: true},
	"rsa-v1_5-sha256":   {kind: KindRSA, hash: crypto.SHA256},
	"hmac-sha256":       {kind: KindHMAC, hash: crypto.SHA256},
	"ecdsa-p256-sha256": {kind: KindECDSA, hash: crypto.SHA256, raw: true},
	"ed25519":           {kind: KindEd25519},
}

// httpAlg is the one algorithm that a key serves. It never comes from the
// request: whoever chooses the algorithm could have a public key taken for a
// shared one.
func httpAlg(k key, pinned string) string {
	if pinned != "" {
		return pinned
	}
	switch k.public.(type) {
	case *rsa.PublicKey:
		return "rsa-pss-sha512"
	case *ecdsa.PublicKey:
		return "ecdsa-p256-sha256"
	case ed25519.PublicKey:
		return "ed25519"
	}
	return "hmac-sha256"
}

func (s *httpSignature) present(r *Request) bool {
	return len(r.Header.Values("Signature-Input")) > 0 ||
		len(r.Header.Values("Signature")) > 0 && !strings.Contains(r.Header.Get("Signature"), cavageMark)
}

func (s *httpSignature) verify(r *Request) (Proof, error) {
	m := httpMessage{Request: r}
	if u, err := calledURL(r, s.publicURL); err == nil {
		m.url = u // a signature that covers no part of the URL needs none
	}
	return s.verifyMessage(m)
}

func (s *httpSignature) verifyMessage(m httpMessage) (Proof, error) {
	inputs, signatures, err := s.read(m.Request)
	if err != nil {
		return Proof{}, err
	}
	last := fmt.Errorf("%w: %s: no signature has its input", ErrSignature, s.Name)
	for _, label := range signatures.Names() {
		member, _ := signatures.Get(label)
		item, ok := member.(httpsfv.Item)
		if !ok {
			continue
		}
		signature, ok := item.Value.([]byte)
		if !ok {
			continue
		}
		member, _ = inputs.Get(label)
		input, ok := member.(httpsfv.InnerList)
		if !ok {
			continue
		}
		proof, err := s.verifyOne(m, input, signature)
		if err == nil {
			return proof, nil
		}
		last = err
	}
	return Proof{}, last
}

// read parses the two headers within their bounds.
func (s *httpSignature) read(r *Request) (inputs, signatures *httpsfv.Dictionary, err error) {
	if inputs, err = s.dictionary(r, "Signature-Input"); err != nil {
		return nil, nil, err
	}
	signatures, err = s.dictionary(r, "Signature")
	return inputs, signatures, err
}

// dictionary parses one header. It must be spelt as RFC 9651 writes it, but for
// spaces: so no label is there twice, and no signature has a second spelling.
func (s *httpSignature) dictionary(r *Request, name string) (*httpsfv.Dictionary, error) {
	value, err := oneHeader(r.Header, name)
	if err != nil {
		return nil, err
	}
	if len(value) > maxProofLen {
		return nil, fmt.Errorf("%w: %s: %s is too long", ErrSignature, s.Name, name)
	}
	unreadable := fmt.Errorf("%w: %s: %s is not readable", ErrSignature, s.Name, name)
	dictionary, err := httpsfv.UnmarshalDictionary([]string{value})
	if err != nil || len(dictionary.Names()) > maxValues {
		return nil, unreadable
	}
	text, err := httpsfv.Marshal(dictionary)
	spaces := strings.NewReplacer(" ", "", "\t", "")
	if err != nil || spaces.Replace(text) != spaces.Replace(value) || strings.TrimSpace(value) != value {
		return nil, unreadable
	}
	return dictionary, nil
}

func (s *httpSignature) verifyOne(m httpMessage, input httpsfv.InnerList, signature []byte) (Proof, error) {
	refuse := func(why string) (Proof, error) { return Proof{}, fmt.Errorf("%w: %s: %s", ErrSignature, s.Name, why) }
	base, covered, err := signatureBase(m, input)
	if err != nil {
		return refuse(err.Error())
	}
	for _, name := range s.Covered {
		if !slices.Contains(covered, name) {
			return refuse("the signature does not cover " + name)
		}
	}
	if len(m.Body) > 0 && !slices.Contains(covered, "content-digest") {
		return refuse("the signature does not cover content-digest")
	}
	if slices.Contains(covered, "content-digest") && !contentDigest(m.Request) {
		return refuse("Content-Digest is not the body's")
	}
	created, ok := unixParam(input.Params, "created")
	if !ok {
		return refuse("the signature has no time of its creation")
	}
	alg, named := input.Params.Get("alg")
	found := match{tried: len(s.keys)}
	for i := range s.keys {
		k := &s.keys[i]
		mine := httpAlg(*k, s.Alg)
		if named && alg != mine {
			continue
		}
		if k.check(httpAlgs[mine], base, signature) {
			found.add(k, m.ReceivedAt)
		}
	}
	proof, err := found.proof(s.Scheme, m.ReceivedAt)
	if err != nil {
		return Proof{}, err
	}
	if err := s.fresh(created, m.ReceivedAt); err != nil {
		return Proof{}, err
	}
	if _, limited := input.Params.Get("expires"); limited {
		if expires, ok := unixParam(input.Params, "expires"); !ok || m.ReceivedAt.After(expires) {
			return Proof{}, fmt.Errorf("%w: %s: the signature has expired", ErrStale, s.Name)
		}
	}
	proof.SignedAt = created
	return proof, nil
}

func unixParam(params *httpsfv.Params, name string) (time.Time, bool) {
	value, _ := params.Get(name)
	seconds, ok := value.(int64)
	if !ok || seconds < 0 {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0).UTC(), true
}

var digestHashes = map[string]crypto.Hash{"sha-256": crypto.SHA256, "sha-512": crypto.SHA512}

// contentDigest reports whether Content-Digest has at least one hash that we
// compute, and every such hash is the body's (RFC 9530).
func contentDigest(r *Request) bool {
	value, err := oneHeader(r.Header, "Content-Digest")
	if err != nil || len(value) > maxProofLen || strings.TrimSpace(value) != value {
		return false
	}
	dictionary, err := httpsfv.UnmarshalDictionary([]string{value})
	if err != nil {
		return false
	}
	known := false
	for _, name := range dictionary.Names() {
		hash, ok := digestHashes[name]
		if !ok {
			continue
		}
		member, _ := dictionary.Get(name)
		item, ok := member.(httpsfv.Item)
		if !ok {
			return false
		}
		sum, ok := item.Value.([]byte)
		if !ok || subtle.ConstantTimeCompare(sum, digest(hash, r.Body)) != 1 {
			return false
		}
		known = true
	}
	return known
}

func (s *httpSignature) sign(r *Request, at time.Time) error {
	names := slices.Clone(s.Covered)
	if len(r.Body) > 0 {
		digests := httpsfv.NewDictionary()
		digests.Add("sha-256", httpsfv.NewItem(digest(crypto.SHA256, r.Body)))
		text, err := httpsfv.Marshal(digests)
		if err != nil {
			return fmt.Errorf("providers: sign: %w", err)
		}
		r.Header.Set("Content-Digest", text)
		names = append(names, "content-digest")
	}
	if !slices.Contains(names, "@method") {
		names = append(names, "@method")
	}
	input := httpsfv.InnerList{Params: httpsfv.NewParams()}
	for _, name := range names {
		input.Items = append(input.Items, httpsfv.NewItem(name))
	}
	k := s.keys[0]
	alg := httpAlg(k, s.Alg)
	input.Params.Add("created", at.Unix())
	input.Params.Add("keyid", k.id)
	input.Params.Add("alg", alg)
	m := httpMessage{Request: r}
	if u, err := calledURL(r, s.publicURL); err == nil {
		m.url = u
	}
	base, _, err := signatureBase(m, input)
	if err != nil {
		return fmt.Errorf("providers: sign: %w", err)
	}
	signature, err := k.sign(httpAlgs[alg], base)
	if err != nil {
		return err
	}
	return setDictionaries(r, input, signature)
}

func setDictionaries(r *Request, input httpsfv.InnerList, signature []byte) error {
	for name, member := range map[string]httpsfv.Member{"Signature-Input": input, "Signature": httpsfv.NewItem(signature)} {
		dictionary := httpsfv.NewDictionary()
		dictionary.Add("nerve", member)
		text, err := httpsfv.Marshal(dictionary)
		if err != nil {
			return fmt.Errorf("providers: sign: %w", err)
		}
		r.Header.Set(name, text)
	}
	return nil
}
