package api

import (
	"context"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/record"
)

const tagTokens = "tokens"

// Token is an API token, without the token itself.
type Token struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Owner      string    `json:"owner" doc:"Who acts with it"`
	Scope      string    `json:"scope" enum:"read,respond,admin"`
	CreatedAt  time.Time `json:"created_at"`
	CreatedBy  string    `json:"created_by"`
	ExpiresAt  time.Time `json:"expires_at"`
	LastUsedAt time.Time `json:"last_used_at,omitzero" doc:"To the minute"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	RevokedBy  string    `json:"revoked_by,omitempty"`
}

func viewToken(t record.Token) Token {
	return Token{
		ID: t.ID, Name: t.Name, Owner: t.Owner, Scope: t.Scope, CreatedAt: t.CreatedAt, CreatedBy: t.CreatedBy,
		ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt, RevokedAt: t.RevokedAt, RevokedBy: t.RevokedBy,
	}
}

type tokensOutput struct{ Body page[Token] }

type newTokenInput struct {
	Body struct {
		Name      string `json:"name" minLength:"1" maxLength:"80" doc:"What it is for"`
		Scope     string `json:"scope" enum:"read,respond,admin"`
		ExpiresIn int    `json:"expires_in_days,omitempty" minimum:"1" maximum:"365" doc:"90 days by default, or as long as may be"`
	}
}

// newToken is a token, shown once.
type newToken struct {
	Token
	Secret string `json:"token" doc:"The token itself, which is shown this once"`
}

type newTokenOutput struct {
	Location string `header:"Location"`
	Body     newToken
}

type tokenOutput struct{ Body Token }

func (s *Server) tokens() {
	add(s, operation{
		method: http.MethodGet, path: "/tokens", id: "listTokens", tag: tagTokens, scope: access.Admin,
		summary: "List API tokens, the newest 1,000",
	}, func(ctx context.Context, _ *struct{}) (*tokensOutput, error) {
		found, err := s.deps.Record.Tokens(ctx)
		out := &tokensOutput{Body: page[Token]{Items: make([]Token, len(found))}}
		for i := range found {
			out.Body.Items[i] = viewToken(found[i])
		}
		return out, err
	})
	add(s, operation{
		method: http.MethodPost, path: "/tokens", id: "createToken", tag: tagTokens, scope: access.Admin,
		summary: "Make an API token of your own", status: http.StatusCreated, repeat: once,
		more: "Its owner is whoever asks: nobody can make a token that acts as somebody else. Made by a login it lives a day at most, and made by a token it ends with that. nerve tokens create makes one for a program.",
	}, s.createToken)
	add(s, operation{
		method: http.MethodDelete, path: "/tokens/{id}", id: "revokeToken", tag: tagTokens, scope: access.Admin,
		summary: "Revoke an API token, for good and at once", errors: []int{http.StatusNotFound},
	}, func(ctx context.Context, in *Named) (*tokenOutput, error) {
		t, err := s.deps.Record.RevokeToken(ctx, actor(ctx), in.ID, s.deps.Now())
		if isNotFound(err) {
			return nil, notFound("There is no such token.")
		}
		return &tokenOutput{viewToken(t)}, err
	})
}

func (s *Server) createToken(ctx context.Context, in *newTokenInput) (*newTokenOutput, error) {
	by, now := actor(ctx), s.deps.Now()
	lifetime, p := lifetime(principal(ctx).Lends(now), in.Body.ExpiresIn)
	if p != nil {
		return nil, p
	}
	secret, kept, err := access.Create(ctx, s.deps.Record, by, access.Wanted{
		Name: in.Body.Name, Owner: by.Person, Scope: access.Scope(in.Body.Scope), Lifetime: lifetime,
	}, now)
	if err != nil {
		return nil, err
	}
	return &newTokenOutput{Location: Prefix + "/tokens", Body: newToken{viewToken(kept), secret}}, nil
}

// lifetime is how long a token lives that was asked for in days, or the default
// where none were, of a credential that lends no more than most.
func lifetime(most time.Duration, days int) (time.Duration, *Problem) {
	wanted := time.Duration(days) * 24 * time.Hour
	switch {
	case days == 0:
		return min(access.DefaultLifetime, most), nil
	case wanted > most:
		return 0, invalidField("body.expires_in_days", "is more than this credential may give: made by a login a token lives a day at most, and made by a token it ends with that. Leave it out to get the most")
	}
	return wanted, nil
}

const tagAudit = "audit"

type auditInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Before int64  `query:"before" minimum:"1" doc:"Only entries before this sequence number"`
	Target string `query:"target" maxLength:"200" doc:"Only entries about this"`
}

type auditOutput struct {
	Body struct {
		Items []audit.Entry `json:"items" nullable:"false"`
	}
}

func (s *Server) audit() {
	add(s, operation{
		method: http.MethodGet, path: "/audit", id: "listAudit", tag: tagAudit, scope: access.Admin,
		summary: "List the audit log, the newest entry first",
		more:    "Each entry carries the hash of the one before; nerve audit verify checks them.",
	}, func(ctx context.Context, in *auditInput) (*auditOutput, error) {
		found, err := s.deps.Record.AuditLog(ctx, record.AuditFilter{Target: in.Target, Before: in.Before, Limit: in.Limit})
		out := &auditOutput{}
		out.Body.Items = append(make([]audit.Entry, 0, len(found)), found...)
		return out, err
	})
}

// Me is who the caller is to nerve.
type Me struct {
	Person     string    `json:"person"`
	Scope      string    `json:"scope" enum:"read,respond,admin"`
	Credential string    `json:"credential" doc:"The id of the token, or the issuer of the login"`
	ExpiresAt  time.Time `json:"expires_at"`
}

type meOutput struct{ Body Me }

func (s *Server) whoami() {
	add(s, operation{
		method: http.MethodGet, path: "/me", id: "showMe", tag: "login", scope: access.Read,
		summary: "Say who the credential is, and what it may do",
	}, func(ctx context.Context, _ *struct{}) (*meOutput, error) {
		p := principal(ctx)
		return &meOutput{Me{Person: p.Actor.Person, Scope: string(p.Scope), Credential: p.Actor.Credential, ExpiresAt: p.Expires}}, nil
	})
}
