package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/nerve-alerts/nerve/internal/audit"
)

const (
	// skew is how far the issuer's clock may be ahead of or behind this one.
	skew = time.Minute
	// askAgain is how long an issuer that did not answer is left alone.
	askAgain = 5 * time.Second
	// issuerPatience bounds one question to the issuer.
	issuerPatience = 5 * time.Second
	// maxJWT bounds what is parsed: the largest header most servers take.
	maxJWT = 16 << 10
)

// OIDCOptions say whose logins are taken, and what they are worth.
type OIDCOptions struct {
	Issuer   string // https://…, exactly as the issuer calls itself
	ClientID string // the audience that a token must be for
	// GroupsClaim is the claim that lists a person's groups; "groups" by default.
	GroupsClaim string
	// Grants says who gets a scope: an address (ana@example.com), a domain
	// (@example.com) or a group (group:on-call). The largest one counts.
	Grants map[Scope][]string
	Client *http.Client     // http.DefaultClient by default
	Now    func() time.Time // time.Now by default
}

// OIDC checks the JWTs of one OpenID Connect issuer. It asks the issuer for its
// keys when the first JWT comes, so that a program starts while the issuer is
// away; then logins fail with ErrAway, and API tokens work.
type OIDC struct {
	o      OIDCOptions
	client *http.Client

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier
	failed   time.Time
	failure  error
}

