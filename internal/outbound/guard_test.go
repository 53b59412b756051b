package outbound_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/nerve-alerts/nerve/internal/outbound"
)

// loopback lets tests call servers of their own.
var loopback = outbound.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}

func TestGuard(t *testing.T) {
	t.Parallel()
	for address, public := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "172.32.0.1": true, "100.128.0.1": true, "2606:4700:4700::1111": true,
		"::ffff:8.8.8.8": true, "64:ff9b::808:808": true, // 8.8.8.8, wrapped
		"0.0.0.0": false, "0.1.2.3": false, "127.0.0.1": false, "127.255.255.254": false, "10.0.0.1": false,
		"172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "100.64.0.1": false, "100.100.100.200": false,
		"169.254.169.254": false, "168.63.129.16": false, "192.0.0.1": false, "192.0.2.1": false, "198.18.0.1": false,
		"198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.255.255.255": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::127.0.0.1": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "fc00::1": false,
		"fd00:ec2::254": false, "ff02::1": false, "2001:db8::1": false, "2001::1": false, "2002:7f00:1::": false, "100::1": false,
		"::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:10.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b::a00:1": false, "64:ff9b:1::808:808": false, "5f00::1": false, "3fff::1": false,
	} {
		err := outbound.Guard{}.Check(netip.MustParseAddr(address))
		if public {
			require.NoError(t, err, address)
		} else {
			require.ErrorIs(t, err, outbound.ErrForbidden, address)
			assert.NotContains(t, err.Error(), address, "it does not tell what lies behind a name")
		}
	}
	require.ErrorIs(t, outbound.Guard{}.Check(netip.Addr{}), outbound.ErrForbidden)
	require.NoError(t, loopback.Check(netip.MustParseAddr("::ffff:127.0.0.1")), "allowed, however it is written")
	require.ErrorIs(t, loopback.Check(netip.MustParseAddr("10.0.0.1")), outbound.ErrForbidden, "what is allowed is no more than that")
}

func TestRules(t *testing.T) {
	t.Parallel()
	rules := outbound.Rules{Hosts: []string{"example.com", "*.cdn.example.com", "example.org:8443", "example.net:443"}}
	for raw, want := range map[string]error{
		"https://example.com/a":             nil,
		"https://EXAMPLE.com./a":            nil,
		"https://example.com:443/a":         nil,
		"https://example.net/a":             nil,
		"https://a.b.cdn.example.com/":      nil,
		"https://example.org:8443/":         nil,
		"https://example.org/":              outbound.ErrHost,
		"https://cdn.example.com/":          outbound.ErrHost,
		"https://evilcdn.example.com/":      outbound.ErrHost,
		"https://example.com:22/":           outbound.ErrHost,
		"https://example.com.evil.example/": outbound.ErrHost,
		"https://example.com@evil.example/": outbound.ErrHost,
		"https://user:pass@example.com/":    outbound.ErrHost,
		"https:///a":                        outbound.ErrHost,
		"http://example.com/":               outbound.ErrScheme,
		"ftp://example.com/":                outbound.ErrScheme,
		"file:///etc/passwd":                outbound.ErrScheme,
		"gopher://example.com/":             outbound.ErrScheme,
		"//example.com/":                    outbound.ErrScheme,
	} {
		u, err := url.Parse(raw)
		require.NoError(t, err, raw)
		require.ErrorIs(t, rules.Check(u), want, raw)
	}
	u, _ := url.Parse("https://example.com/")
	require.ErrorIs(t, outbound.Rules{}.Check(u), outbound.ErrHost, "no hosts, nothing is called")
}

// get fetches a URL and returns what became of it.
func get(t *testing.T, c *http.Client, raw string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, raw, http.NoBody)
	require.NoError(t, err)
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func hostOf(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }

func TestTheDialledAddressIsChecked(t *testing.T) {
	t.Parallel()
	called := false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer inside.Close()
	rules := outbound.Rules{Hosts: []string{hostOf(inside)}, AllowHTTP: true}

	err := get(t, outbound.Fetcher(outbound.NewTransport(outbound.Options{}), rules), inside.URL)
	require.ErrorIs(t, err, outbound.ErrForbidden)
	assert.False(t, called)
	var known *outbound.Error
	require.ErrorAs(t, outbound.Translate("fetch", err), &known)
	assert.Equal(t, "outbound/address_forbidden", known.Code())
	assert.False(t, known.Retryable())
	assert.NotContains(t, known.Error(), "127.0.0.1")

	require.NoError(t, get(t, outbound.Fetcher(outbound.NewTransport(outbound.Options{Guard: loopback}), rules), inside.URL))
	assert.True(t, called, "the test can fail: it is reached when it is allowed")
}

