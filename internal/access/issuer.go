package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"
)

// maxIssuer bounds an issuer's answer.
const maxIssuer = 1 << 20

// A JWT with an unknown key id makes the key set ask the issuer, so that keys
// can rotate. Anybody can write such a JWT, so the issuer is asked this often at
// most, over all addresses.
const (
	issuerEvery = 5 * time.Second
	issuerBurst = 5
)

// issuerError is an issuer that did not answer as it should.
type issuerError struct{ cause error }

func (e *issuerError) Error() string { return e.cause.Error() }
func (e *issuerError) Unwrap() error { return e.cause }

// issuerTransport asks an issuer: not too often, and only for what answers 200.
type issuerTransport struct {
	base    http.RoundTripper
	limiter *rate.Limiter
	now     func() time.Time
}

func newIssuerTransport(base http.RoundTripper, now func() time.Time) *issuerTransport {
	if base == nil {
		base = http.DefaultTransport
	}
	return &issuerTransport{base, rate.NewLimiter(rate.Every(issuerEvery), issuerBurst), now}
}

// RoundTrip makes every failure an *issuerError.
func (t *issuerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.limiter.AllowN(t.now(), 1) {
		return nil, &issuerError{errors.New("asked too often")}
	}
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, &issuerError{err}
	}
	if resp.StatusCode >= http.StatusBadRequest {
		_ = resp.Body.Close()
		return nil, &issuerError{fmt.Errorf("it answered %d", resp.StatusCode)}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxIssuer), resp.Body}
	return resp, nil
}

// awayKey is where keys leaves word that the issuer did not answer: the verifier
// above it does not keep the cause of an error.
type awayKey struct{}

// keys is an issuer's key set that tells a signature that is wrong from one that
// could not be checked.
type keys struct{ remote *oidc.RemoteKeySet }

// VerifySignature checks a JWT's signature.
func (k keys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, jwt)
	_, away := errors.AsType[*issuerError](err)
	if away || err != nil && ctx.Err() != nil {
		if word, ok := ctx.Value(awayKey{}).(*error); ok {
			*word = err
		}
	}
	return payload, err
}
