package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/audit"
)

type principalKey struct{}

// login lets in who may use an operation. It runs before anything is read.
func (s *Server) login(ctx huma.Context, next func(huma.Context)) {
	need := required(ctx.Operation())
	who, err := s.deps.Guard.Authenticate(ctx.Context(), credential(ctx.Header("Authorization")), humagin.Unwrap(ctx).ClientIP())
	if err != nil {
		s.refuse(ctx, refusal(err))
		return
	}
	if !who.Scope.Covers(need) {
		s.refuse(ctx, fail(http.StatusForbidden, codeScope,
			"This needs the scope "+string(need)+", and the credential has "+string(who.Scope)+"."))
		return
	}
	next(huma.WithValue(ctx, principalKey{}, who))
}

// required is the scope that an operation names. One that names none needs a
// scope that nobody has.
func required(op *huma.Operation) access.Scope {
	if len(op.Security) == 1 && len(op.Security[0][bearer]) == 1 {
		return access.Scope(op.Security[0][bearer][0])
	}
	return ""
}

// credential is what comes after "Bearer", or "".
func credential(header string) string {
	scheme, value, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(value)
}

func refusal(err error) *Problem {
	if limited, ok := errors.AsType[*access.LimitedError](err); ok {
		p := fail(http.StatusTooManyRequests, codeLimited, "Too many wrong credentials came from this address.")
		p.after = limited.After
		return p
	}
	if errors.Is(err, access.ErrAway) {
		return away("Who this is cannot be found out now. Try again later.")
	}
	return fail(http.StatusUnauthorized, codeLogin, "A valid API token or JWT is needed: Authorization: Bearer …")
}

// principal is who was let in.
func principal(ctx context.Context) access.Principal {
	p, _ := ctx.Value(principalKey{}).(access.Principal)
	return p
}

// actor is who acts. Without a login it is nobody, whom the audit log refuses.
func actor(ctx context.Context) audit.Actor { return principal(ctx).Actor }
