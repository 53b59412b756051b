package providers

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"sync"
	"time"
)

// NewSecret makes a secret that the scheme takes and can sign with: a shared key,
// user:password, or a private key. The same seed gives the same secret; seeds of
// RSA keys and certificates do so within one process only, since those cannot be
// made from a seed. It serves tests, and `nerve dev` with a random seed.
func (s Scheme) NewSecret(seed []byte) (string, error) {
	s = s.withDefaults(Config{})
	sum := sha256.Sum256(append([]byte(s.Kind+"\x00"+Kind(s.Key)+"\x00"), seed...))
	switch s.Kind {
	case KindBasic:
		return "nerve:" + hex.EncodeToString(sum[:]), nil
	case KindEd25519:
		private := ed25519.NewKeyFromSeed(sum[:])
		switch s.Key {
		case "hex":
			return hex.EncodeToString(private), nil
		case "base64":
			return base64.StdEncoding.EncodeToString(private), nil
		case "whpk":
			return "whsk_" + base64.StdEncoding.EncodeToString(private), nil
		}
		return privatePEM(private)
	case KindECDSA:
		sum[0] &= 0x7f // below the order of the curve
		private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), sum[:])
		if err != nil {
			return "", fmt.Errorf("providers: make a key: %w", err)
		}
		return privatePEM(private)
	case KindRSA, KindSNS:
		return rsaSecret(s.Kind, sum)
	}
	switch s.Key {
	case "base64":
		return base64.StdEncoding.EncodeToString(sum[:]), nil
	case "whsec":
		return "whsec_" + base64.StdEncoding.EncodeToString(sum[:]), nil
	}
	return hex.EncodeToString(sum[:]), nil
}

// TestSecret makes the nth secret of the provider's first scheme, for tests.
func (s Spec) TestSecret(n int) (string, error) {
	schemes, err := Expand(s.Schemes)
	if err != nil || len(schemes) == 0 {
		return "", fmt.Errorf("providers: %s has no scheme to make a secret for: %w", s.Name, err)
	}
	return schemes[0].NewSecret(fmt.Appendf(nil, "%s %d", s.Name, n))
}

func privatePEM(private any) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", fmt.Errorf("providers: make a key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

// madeRSA are the RSA secrets of this process, by kind and seed. Each takes a
// tenth of a second.
var madeRSA struct {
	sync.Mutex
	secrets map[string]string
}

func rsaSecret(kind Kind, sum [sha256.Size]byte) (string, error) {
	madeRSA.Lock()
	defer madeRSA.Unlock()
	id := string(kind) + string(sum[:])
	if made := madeRSA.secrets[id]; made != "" {
		return made, nil
	}
	private, err := rsa.GenerateKey(rand.Reader, minRSA)
	if err != nil {
		return "", fmt.Errorf("providers: make a key: %w", err)
	}
	secret, err := privatePEM(private)
	if err != nil {
		return "", err
	}
	if kind == KindSNS {
		certificate, err := selfSigned(private)
		if err != nil {
			return "", err
		}
		account := new(big.Int).Mod(new(big.Int).SetBytes(sum[:]), big.NewInt(1e12))
		secret = fmt.Sprintf("arn:aws:sns:eu-west-1:%012d:alerts\n%s%s", account, certificate, secret)
	}
	if madeRSA.secrets == nil {
		madeRSA.secrets = map[string]string{}
	}
	madeRSA.secrets[id] = secret
	return secret, nil
}

// selfSigned makes a certificate as Amazon's, signed by itself.
func selfSigned(private *rsa.PrivateKey) (string, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, DNSNames: []string{"sns.amazonaws.com"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", fmt.Errorf("providers: make a certificate: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}
