package providers

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Bounds of fetching certificates, which any sender can cause.
const (
	certTimeout = 5 * time.Second
	maxCert     = 64 << 10 // Amazon's has 2 KB
	maxCerts    = 32       // in the cache
	// certFailures within certPause stop further tries, so that made-up URLs do
	// not turn us into a source of requests. Certificates in the cache still serve.
	certFailures = 10
	certPause    = time.Minute
)

// certificates fetches and keeps the certificates behind URLs that were checked.
type certificates struct {
	client *http.Client
	roots  *x509.CertPool // nil: the host that the certificate came from vouches for it

	mu    sync.Mutex
	known map[string]*x509.Certificate

	fetching sync.Mutex // one fetch at a time: a new certificate is asked for once
	failures int
	since    time.Time
}

func newCertificates(cfg Config) *certificates {
	client := http.Client{Timeout: certTimeout}
	if cfg.HTTP != nil {
		client = *cfg.HTTP
		if client.Timeout == 0 {
			client.Timeout = certTimeout
		}
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error {
		return errors.New("providers: a certificate's URL must not redirect")
	}
	return &certificates{client: &client, roots: cfg.Roots, known: map[string]*x509.Certificate{}}
}

// key returns the public key of the certificate behind a URL that certificateURL
// accepts. It must be for the vendor's host and valid at the given time. Its
// errors wrap ErrSignature, or ErrUnavailable where that host cannot be asked.
func (c *certificates) key(address string, now time.Time) (crypto.PublicKey, error) {
	cert, err := c.get(address, now)
	if err != nil {
		return nil, err
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, fmt.Errorf("%w: the certificate is valid from %s to %s", ErrSignature,
			cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339))
	}
	return cert.PublicKey, nil
}

func (c *certificates) cached(address string) *x509.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[address]
}

func (c *certificates) get(address string, now time.Time) (*x509.Certificate, error) {
	if cert := c.cached(address); cert != nil {
		return cert, nil
	}
	u, err := snsURL(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	c.fetching.Lock()
	defer c.fetching.Unlock()
	if cert := c.cached(address); cert != nil {
		return cert, nil
	}
	if age := now.Sub(c.since); age < 0 || age > certPause {
		c.failures, c.since = 0, now
	}
	if c.failures >= certFailures {
		return nil, fmt.Errorf("%w: %d certificates could not be had within a minute", ErrUnavailable, c.failures)
	}
	cert, err := c.fetch(address, u.Host, now)
	if err != nil {
		c.failures++
		return nil, err
	}
	c.keep(address, cert)
	return cert, nil
}

func (c *certificates) keep(address string, cert *x509.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxCerts {
		clear(c.known) // rare: Amazon changes a region's certificate about once a year
	}
	c.known[address] = cert
}

func (c *certificates) fetch(address, host string, now time.Time) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(context.Background(), certTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: the certificate: %w", ErrUnavailable, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusInternalServerError || response.StatusCode == http.StatusTooManyRequests {
		return nil, fmt.Errorf("%w: the certificate: status %d", ErrUnavailable, response.StatusCode)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: no certificate at its URL: status %d", ErrSignature, response.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxCert+1))
	if err != nil {
		return nil, fmt.Errorf("%w: the certificate: %w", ErrUnavailable, err)
	}
	if len(text) > maxCert {
		return nil, fmt.Errorf("%w: the certificate is too large", ErrSignature)
	}
	return readCertificate(text, snsNames(host), c.roots, now)
}

// readCertificate reads a certificate with what may follow of its chain. With
// roots it must lead to one of them; without, the TLS connection to the vendor's
// host is what vouches, because Amazon serves its certificate without the chain.
func readCertificate(text []byte, names []string, roots *x509.CertPool, now time.Time) (*x509.Certificate, error) {
	var leaf *x509.Certificate
	chain := x509.NewCertPool()
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: the certificate is not readable", ErrSignature)
		}
		if leaf == nil {
			leaf = cert
		} else {
			chain.AddCert(cert)
		}
	}
	switch {
	case leaf == nil:
		return nil, fmt.Errorf("%w: there is no certificate at its URL", ErrSignature)
	case leaf.IsCA || !named(leaf, names):
		return nil, fmt.Errorf("%w: the certificate is not for %s", ErrSignature, names[0])
	case key{public: leaf.PublicKey}.fits(KindRSA) != nil:
		return nil, fmt.Errorf("%w: the certificate's key is not RSA of %d bits or more", ErrSignature, minRSA)
	case roots == nil:
		return leaf, nil
	}
	opts := x509.VerifyOptions{Roots: roots, Intermediates: chain, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if _, err := leaf.Verify(opts); err != nil {
		return nil, fmt.Errorf("%w: the certificate does not lead to a root: %w", ErrSignature, err)
	}
	return leaf, nil
}