// TestANameThatLeadsInsideIsNotCalled has DNS answer with an address inside,
// which no look at the name could notice.
func TestANameThatLeadsInsideIsNotCalled(t *testing.T) {
	t.Parallel()
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer inside.Close()
	_, port, err := net.SplitHostPort(hostOf(inside))
	require.NoError(t, err)
	rules := outbound.Rules{Hosts: []string{"files.example.com:" + port}, AllowHTTP: true}
	raw := "http://files.example.com:" + port
	for _, guard := range []outbound.Guard{{}, loopback} {
		transport := outbound.NewTransport(outbound.Options{Guard: guard, Resolver: resolver(t, [4]byte{127, 0, 0, 1})})
		err := get(t, outbound.Fetcher(transport, rules), raw)
		if len(guard.Allow) == 0 {
			require.ErrorIs(t, err, outbound.ErrForbidden)
			continue
		}
		require.NoError(t, err)
	}
}

// resolver answers every name with one address.
func resolver(t *testing.T, address [4]byte) *net.Resolver {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: address},
				}}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached <- r.Referer() }))
	defer other.Close()
	var first *httptest.Server
	first = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/out":
			http.Redirect(w, r, other.URL+"/file", http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, first.URL+"/loop", http.StatusFound)
		}
	}))
	defer first.Close()
	transport := outbound.NewTransport(outbound.Options{Guard: loopback})
	only := outbound.Rules{Hosts: []string{hostOf(first)}, AllowHTTP: true}
	both := outbound.Rules{Hosts: []string{hostOf(first), hostOf(other)}, AllowHTTP: true}

	require.ErrorIs(t, get(t, outbound.Fetcher(transport, only), first.URL+"/out?token=secret"), outbound.ErrRedirect)
	require.ErrorIs(t, get(t, outbound.Fetcher(transport, only), first.URL+"/inside"), outbound.ErrRedirect)
	require.ErrorIs(t, get(t, outbound.Fetcher(transport, only), first.URL+"/loop"), outbound.ErrRedirect)
	require.NoError(t, get(t, outbound.Fetcher(transport, both), first.URL+"/out?token=secret"))
	assert.Empty(t, <-reached, "the URL that led there is not passed on")
	metadata := outbound.Rules{Hosts: append(both.Hosts, "169.254.169.254"), AllowHTTP: true}
	require.ErrorIs(t, get(t, outbound.Fetcher(transport, metadata), first.URL+"/inside"), outbound.ErrForbidden,
		"an allowed host is still not called inside")
}

func TestARedirectFromHTTPSToHTTPIsNotFollowed(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer secure.Close()
	transport := outbound.NewTransport(outbound.Options{Guard: loopback, Roots: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
	rules := outbound.Rules{Hosts: []string{strings.TrimPrefix(secure.URL, "https://"), hostOf(plain)}, AllowHTTP: true}
	require.ErrorIs(t, get(t, outbound.Fetcher(transport, rules), secure.URL), outbound.ErrRedirect)
}

func TestErrorsSayWhatIsWorthAnotherTry(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for status, retry := range map[int]bool{
		400: false, 401: true, 404: true, 408: true, 409: false, 410: false, 422: false, 425: true, 429: true, 500: true, 503: true, 302: false,
	} {
		err := outbound.Answer("post", &http.Response{StatusCode: status}, now)
		var e *outbound.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, retry, e.Retryable(), status)
	}
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "x": 0, "99999999999": 24 * time.Hour,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		err := outbound.Answer("post", &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {value}}}, now)
		var e *outbound.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, want, e.RetryAfter(), value)
	}
	for name, tt := range map[string]struct {
		err   error
		retry bool
	}{
		"outbound/timeout": {context.DeadlineExceeded, true}, "outbound/network": {errors.New("https://example.com/?token=x refused"), true},
		"outbound/host_forbidden": {outbound.ErrHost, false}, "outbound/scheme_forbidden": {outbound.ErrScheme, false},
	} {
		var e *outbound.Error
		require.ErrorAs(t, outbound.Translate("post", tt.err), &e)
		assert.Equal(t, name, e.Code())
		assert.Equal(t, tt.retry, e.Retryable())
		assert.NotContains(t, e.Error(), "token")
	}
}
