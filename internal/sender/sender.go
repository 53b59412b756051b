// Package sender is the other side of a webhook: it signs a payload as its
// vendor would and delivers it, once or many times, whole or spoilt on purpose.
// It serves `nerve send`, the demo and the tests; it never receives.
//
// It follows no redirect: a delivery that would end elsewhere, as another method
// and with its secret shown to another host, is answered with the 3xx itself.
package sender

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/nerve-alerts/nerve/providers"
)

// staleBy is how far in the past a stale delivery is signed: well outside every
// vendor's tolerance.
const staleBy = 2 * time.Hour

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// Options say what to send and how.
type Options struct {
	URL      string          // where to, the source's whole URL
	Provider string          // who to be
	Spec     *providers.Spec // the same, where it is a mapping of one's own
	Secret   string          // what to sign with; a private key where the vendor has one
	Schemes  []string        // of the vendor's; empty is the strongest that the secret serves
	Body     []byte          // the payload
	// Header is what the vendor sends beside its proof. {uuid} in a value is a new
	// one for each delivery, and the same where Repeat sends one again.
	Header http.Header
	Count  int     // how many deliveries; 0 is one
	Rate   float64 // deliveries a second; 0 is as fast as they are answered

	Tamper   bool // change one byte after signing
	Stale    bool // sign two hours ago
	Repeat   bool // the very same request each time, as a retry or a replay
	Distinct bool // each delivery is another alert, not the same one again; with Repeat that goes for the first

	// Before is called with each body before it is delivered, for example to
	// make a Slack stand-in know the message. nil is nothing.
	Before func(ctx context.Context, body []byte) error
	Client *http.Client
	Now    func() time.Time
}

// OptionError is an option that cannot be meant. Nothing was sent.
type OptionError struct {
	Option  string // its name in lower case, which is that of the flag of nerve send
	Problem string
}

func (e *OptionError) Error() string { return "sender: " + e.Option + ": " + e.Problem }

// Send delivers and calls each with every answer. It stops at the first
// delivery that gets no answer at all.
func Send(ctx context.Context, o Options, each func(Result)) error {
	s, err := newSender(o)
	if err != nil {
		return err
	}
	limit := rate.NewLimiter(rate.Inf, 1)
	if o.Rate > 0 {
		limit = rate.NewLimiter(rate.Limit(o.Rate), 1)
	}
	for n := 1; n <= max(1, o.Count); n++ {
		if err := limit.Wait(ctx); err != nil {
			return fmt.Errorf("sender: wait for delivery %d: %w", n, err)
		}
		r, err := s.deliver(ctx, n)
		if err != nil {
			return err
		}
		each(r)
	}
	return nil
}

// Relay signs the payload as it is and delivers it once: nothing of it is made
// new, so that a relayed retry is still a retry.
func Relay(ctx context.Context, o Options, answer func(Result)) error {
	s, err := newSender(o)
	if err != nil {
		return err
	}
	r := s.request(o.Body)
	s.provider.Sign(r, s.Now())
	s.Repeat, s.first = true, r
	got, err := s.deliver(ctx, 1)
	if err != nil {
		return err
	}
	answer(got)
	return nil
}

type sender struct {
	Options
	provider providers.Provider
	url      *url.URL
	first    *providers.Request // what Repeat sends again
}

