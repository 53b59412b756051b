package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/api"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/silence"
)

// letting lets in one principal, whatever they show.
type letting access.Principal

func (l letting) Authenticate(context.Context, string, string) (access.Principal, error) {
	return access.Principal(l), nil
}

// A token that is made with another credential does not live on without it: not
// that of a login, which the issuer stands behind for an hour, and not that of a
// token, from which a chain without end could be made.
func TestATokenEndsWithWhatMadeIt(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, tc := range []struct {
		name  string
		login bool
		left  time.Duration // of the credential
		days  string
		want  time.Duration // 0: it is refused
	}{
		{"a login, by default", true, time.Hour, "", day},
		{"a login, a day", true, time.Hour, `,"expires_in_days":1`, day},
		{"a login, two days", true, time.Hour, `,"expires_in_days":2`, 0},
		{"a login that lasts long", true, 300 * day, "", day},
		{"a token, by default", false, 365 * day, "", 90 * day},
		{"a token, a year", false, 365 * day, `,"expires_in_days":365`, 365 * day},
		{"a token that ends soon, by default", false, 10 * time.Hour, "", 10 * time.Hour},
		{"a token that ends soon, a day", false, 10 * time.Hour, `,"expires_in_days":1`, 0},
		{"a token that ends sooner, in days", false, 20 * day, `,"expires_in_days":30`, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			who := letting{
				Actor: audit.Actor{Person: "ana@example.com", Via: audit.ViaAPI, Credential: "c"}, Scope: access.Admin,
				Expires: b.clock.Now().Add(tc.left), Login: tc.login,
			}
			var err error
			b.server, err = api.New(api.Options{}, api.Deps{
				Guard: who, Record: b.store, Operator: b.operator, Intake: b.intake, Sources: b.sources, Approvals: b.approvals,
				Silences: &silence.Book{Store: b.store}, Replayer: b.replayer, Sealer: b.sealer, Log: quiet, Now: b.clock.Now,
			})
			require.NoError(t, err)
			r := b.post("/tokens", `{"name":"laptop","scope":"read"`+tc.days+`}`)
			if tc.want == 0 {
				assert.Equal(t, "body.expires_in_days", r.problem(http.StatusBadRequest, "API_INVALID").ValidationErrors[0].Field)
				return
			}
			require.Equal(t, http.StatusCreated, r.Code, r.Body.String())
			var made api.Token
			r.json(&made)
			assert.Equal(t, tc.want, made.ExpiresAt.Sub(made.CreatedAt))
		})
	}
}
