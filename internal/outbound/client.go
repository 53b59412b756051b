package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Refusals of a URL, before anything is called.
var (
	// ErrScheme means that a URL is not https, and http is not allowed.
	ErrScheme = errors.New("outbound: only https is called")
	// ErrHost means that the host is not one of those that are allowed.
	ErrHost = errors.New("outbound: the host is not an allowed one")
	// ErrRedirect means that a redirect leads where no call is allowed, or that
	// there are too many.
	ErrRedirect = errors.New("outbound: the redirect is not followed")
)

const (
	dialTimeout   = 10 * time.Second
	headerTimeout = 30 * time.Second
	maxHeader     = 64 << 10
	maxRedirects  = 3
)

// Options of a Transport.
type Options struct {
	Guard Guard
	// Resolver finds addresses; nil is the system's.
	Resolver *net.Resolver
	// Roots are the certificate authorities that are trusted; nil is the system's.
	Roots *x509.CertPool
}

// NewTransport returns a transport that connects only where the guard lets it.
// It asks no proxy, and waits 30 s at most for the beginning of an answer.
func NewTransport(o Options) *http.Transport {
	d := &net.Dialer{Timeout: dialTimeout, Resolver: o.Resolver, Control: o.Guard.control}
	return &http.Transport{
		DialContext:            d.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        90 * time.Second,
		ForceAttemptHTTP2:      true,
	}
}

// Rules say which URLs a client calls, the first as well as those that it is
// redirected to.
type Rules struct {
	// Hosts are the hosts that are allowed: a name, or *.name for every name
	// below it; with :port where it is not the scheme's own.
	Hosts []string
	// AllowHTTP also calls http.
	AllowHTTP bool
}

// Check refuses a URL that the rules do not allow.
func (r Rules) Check(u *url.URL) error {
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !r.AllowHTTP):
		return ErrScheme
	case u.User != nil || u.Hostname() == "" || !slices.ContainsFunc(r.Hosts, func(allowed string) bool { return allows(allowed, u) }):
		return ErrHost
	}
	return nil
}

// allows compares a host as it is written in the rules.
func allows(allowed string, u *url.URL) bool {
	host, port := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), u.Port()
	name, own := strings.ToLower(allowed), ""
	if h, p, err := net.SplitHostPort(name); err == nil {
		name, own = h, p
	}
	if port == defaultPorts[u.Scheme] {
		port = ""
	}
	if own == defaultPorts[u.Scheme] {
		own = ""
	}
	if port != own {
		return false
	}
	if below, wild := strings.CutPrefix(name, "*."); wild {
		return strings.HasSuffix(host, "."+below)
	}
	return host == strings.Trim(name, "[]")
}

var defaultPorts = map[string]string{"https": "443", "http": "80"}

// Fetcher returns a client for URLs of somebody else's choice: each redirect is
// held to the rules again, and never goes from https to http.
func Fetcher(t http.RoundTripper, r Rules) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		last := via[len(via)-1].URL
		if len(via) > maxRedirects || last.Scheme == "https" && next.URL.Scheme != "https" || r.Check(next.URL) != nil {
			return ErrRedirect
		}
		next.Header.Del("Referer") // the URL before may hold a token
		return nil
	}}
}

// unfollowed is a client that gives a redirect back as the answer.
func unfollowed(t http.RoundTripper) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
