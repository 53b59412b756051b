package api_test

import (
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/api"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/silence"
)

var quiet = slog.New(slog.DiscardHandler)

var update = flag.Bool("update", false, "rewrite docs/openapi.json")

const document = "../../docs/openapi.json"

// TestOpenAPI compares the document that is checked in with the one that is
// served. After an operation has changed, rewrite it and read the difference:
//
//	go test ./internal/api -run OpenAPI -update
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.as("", http.MethodGet, "/openapi.json", "")
	require.Equal(t, http.StatusOK, r.Code, "it is no secret")
	var served any
	r.json(&served)
	want, err := json.MarshalIndent(served, "", "  ")
	require.NoError(t, err)
	want = append(want, '\n')
	if *update {
		require.NoError(t, os.WriteFile(document, want, 0o600))
	}
	got, err := os.ReadFile(document)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run: go test ./internal/api -run OpenAPI -update")
	assert.Contains(t, string(got), `"openapi": "3.1`)
	assert.Equal(t, http.StatusOK, b.as("", http.MethodGet, "/openapi.yaml", "").Code)
	for _, page := range []string{"/docs", "/schemas/Incident.json", ""} {
		b.as("", http.MethodGet, page, "").problem(http.StatusNotFound, "API_NOT_FOUND")
	}
}

// operations are all of them, with something in place of what a path names.
func operations(b *bench) (list []*huma.Operation) {
	for _, item := range b.server.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete, item.Head, item.Options, item.Trace} {
			if op != nil {
				list = append(list, op)
			}
		}
	}
	return list
}

func pathOf(op *huma.Operation) string {
	return strings.NewReplacer("{id}", "x", "{name}", "x", "{secret}", "x").Replace(op.Path)
}

func TestEveryOperationAsksForItsScope(t *testing.T) {
	t.Parallel()
	b := setup(t)
	expired := b.token(access.Admin, time.Minute)
	revoked := b.token(access.Admin, time.Hour)
	_, err := b.store.RevokeToken(t.Context(), audit.Actor{Person: "root", Via: audit.ViaCLI}, strings.Split(revoked, "_")[1], b.clock.Now())
	require.NoError(t, err)
	b.clock.Advance(2 * time.Minute)
	all := operations(b)
	require.Greater(t, len(all), 30)
	for _, op := range all {
		name := op.Method + " " + op.Path
		require.Len(t, op.Security, 1, name)
		require.Len(t, op.Security[0]["bearer"], 1, name)
		need := access.Scope(op.Security[0]["bearer"][0])
		require.True(t, need.Covers(access.Read), name)
		path := pathOf(op)
		for why, token := range map[string]string{"none": "", "another": "nrv_x", "expired": expired, "revoked": revoked} {
			r := b.as(token, op.Method, path, "")
			require.Equal(t, http.StatusUnauthorized, r.Code, name+": "+why)
			assert.Equal(t, `Bearer realm="nerve"`, r.Header().Get("WWW-Authenticate"))
			r.problem(http.StatusUnauthorized, "API_UNAUTHENTICATED")
		}
		for _, have := range access.Scopes {
			r := b.as(b.tokens[have], op.Method, path, "")
			if have.Covers(need) {
				assert.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, r.Code, name)
				continue
			}
			r.problem(http.StatusForbidden, "API_FORBIDDEN")
		}
	}
	for what, need := range map[string]access.Scope{
		"GET /incidents": access.Read, "POST /incidents/{id}/resolve": access.Respond, "GET /deliveries/{id}/raw": access.Respond,
		"POST /alerts": access.Respond, "POST /sources": access.Admin, "DELETE /sources/{name}": access.Admin,
		"POST /approvals/{id}/grant": access.Admin, "GET /audit": access.Admin, "POST /tokens": access.Admin,
		"GET /silences": access.Read, "POST /silences": access.Respond, "POST /silences/{id}/end": access.Respond,
	} {
		found := false
		for _, op := range all {
			if op.Method+" "+op.Path == what {
				found = true
				assert.Equal(t, string(need), op.Security[0]["bearer"][0], what)
			}
		}
		assert.True(t, found, what)
	}
	assert.Empty(t, b.operator.calls, "nobody got as far as Temporal: there is no incident x")
}

