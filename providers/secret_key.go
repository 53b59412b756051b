package providers

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// pemMark begins every PEM block. A value that holds it is never a shared key.
const pemMark = "-----BEGIN "

// bindKeys reads the secrets as keys of each scheme. A secret may serve some of
// the schemes only (a shared key and a public key during a change from one to
// the other), but one that serves none is a mistake. What is public under one
// scheme, such as a public key, is never a shared key under another: everybody
// could sign with it.
func bindKeys(schemes []Scheme, secrets []Secret) ([][]key, error) {
	bound := make([][]key, len(schemes))
	for n, secret := range secrets {
		published, used := false, false
		var problem error
		for _, publicPass := range []bool{true, false} {
			for i, s := range schemes {
				if s.public() != publicPass || published && !publicPass {
					continue
				}
				k, err := readKey(s, secret.Value)
				if err != nil {
					problem = fmt.Errorf("providers: secret %d cannot serve scheme %s: it %w", n+1, s.Name, err)
					continue
				}
				k.Secret, k.index, k.id = secret, n, secret.name()
				bound[i] = append(bound[i], k)
				published = published || publicPass
				used = true
			}
		}
		if !used {
			return nil, problem
		}
	}
	return bound, nil
}

// readKey reads a secret as the scheme spells it.
func readKey(s Scheme, value string) (key, error) {
	switch s.Kind {
	case KindSNS:
		return readTopic(value)
	case KindHTTPSignature, KindCavage:
		return readHTTPKey(s, value)
	case KindHMAC, KindToken, KindBasic:
		k, err := sharedKey(s.Key, value)
		if err == nil && s.Kind == KindBasic && !strings.Contains(value, ":") {
			return key{}, errors.New("is not written as user:password")
		}
		return k, err
	case KindEd25519:
		if s.Key != "pem" {
			return edKey(s.Key, value)
		}
	}
	k, err := publicKey(value)
	if err != nil {
		return key{}, err
	}
	return k, k.fits(s.Kind)
}

// readHTTPKey reads the key of an HTTP signature: PEM, or else a shared key.
func readHTTPKey(s Scheme, value string) (key, error) {
	k, err := sharedKey(s.Key, value)
	if strings.Contains(value, pemMark) {
		k, err = publicKey(value)
	}
	if err != nil {
		return key{}, err
	}
	if s.Kind == KindCavage {
		_, alg := cavageAlg(k)
		return k, k.fits(alg.kind)
	}
	return k, k.fits(httpAlgs[httpAlg(k, s.Alg)].kind)
}

var (
	errNotBase64 = errors.New("is not base64")
	errNotHex    = errors.New("is not hexadecimal")
	errPublic    = errors.New("is a public key, with which anybody could sign")
)

// sharedKey reads a symmetric key.
func sharedKey(form, value string) (key, error) {
	if strings.Contains(value, pemMark) || strings.HasPrefix(value, "whpk_") || strings.HasPrefix(value, "arn:") || strings.HasPrefix(value, "whsk_") {
		return key{}, errPublic
	}
	var shared []byte
	var err error
	switch form {
	case "raw", "auto":
		return key{shared: []byte(value)}, nil
	case "hex":
		if shared, err = hex.DecodeString(value); err != nil {
			return key{}, errNotHex
		}
	case "whsec":
		value = strings.TrimPrefix(value, "whsec_")
		fallthrough
	default:
		if shared, err = decodeBase64(value); err != nil {
			return key{}, errNotBase64
		}
	}
	if len(shared) == 0 {
		return key{}, errors.New("holds no key")
	}
	return key{shared: shared}, nil
}

// decodeBase64 reads base64 with or without its padding.
func decodeBase64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}

// edKey reads an Ed25519 key of 32 bytes, or of 64 with its private half, as
// hexadecimal or base64, or as Standard Webhooks write them.
func edKey(form, value string) (key, error) {
	var raw []byte
	var err error
	switch form {
	case "hex":
		if raw, err = hex.DecodeString(value); err != nil {
			return key{}, errNotHex
		}
	case "whpk":
		rest, public := strings.CutPrefix(value, "whpk_")
		if !public {
			var private bool
			if rest, private = strings.CutPrefix(value, "whsk_"); !private {
				return key{}, errors.New(`does not begin with "whpk_"`)
			}
		}
		value = rest
		fallthrough
	default:
		if raw, err = decodeBase64(value); err != nil {
			return key{}, errNotBase64
		}
	}
	switch len(raw) {
	case ed25519.PublicKeySize:
		return key{public: ed25519.PublicKey(raw)}, nil
	case ed25519.PrivateKeySize:
		private := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
		if !bytes.Equal(private, raw) {
			return key{}, errors.New("is an Ed25519 key whose halves do not belong together")
		}
		return key{public: private.Public(), private: private}, nil
	}
	return key{}, fmt.Errorf("has %d bytes, an Ed25519 key has %d", len(raw), ed25519.PublicKeySize)
}

// publicKey reads a public key, a certificate or a private key in PEM, or a
// public key in base64 as SendGrid shows it.
func publicKey(value string) (key, error) {
	if !strings.Contains(value, pemMark) {
		der, err := decodeBase64(value)
		if err != nil {
			return key{}, errors.New("is neither PEM nor base64")
		}
		public, err := x509.ParsePKIXPublicKey(der)
		if err != nil {
			return key{}, errors.New("is not a public key")
		}
		return key{public: public}, nil
	}
	text := strings.TrimSpace(value)
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(rest) > 0 || !strings.HasPrefix(text, pemMark) {
		return key{}, errors.New("is not one block of PEM and nothing else")
	}
	k, err := keyOfBlock(block)
	if err != nil {
		return key{}, fmt.Errorf("is not readable as a key: its PEM block is %q", block.Type)
	}
	return k, nil
}

func keyOfBlock(block *pem.Block) (key, error) {
	var parsed any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		parsed, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		parsed, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			parsed = c.PublicKey
		}
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		err = errors.New("unknown block")
	}
	if err != nil {
		return key{}, err
	}
	if private, ok := parsed.(crypto.Signer); ok {
		return key{public: private.Public(), private: private}, nil
	}
	return key{public: parsed}, nil
}
