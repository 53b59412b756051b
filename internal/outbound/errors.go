package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Error is a call that did not work.
type Error struct {
	Op     string        // what was tried
	Name   string        // "http_503", "timeout", "network", "tls", "address_forbidden", …
	Status int           // HTTP status, 0 when there was no answer
	Retry  bool          // whether the same call can work later
	After  time.Duration // how long the other side asks to wait; 0 when it does not say
}

func (e *Error) Error() string { return fmt.Sprintf("outbound: %s: %s", e.Op, e.Name) }

// Code is a stable name for the failure: "outbound/<name>".
func (e *Error) Code() string { return "outbound/" + e.Name }

// Retryable reports whether the same call can work later.
func (e *Error) Retryable() bool { return e.Retry }

// RetryAfter is how long the other side asks to wait.
func (e *Error) RetryAfter() time.Duration { return e.After }

// Translate turns what a client returned into an *Error. The text of a transport
// error holds the URL and perhaps more, so it is left out.
func Translate(op string, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	name, retry := "network", true
	var (
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		network     net.Error
	)
	switch {
	case errors.Is(err, ErrForbidden):
		name, retry = "address_forbidden", false
	case errors.Is(err, ErrScheme):
		name, retry = "scheme_forbidden", false
	case errors.Is(err, ErrHost):
		name, retry = "host_forbidden", false
	case errors.Is(err, ErrRedirect):
		name, retry = "redirect_forbidden", false
	case errors.As(err, &certificate), errors.As(err, &authority):
		name = "tls"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.As(err, &network) && network.Timeout():
		name = "timeout"
	}
	return &Error{Op: op, Name: name, Retry: retry}
}

// maxAfter bounds how long somebody else may have nerve wait.
const maxAfter = 24 * time.Hour

// Answer turns the status of an answer into an error; nil for 2xx. What the
// other side may mend by itself is worth another try: 408, 425, 429, every 5xx,
// and 401, 403 and 404, which is what a deployment in progress answers.
func Answer(op string, resp *http.Response, now time.Time) error {
	s := resp.StatusCode
	if s >= 200 && s < 300 {
		return nil
	}
	e := &Error{Op: op, Name: "http_" + strconv.Itoa(s), Status: s, After: retryAfter(resp.Header.Get("Retry-After"), now)}
	switch s {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		e.Retry = true
	default:
		e.Retry = s >= http.StatusInternalServerError
	}
	return e
}

// retryAfter reads a Retry-After header: seconds or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return min(time.Duration(min(seconds, int(maxAfter/time.Second)))*time.Second, maxAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), maxAfter)
	}
	return 0
}