func TestTooManyWrongCredentials(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.address = "192.0.2.1:1"
	var last answer
	for range 12 {
		last = b.as("nrv_wrong", http.MethodGet, "/me", "")
	}
	last.problem(http.StatusTooManyRequests, "API_RATE_LIMITED")
	assert.Equal(t, "1", last.Header().Get("Retry-After"))
}

func TestAnswersAreProblems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get("/nothing").problem(http.StatusNotFound, "API_NOT_FOUND")
	b.as(b.tokens[access.Admin], http.MethodPut, "/incidents", "").problem(http.StatusMethodNotAllowed, "API_METHOD_NOT_ALLOWED")
	b.get("/incidents/x").problem(http.StatusNotFound, "API_NOT_FOUND")
	b.get("/incidents?cursor=x").problem(http.StatusBadRequest, "API_INVALID")
	p := b.get("/incidents?status=broken&limit=0&unknown=1").problem(http.StatusBadRequest, "API_INVALID")
	require.Len(t, p.ValidationErrors, 1, "an unknown parameter is told alone")
	assert.Equal(t, "query.unknown", p.ValidationErrors[0].Field)
	p = b.get("/incidents?status=broken&limit=0").problem(http.StatusBadRequest, "API_INVALID")
	require.Len(t, p.ValidationErrors, 2)
	for _, f := range p.ValidationErrors {
		assert.NotEmpty(t, f.Message)
		assert.Contains(t, []string{"broken", "0"}, f.Received)
	}
	p = b.post("/alerts", `{"title":"x"}`).problem(http.StatusBadRequest, "API_INVALID")
	require.Len(t, p.ValidationErrors, 1)
	assert.Equal(t, "required", p.ValidationErrors[0].Code)
	b.post("/alerts", `{"title":`).problem(http.StatusBadRequest, "API_INVALID")
	b.post("/alerts", `x`, "Content-Type", "text/plain").problem(http.StatusUnsupportedMediaType, "API_MEDIA_TYPE")
	b.post("/alerts", `{"title":"`+strings.Repeat("x", 70<<10)+`"}`).problem(http.StatusRequestEntityTooLarge, "API_TOO_LARGE")
	b.post("/alerts", "").problem(http.StatusBadRequest, "API_INVALID")
}

// What was sent as a secret is never said again, however wrong it was.
func TestSecretsAreNotSaidAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret := strings.Repeat("s3cr3t", 2000)
	for _, body := range []string{
		`{"secret":"` + secret + `"}`, `{"secret":["s3cr3t"]}`, `{"secret":12345,"reason":"s3cr3t"`, `{"secre":"s3cr3t"}`,
	} {
		r := b.post("/sources/x/secrets", body)
		r.problem(http.StatusBadRequest, "API_INVALID")
		assert.NotContains(t, r.Body.String(), "s3cr3t", body)
		assert.NotContains(t, r.Body.String(), "12345", body)
	}
}

func TestAPanicIsAnsweredWithoutItsCause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.intake.panics = "the value may quote a request"
	r := b.post("/alerts", `{"title":"x","severity":"low"}`)
	r.problem(http.StatusInternalServerError, "API_INTERNAL")
	assert.NotContains(t, r.Body.String(), "quote")
	assert.NotContains(t, r.Body.String(), ".go")
}

func TestWithoutTheRecordNobodyIsLetIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	broken, err := record.Open(t.Context(), "sqlite://"+t.TempDir()+"/x.db", quiet)
	require.NoError(t, err)
	require.NoError(t, broken.Close())
	guard, err := access.NewGuard(access.Options{Tokens: broken, Log: quiet, Now: b.clock.Now})
	require.NoError(t, err)
	b.server, err = api.New(api.Options{}, api.Deps{
		Guard: guard, Record: broken, Operator: b.operator, Intake: b.intake, Sources: b.sources, Approvals: b.approvals, Silences: &silence.Book{Store: broken},
		Replayer: b.replayer, Sealer: b.sealer, Log: quiet,
	})
	require.NoError(t, err)
	r := b.get("/incidents")
	r.problem(http.StatusServiceUnavailable, "API_UNAVAILABLE")
	assert.Equal(t, "10", r.Header().Get("Retry-After"))
	_, err = api.New(api.Options{}, api.Deps{})
	require.Error(t, err)
}
