package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/record"
)

// ErrDenied refuses a credential, whatever is wrong with it.
var ErrDenied = errors.New("access: the credential is missing, wrong, expired or revoked")

// ErrAway means that nothing could be decided: what would have to be asked does
// not answer. It lets nobody in.
var ErrAway = errors.New("access: who this is cannot be found out now")

// LimitedError turns away an address from which too many credentials were wrong.
type LimitedError struct{ After time.Duration }

func (e *LimitedError) Error() string {
	return fmt.Sprintf("access: too many wrong credentials from this address, try again in %s", e.After)
}

// Principal is somebody who was let in.
type Principal struct {
	Actor audit.Actor
	Scope Scope
	// Expires is when the credential ends.
	Expires time.Time
	// Login is set for a login at the issuer, and not for a token.
	Login bool
}

// LoginTokenLifetime is the longest that a token lives which somebody makes by a
// login: a day, after which the issuer is asked again whether there still is such
// a person, with such groups.
const LoginTokenLifetime = 24 * time.Hour

// Lends is the longest that a token may live which this principal makes. One that
// is made by a token ends with it, so that no chain of them outlives its first.
func (p Principal) Lends(now time.Time) time.Duration {
	if p.Login {
		return LoginTokenLifetime
	}
	return p.Expires.Sub(now)
}

// Tokens is where API tokens are kept.
type Tokens interface {
	Token(ctx context.Context, id string) (record.Token, error)
	TokenUsed(ctx context.Context, id string, at time.Time) error
}

// Options of a Guard.
type Options struct {
	Tokens Tokens
	OIDC   *OIDC // nil: only tokens
	Log    *slog.Logger
	Now    func() time.Time // time.Now by default
}

// Guard checks credentials. It is safe for concurrent use.
type Guard struct {
	tokens   Tokens
	oidc     *OIDC
	log      *slog.Logger
	now      func() time.Time
	attempts *attempts
}

// NewGuard returns a guard; it fails without a place for tokens or a log.
func NewGuard(o Options) (*Guard, error) {
	if o.Tokens == nil || o.Log == nil {
		return nil, errors.New("access: a guard needs tokens and a log")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Guard{tokens: o.Tokens, oidc: o.OIDC, log: o.Log, now: o.Now, attempts: newAttempts(o.Now)}, nil
}

// Authenticate says who shows the bearer credential, from a network address.
// Its errors are ErrDenied, ErrAway or a *LimitedError.
func (g *Guard) Authenticate(ctx context.Context, bearer, address string) (Principal, error) {
	if bearer == "" {
		return Principal{}, ErrDenied // nothing was tried, so nothing counts
	}
	if wait := g.attempts.wait(address); wait > 0 {
		return Principal{}, &LimitedError{wait}
	}
	p, err := g.check(ctx, bearer)
	switch {
	case err == nil:
		g.attempts.succeeded(address)
		return p, nil
	case errors.Is(err, ErrAway):
		g.log.WarnContext(ctx, "a login could not be decided", "error", err)
		return Principal{}, ErrAway
	}
	g.attempts.failed(address)
	g.log.WarnContext(ctx, "login refused", "event", "api.login_refused", "remote_ip", address, "reason", err.Error())
	return Principal{}, ErrDenied
}

// check tells a token from a JWT by its prefix. Errors that are not ErrAway say
// why somebody is refused, without anything of the credential.
func (g *Guard) check(ctx context.Context, bearer string) (Principal, error) {
	if strings.HasPrefix(bearer, tokenPrefix) {
		return g.token(ctx, bearer)
	}
	if g.oidc == nil {
		return Principal{}, errNoToken
	}
	return g.oidc.verify(ctx, bearer)
}

func (g *Guard) token(ctx context.Context, token string) (Principal, error) {
	id, err := tokenID(token)
	if err != nil {
		return Principal{}, err
	}
	kept, err := g.tokens.Token(ctx, id)
	if errors.Is(err, record.ErrNotFound) {
		return Principal{}, errors.New("there is no such token")
	}
	if err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrAway, err)
	}
	now := g.now()
	hash := sha256.Sum256([]byte(token))
	switch {
	case subtle.ConstantTimeCompare(hash[:], kept.Hash) != 1:
		return Principal{}, fmt.Errorf("token %s is shown with another secret", id)
	case !kept.RevokedAt.IsZero():
		return Principal{}, fmt.Errorf("token %s is revoked", id)
	case !now.Before(kept.ExpiresAt):
		return Principal{}, fmt.Errorf("token %s has expired", id)
	case !Scope(kept.Scope).Covers(Read):
		return Principal{}, fmt.Errorf("token %s has a scope that is not known", id)
	case person(kept.Owner) == "":
		return Principal{}, fmt.Errorf("token %s belongs to nobody", id)
	}
	if now.Sub(kept.LastUsedAt) >= time.Minute {
		if err := g.tokens.TokenUsed(ctx, id, now); err != nil {
			g.log.WarnContext(ctx, "the last use of a token was not noted", "token", id, "error", err)
		}
	}
	return Principal{
		Actor: audit.Actor{Person: person(kept.Owner), Via: audit.ViaAPI, Credential: id},
		Scope: Scope(kept.Scope), Expires: kept.ExpiresAt,
	}, nil
}
