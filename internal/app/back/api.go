package back

import (
	"context"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/api"
	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/explain"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/replay"
	"github.com/nerve-alerts/nerve/internal/silence"
)

// api is the operators' API.
func (w *Worker) api() (http.Handler, error) {
	c := w.core
	guard, err := newGuard(c.Config.OIDC, w)
	if err != nil {
		return nil, err
	}
	inner, err := app.NewInner(c, api.SourceName, api.Own{})
	if err != nil {
		return nil, err
	}
	w.inner = inner
	server, err := api.New(api.Options{TrustedProxies: c.Config.TrustedProxies}, api.Deps{
		Guard: guard, Record: w.store, Intake: inner, Sources: w.registry,
		Replayer: &replay.Replayer{Record: w.store, Opener: c.Sealer, Front: inner}, WorkflowURL: explain.WorkflowURLs(c.Config.Temporal.UIURL, c.Config.Temporal.Namespace),
		Approvals: c.Approvals(), Silences: &silence.Book{Store: w.store, Announcer: c.SilenceCarrier()}, Sealer: c.Sealer, Log: c.Log,
		Operator: operator.New(c.Client, c.Converter, c.Config.Temporal.Namespace),
	})
	if err != nil {
		return nil, err
	}
	return server.Handler(), nil
}

func newGuard(c config.OIDC, w *Worker) (*access.Guard, error) {
	o := access.Options{Tokens: w.store, Log: w.core.Log}
	if c.Issuer != "" {
		login, err := access.NewOIDC(access.OIDCOptions{
			Issuer: c.Issuer, ClientID: c.ClientID, GroupsClaim: c.GroupsClaim,
			Grants: map[access.Scope][]string{access.Read: c.Read, access.Respond: c.Respond, access.Admin: c.Admin},
		})
		if err != nil {
			return nil, err
		}
		o.OIDC = login
	}
	return access.NewGuard(o)
}

// DevToken returns a token for all of the API to the person who runs nerve dev:
// the one they had, while it works, or a new one.
func (w *Worker) DevToken(ctx context.Context, had, owner string) (string, error) {
	guard, err := access.NewGuard(access.Options{Tokens: w.store, Log: w.core.Log})
	if err != nil {
		return "", err
	}
	if p, err := guard.Authenticate(ctx, had, ""); err == nil && p.Scope == access.Admin && time.Until(p.Expires) > 24*time.Hour {
		return had, nil
	}
	by := audit.Actor{Person: owner, Via: audit.ViaSystem}
	token, _, err := access.Create(ctx, w.store, by, access.Wanted{Name: "nerve dev", Owner: owner, Scope: access.Admin}, time.Now())
	return token, err
}

var _ api.Record = (*record.Store)(nil)
