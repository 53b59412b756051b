package providers

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
)

// key is a secret as a scheme reads it: a shared key, or a public key with its
// private one where a sender is played.
type key struct {
	Secret
	index   int
	id      string
	shared  []byte
	public  crypto.PublicKey
	private crypto.Signer
	topic   string // of SNS, whose public key is elsewhere
}

// algorithm is what is done with a key.
type algorithm struct {
	kind Kind // KindHMAC, KindRSA, KindECDSA or KindEd25519
	hash crypto.Hash
	pss  bool
	raw  bool // r and s side by side instead of DER
}

// minRSA is the smallest RSA key accepted, in bits (NIST SP 800-131A).
const minRSA = 2048

var errKeyType = errors.New("is a key for another algorithm")

// fits reports whether the key can serve the algorithm.
func (k key) fits(alg Kind) error {
	switch alg {
	case KindHMAC:
		if k.shared == nil {
			return errKeyType
		}
	case KindRSA:
		p, ok := k.public.(*rsa.PublicKey)
		if !ok {
			return errKeyType
		}
		if p.N.BitLen() < minRSA {
			return fmt.Errorf("has %d bits, at least %d are needed", p.N.BitLen(), minRSA)
		}
	case KindECDSA:
		if p, ok := k.public.(*ecdsa.PublicKey); !ok || p.Curve != elliptic.P256() {
			return fmt.Errorf("%w, P-256 is needed", errKeyType)
		}
	case KindEd25519:
		if _, ok := k.public.(ed25519.PublicKey); !ok {
			return errKeyType
		}
	}
	return nil
}

func digest(h crypto.Hash, message []byte) []byte {
	d := h.New()
	d.Write(message)
	return d.Sum(nil)
}

// check reports whether a decoded signature fits the message.
func (k key) check(alg algorithm, message, signature []byte) bool {
	if k.fits(alg.kind) != nil {
		return false
	}
	switch alg.kind {
	case KindHMAC:
		mac := hmac.New(alg.hash.New, k.shared)
		mac.Write(message)
		return hmac.Equal(mac.Sum(nil), signature)
	case KindRSA:
		p := k.public.(*rsa.PublicKey)
		if alg.pss {
			return rsa.VerifyPSS(p, alg.hash, digest(alg.hash, message), signature, nil) == nil
		}
		return rsa.VerifyPKCS1v15(p, alg.hash, digest(alg.hash, message), signature) == nil
	case KindECDSA:
		if alg.raw {
			if signature = derOfRaw(signature); signature == nil {
				return false
			}
		}
		return ecdsa.VerifyASN1(k.public.(*ecdsa.PublicKey), digest(alg.hash, message), signature)
	case KindEd25519:
		return ed25519.Verify(k.public.(ed25519.PublicKey), message, signature)
	}
	return false
}

var errCannotSign = errors.New("providers: the secret can check a signature but not make one: give the private key")

// sign makes the signature that check accepts.
func (k key) sign(alg algorithm, message []byte) ([]byte, error) {
	if alg.kind == KindHMAC {
		mac := hmac.New(alg.hash.New, k.shared)
		mac.Write(message)
		return mac.Sum(nil), nil
	}
	if k.private == nil {
		return nil, errCannotSign
	}
	var signature []byte
	var err error
	switch {
	case alg.kind == KindEd25519:
		signature, err = k.private.Sign(rand.Reader, message, crypto.Hash(0))
	case alg.pss:
		opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: alg.hash}
		signature, err = k.private.Sign(rand.Reader, digest(alg.hash, message), opts)
	default:
		signature, err = k.private.Sign(rand.Reader, digest(alg.hash, message), alg.hash)
	}
	if err == nil && alg.kind == KindECDSA && alg.raw {
		signature, err = rawOfDER(signature)
	}
	if err != nil {
		return nil, fmt.Errorf("providers: sign: %w", err)
	}
	return signature, nil
}

// p256Bytes is the length of r and of s on P-256.
const p256Bytes = 32

type ecdsaPair struct{ R, S *big.Int }

func derOfRaw(raw []byte) []byte {
	if len(raw) != 2*p256Bytes {
		return nil
	}
	der, err := asn1.Marshal(ecdsaPair{new(big.Int).SetBytes(raw[:p256Bytes]), new(big.Int).SetBytes(raw[p256Bytes:])})
	if err != nil {
		return nil
	}
	return der
}

func rawOfDER(der []byte) ([]byte, error) {
	var pair ecdsaPair
	if _, err := asn1.Unmarshal(der, &pair); err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{pair.R.FillBytes(make([]byte, p256Bytes)), pair.S.FillBytes(make([]byte, p256Bytes))}, nil), nil
}
