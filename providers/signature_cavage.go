package providers

import (
	"crypto"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// cavage proves by the draft "Signing HTTP Messages" that came before RFC 9421,
// as Drone and some others send it. What is signed are headers, Digest among
// them: the body counts only because the digest is computed again.
type cavage struct {
	Scheme
	keys      []key
	publicURL string
}

// cavageAlg is the algorithm that a key serves, never one the request names.
func cavageAlg(k key) (string, algorithm) {
	if k.public != nil {
		return "rsa-sha256", algorithm{kind: KindRSA, hash: crypto.SHA256}
	}
	return "hmac-sha256", algorithm{kind: KindHMAC, hash: crypto.SHA256}
}

// cavageMark tells the draft's header from that of RFC 9421.
const cavageMark = `signature="`

func (s *cavage) present(r *Request) bool { return len(r.Header.Values("Signature")) > 0 }

func (s *cavage) verify(r *Request) (Proof, error) {
	refuse := func(why string) (Proof, error) { return Proof{}, fmt.Errorf("%w: %s: %s", ErrSignature, s.Name, why) }
	value, err := oneHeader(r.Header, "Signature")
	if err != nil {
		return Proof{}, err
	}
	if len(value) > maxProofLen {
		return refuse("Signature is too long")
	}
	params, err := cavageParams(value)
	if err != nil {
		return refuse(err.Error())
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(params["signature"])
	if err != nil || base64.StdEncoding.EncodeToString(signature) != params["signature"] {
		return refuse("the signature is not base64")
	}
	names := strings.Fields(params["headers"])
	if !slices.Contains(names, "date") {
		return refuse("the signature does not cover date")
	}
	if len(r.Body) > 0 && !slices.Contains(names, "digest") {
		return refuse("the signature does not cover digest")
	}
	content, err := s.content(r, names)
	if err != nil {
		return Proof{}, err
	}
	signedAt, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		return refuse("Date is not a time")
	}
	if slices.Contains(names, "digest") && !digestHeader(r) {
		return refuse("Digest is not the body's")
	}
	found := match{tried: len(s.keys)}
	for i := range s.keys {
		name, alg := cavageAlg(s.keys[i])
		if claimed, ok := params["algorithm"]; ok && claimed != name && claimed != "hs2019" {
			continue
		}
		if s.keys[i].check(alg, content, signature) {
			found.add(&s.keys[i], r.ReceivedAt)
		}
	}
	proof, err := found.proof(s.Scheme, r.ReceivedAt)
	if err != nil {
		return Proof{}, err
	}
	if err := s.fresh(signedAt, r.ReceivedAt); err != nil {
		return Proof{}, err
	}
	proof.SignedAt = signedAt.UTC()
	return proof, nil
}

var errNotCavage = errors.New("the header is not a list of name=\"value\"")

// cavageNames are the parameters that are read; created and expires came in later
// drafts and are refused with all others, since they would have to count.
var cavageNames = []string{"keyId", "algorithm", "headers", "signature"}

// cavageParams reads name="value" pairs, each name once.
func cavageParams(value string) (map[string]string, error) {
	params := map[string]string{}
	for value != "" {
		name, rest, ok := strings.Cut(value, `="`)
		text, rest, closed := strings.Cut(rest, `"`)
		if _, twice := params[name]; !ok || !closed || twice || !slices.Contains(cavageNames, name) {
			return nil, errNotCavage
		}
		params[name] = text
		if rest != "" {
			var more bool
			if rest, more = strings.CutPrefix(rest, ","); !more || rest == "" {
				return nil, errNotCavage
			}
		}
		value = strings.TrimPrefix(rest, " ")
	}
	return params, nil
}

// content joins the signed headers, one a line.
func (s *cavage) content(r *Request, names []string) ([]byte, error) {
	if len(names) > maxComponents {
		return nil, fmt.Errorf("%w: %s: the signature covers too many headers", ErrSignature, s.Name)
	}
	lines := make([]string, len(names))
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("%w: %s: the signature covers %q twice", ErrSignature, s.Name, name)
		}
		var value string
		var err error
		switch name {
		case "(request-target)":
			if r.URL != nil {
				value = strings.ToLower(r.Method) + " " + r.URL.RequestURI()
			}
		case "host":
			u, problem := calledURL(r, s.publicURL)
			if problem != nil {
				return nil, problem
			}
			value = u.Host
		default:
			value, err = oneHeader(r.Header, name)
		}
		if err != nil {
			return nil, err
		}
		lines[i] = name + ": " + value
	}
	return []byte(strings.Join(lines, "\n")), nil
}

// digestHeader reports whether Digest (RFC 3230) is one hash of the body.
func digestHeader(r *Request) bool {
	value, err := oneHeader(r.Header, "Digest")
	if err != nil {
		return false
	}
	name, text, _ := strings.Cut(value, "=")
	hash, ok := digestHashes[strings.ToLower(name)]
	if !ok {
		return false
	}
	want := base64.StdEncoding.EncodeToString(digest(hash, r.Body))
	return subtle.ConstantTimeCompare([]byte(text), []byte(want)) == 1
}

func (s *cavage) sign(r *Request, at time.Time) error {
	r.Header.Set("Date", at.UTC().Format(http.TimeFormat))
	r.Header.Set("Digest", "SHA-256="+base64.StdEncoding.EncodeToString(digest(crypto.SHA256, r.Body)))
	names := []string{"date", "digest"}
	content, err := s.content(r, names)
	if err != nil {
		return err
	}
	name, alg := cavageAlg(s.keys[0])
	signature, err := s.keys[0].sign(alg, content)
	if err != nil {
		return err
	}
	r.Header.Set("Signature", fmt.Sprintf(`algorithm="%s",signature="%s",headers="%s"`, name,
		base64.StdEncoding.EncodeToString(signature), strings.Join(names, " ")))
	return nil
}