// NewOIDC checks the options and asks nobody.
func NewOIDC(o OIDCOptions) (*OIDC, error) {
	if o.Issuer == "" || o.ClientID == "" {
		return nil, errors.New("access: OIDC needs an issuer and a client id")
	}
	rules := 0
	for scope, who := range o.Grants {
		if !scope.Covers(Read) {
			return nil, fmt.Errorf("access: %q is no scope", scope)
		}
		for _, rule := range who {
			if err := CheckRule(rule); err != nil {
				return nil, err
			}
			rules++
		}
	}
	if rules == 0 {
		return nil, errors.New("access: OIDC needs somebody who may log in: an address, a domain or a group for at least one scope")
	}
	if o.GroupsClaim == "" {
		o.GroupsClaim = "groups"
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	client := *o.Client
	client.Timeout = issuerPatience
	client.Transport = newIssuerTransport(o.Client.Transport, o.Now)
	return &OIDC{o: o, client: &client}, nil
}

// groupRule marks a rule about a group.
const groupRule = "group:"

// CheckRule says what is wrong with a rule of OIDCOptions.Grants.
func CheckRule(rule string) error {
	if group, ok := strings.CutPrefix(rule, groupRule); ok && group != "" {
		return nil
	}
	_, domain, found := strings.Cut(rule, "@")
	if !found || domain == "" || strings.ContainsAny(domain, "@* ") {
		return fmt.Errorf("access: %q is no rule: write an address (ana@example.com), a domain (@example.com) or a group (group:on-call)", rule)
	}
	return nil
}

// verify says who a JWT is about and what they may do.
func (o *OIDC) verify(ctx context.Context, raw string) (Principal, error) {
	if len(raw) > maxJWT || strings.Count(raw, ".") != 2 {
		return Principal{}, errors.New("neither a token nor a JWT")
	}
	verifier, err := o.ready(ctx)
	if err != nil {
		return Principal{}, err
	}
	var away error
	token, err := verifier.Verify(context.WithValue(ctx, awayKey{}, &away), raw)
	switch {
	case away != nil:
		return Principal{}, fmt.Errorf("%w: the issuer's keys: %w", ErrAway, away)
	case err != nil:
		return Principal{}, errors.New("the JWT does not verify: " + bland(err))
	}
	return o.person(token)
}

// bland keeps what a verifier says of a JWT and drops what it quotes of it.
func bland(err error) string {
	if _, expired := errors.AsType[*oidc.TokenExpiredError](err); expired {
		return "it has expired"
	}
	text, _, _ := strings.Cut(err.Error(), " got ")
	text, _, _ = strings.Cut(text, ": illegal")
	return text
}

// ready discovers the issuer once. An issuer that did not answer is not asked
// again within askAgain.
func (o *OIDC) ready(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.verifier != nil {
		return o.verifier, nil
	}
	if o.failure != nil && o.o.Now().Sub(o.failed) < askAgain {
		return nil, o.failure
	}
	// The keys are fetched for as long as the verifier lives, not for one request.
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), o.client)
	var found struct {
		Keys       string   `json:"jwks_uri"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	provider, err := oidc.NewProvider(ctx, o.o.Issuer)
	if err == nil {
		err = provider.Claims(&found)
	}
	if err != nil {
		o.failed, o.failure = o.o.Now(), fmt.Errorf("%w: the issuer: %w", ErrAway, err)
		return nil, o.failure
	}
	o.verifier = oidc.NewVerifier(o.o.Issuer, keys{oidc.NewRemoteKeySet(ctx, found.Keys)}, &oidc.Config{
		ClientID: o.o.ClientID, SupportedSigningAlgs: algorithms(found.Algorithms),
		Now: func() time.Time { return o.o.Now().Add(-skew) },
	})
	return o.verifier, nil
}

// algorithms are those of an issuer's that need a private key to sign with.
func algorithms(offered []string) []string {
	good := []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
	}
	kept := slices.DeleteFunc(slices.Clone(offered), func(a string) bool { return !slices.Contains(good, a) })
	if len(kept) == 0 {
		return []string{oidc.RS256}
	}
	return kept
}

// claims are what nerve reads of a JWT that was verified.
type claims struct {
	Email    string `json:"email"`
	Verified any    `json:"email_verified"` // some issuers write "true"
	Events   any    `json:"events"`         // a logout token, which is no login
}

func (o *OIDC) person(token *oidc.IDToken) (Principal, error) {
	var c claims
	all := map[string]any{}
	if err := errors.Join(token.Claims(&c), token.Claims(&all)); err != nil {
		return Principal{}, errors.New("the JWT's claims cannot be read")
	}
	switch {
	case token.Subject == "":
		return Principal{}, errors.New("the JWT names nobody")
	case c.Events != nil:
		return Principal{}, errors.New("the JWT is an event, not a login")
	case token.IssuedAt.After(o.o.Now().Add(skew)):
		return Principal{}, errors.New("the JWT is from the future")
	case c.Email != "" && c.Verified != true && c.Verified != "true":
		return Principal{}, errors.New("the e-mail address is not verified by the issuer")
	}
	// Marked, so that nobody can choose a subject that reads like another's address.
	who, email := audit.Subject+person(token.Subject), person(c.Email)
	if email != "" {
		who = email
	}
	scope := o.scope(email, groups(all[o.o.GroupsClaim]))
	if scope == "" {
		return Principal{}, errors.New("no rule gives " + who + " a scope")
	}
	return Principal{
		Actor: audit.Actor{Person: who, Via: audit.ViaAPI, Credential: o.o.Issuer}, Scope: scope, Expires: token.Expiry, Login: true,
	}, nil
}

func groups(claim any) []string {
	switch v := claim.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, g := range v {
			if name, ok := g.(string); ok {
				list = append(list, name)
			}
		}
		return list
	}
	return nil
}

// scope is the largest that a rule gives.
func (o *OIDC) scope(email string, groups []string) Scope {
	_, domain, _ := strings.Cut(email, "@")
	var best Scope
	for _, scope := range Scopes {
		for _, rule := range o.o.Grants[scope] {
			if group, ok := strings.CutPrefix(rule, groupRule); ok {
				for _, g := range groups {
					if g == group {
						best = scope
					}
				}
				continue
			}
			rule = person(rule)
			if email != "" && (rule == email || domain != "" && rule == "@"+domain) {
				best = scope
			}
		}
	}
	return best
}