func newSender(o Options) (*sender, error) {
	p, u, err := o.check()
	if err != nil {
		return nil, err
	}
	client := http.Client{Timeout: 15 * time.Second}
	if o.Client != nil {
		client = *o.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.Client = &client
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &sender{Options: o, provider: p, url: u}
	if o.Stale && !s.timed() {
		return nil, &OptionError{"stale", o.Provider + " signs no time, so nothing it sends can be stale"}
	}
	return s, nil
}

// check refuses what cannot be meant, and returns who signs and where it goes.
func (o Options) check() (providers.Provider, *url.URL, error) {
	spec, ok := providers.Lookup(o.Provider)
	if o.Spec != nil {
		spec, ok = *o.Spec, true
	}
	if !ok {
		return nil, nil, &OptionError{"provider", fmt.Sprintf("there is no %q", o.Provider)}
	}
	if strings.TrimSpace(o.Secret) == "" {
		return nil, nil, &OptionError{"secret", "it is empty, and nothing can be signed with that"}
	}
	if o.Count < 0 {
		return nil, nil, &OptionError{"count", "it cannot be negative"}
	}
	if o.Rate < 0 || math.IsNaN(o.Rate) || math.IsInf(o.Rate, 0) {
		return nil, nil, &OptionError{"rate", "give deliveries a second, for example 0.5 or 100"}
	}
	// The URL is not repeated: it may hold a password.
	u, err := url.Parse(o.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, nil, &OptionError{"url", "give the source's whole URL, such as https://alerts.example.com/webhooks/" + o.Provider}
	}
	// A sender signs as it can, so a weak scheme is no question here.
	p, err := spec.New(providers.Config{Secrets: providers.Secrets(o.Secret), Schemes: o.Schemes, AllowWeak: true})
	if err != nil {
		return nil, nil, &OptionError{atFault(spec, o.Schemes), reason(err)}
	}
	if s, ok := p.(interface{ CanSign() error }); ok && s.CanSign() != nil {
		return nil, nil, &OptionError{"secret", reason(s.CanSign())}
	}
	return p, u, nil
}

// atFault is the option because of which the provider cannot be: a scheme that the
// vendor does not have, or else the secret.
func atFault(spec providers.Spec, schemes []string) string {
	known, err := providers.Expand(spec.Schemes)
	for _, name := range schemes {
		if err == nil && !slices.ContainsFunc(known, func(s providers.Scheme) bool { return s.Name == name }) {
			return "scheme"
		}
	}
	return "secret"
}

// reason is an error without the package that it came from.
func reason(err error) string { return strings.ReplaceAll(err.Error(), "providers: ", "") }

// timed reports whether the provider's proof carries a time.
func (s *sender) timed() bool {
	at := s.Now()
	r := s.request(s.Body)
	s.provider.Sign(r, at.Add(-staleBy))
	r.ReceivedAt = at
	_, err := s.provider.Verify(r)
	return errors.Is(err, providers.ErrStale)
}

func (s *sender) request(body []byte) *providers.Request {
	h := http.Header{}
	for name, values := range s.Header {
		for _, v := range values {
			for strings.Contains(v, uuidMark) {
				v = strings.Replace(v, uuidMark, uuid.NewString(), 1)
			}
			h.Add(name, v)
		}
	}
	return &providers.Request{Method: http.MethodPost, URL: s.url, Header: h, Body: body}
}

// uuidMark stands in a header for an id that is new for each delivery.
const uuidMark = "{uuid}"

// build makes the nth request: refreshed, signed, and spoilt where asked.
func (s *sender) build(n int) *providers.Request {
	if s.Repeat && s.first != nil {
		return s.first
	}
	at := s.Now()
	body := bytes.Clone(s.Body)
	if r, ok := s.provider.(providers.Renewer); ok && s.Distinct {
		body = r.Renew(body, at, n)
	} else if r, ok := s.provider.(providers.Refresher); ok {
		body = r.Refresh(body, at, n)
	}
	r := s.request(body)
	if s.Stale {
		at = at.Add(-staleBy)
	}
	s.provider.Sign(r, at)
	if s.Tamper {
		s.spoil(r)
	}
	s.first = r
	return r
}

// spoil changes what the proof covers: a byte of the body, or the header where
// the proof is a token beside the body.
func (s *sender) spoil(r *providers.Request) {
	if len(r.Body) > 0 {
		r.Body = bytes.Clone(r.Body)
		r.Body[len(r.Body)/2] ^= 1
	}
	r.ReceivedAt = s.Now()
	if _, err := s.provider.Verify(r); err != nil {
		return
	}
	for name := range r.Header {
		if name != "Content-Type" {
			r.Header.Set(name, r.Header.Get(name)+"x")
		}
	}
	if _, err := s.provider.Verify(r); err == nil && r.URL.RawQuery != "" { // the token is in the URL
		spoilt := *r.URL
		spoilt.RawQuery += "x"
		r.URL = &spoilt
	}
}

func (s *sender) deliver(ctx context.Context, n int) (Result, error) {
	r := s.build(n)
	if s.Before != nil {
		if err := s.Before(ctx, r.Body); err != nil {
			return Result{}, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL.String(), bytes.NewReader(r.Body))
	if err != nil {
		return Result{}, fmt.Errorf("sender: build the request: %w", err)
	}
	req.Header = r.Header.Clone()
	started := time.Now()
	resp, err := s.Client.Do(req)
	if err != nil {
		return Result{}, s.unanswered(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Result{}, fmt.Errorf("sender: read the answer: %w", err)
	}
	return Result{N: n, Status: resp.StatusCode, Body: string(bytes.TrimSpace(answer)), Latency: time.Since(started)}, nil
}
