package api_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/record"
)

const key = "Idempotency-Key"

func TestAWriteUnderAKeyIsDoneOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.incident("i1", nil)
	first := b.post("/incidents/i1/acknowledge", `{"reason":"on it"}`, key, "k1")
	require.Equal(t, http.StatusOK, first.Code)
	assert.Empty(t, first.Header().Get("Idempotency-Replayed"))
	again := b.post("/incidents/i1/acknowledge", `{"reason":"on it"}`, key, "k1")
	assert.Equal(t, http.StatusOK, again.Code)
	assert.Equal(t, "true", again.Header().Get("Idempotency-Replayed"))
	assert.Equal(t, first.Body.String(), again.Body.String())
	assert.Equal(t, first.Header().Get("Content-Type"), again.Header().Get("Content-Type"))
	assert.Len(t, b.operator.calls, 1)

	for what, r := range map[string]answer{
		"another body":      b.post("/incidents/i1/acknowledge", `{"reason":"no"}`, key, "k1"),
		"another operation": b.post("/incidents/i1/resolve", `{"reason":"on it"}`, key, "k1"),
		"another version":   b.post("/incidents/i1/acknowledge", `{"reason":"on it"}`, key, "k1", "If-Match", `"7"`),
	} {
		p := r.problem(http.StatusUnprocessableEntity, "API_IDEMPOTENCY_KEY_REUSED")
		assert.NotEmpty(t, p.Detail, what)
	}
	b.post("/incidents/i1/acknowledge", "", key, "with space").problem(http.StatusBadRequest, "API_INVALID")
	b.post("/incidents/i1/acknowledge", "", key, strings.Repeat("k", 256)).problem(http.StatusBadRequest, "API_INVALID")
	assert.Len(t, b.operator.calls, 1)

	other, _, err := access.Create(t.Context(), b.store, audit.Actor{Person: "root", Via: audit.ViaCLI},
		access.Wanted{Name: "n", Owner: "bo@example.com", Scope: access.Respond}, b.clock.Now())
	require.NoError(t, err)
	r := b.as(other, http.MethodPost, "/incidents/i1/acknowledge", `{}`, key, "k1")
	assert.Equal(t, http.StatusOK, r.Code, "a key is its owner's alone")
	assert.Len(t, b.operator.calls, 2)
	require.Equal(t, http.StatusOK, b.get("/me").Code)
	r = b.as(other, http.MethodGet, "/incidents/i1", "", key, "k1")
	assert.Equal(t, http.StatusOK, r.Code, "reading needs no key, and minds none")
}

func TestAKeyIsForgottenAfterADay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.tokens[access.Admin] = b.token(access.Admin, 72*time.Hour)
	b.incident("i1", nil)
	for _, wait := range []time.Duration{0, 23 * time.Hour, 2 * time.Hour} {
		b.clock.Advance(wait)
		require.Equal(t, http.StatusOK, b.post("/incidents/i1/acknowledge", "", key, "k1").Code)
	}
	assert.Len(t, b.operator.calls, 2)
}

func TestWhatFailedMayBeTriedAgainUnderItsKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.incident("i1", nil)
	b.operator.err = map[string]error{"i1": fmt.Errorf("%w", operator.ErrNoWorker)}
	b.post("/incidents/i1/resolve", "", key, "k1").problem(http.StatusServiceUnavailable, "API_UNAVAILABLE")
	b.post("/alerts", `{"title":1}`, key, "k2").problem(http.StatusBadRequest, "API_INVALID")
	b.operator.err = nil
	require.Equal(t, http.StatusOK, b.post("/incidents/i1/resolve", "", key, "k1").Code)
	b.intake.reply.Status = http.StatusOK
	require.Equal(t, http.StatusOK, b.post("/alerts", `{"title":"corrected","severity":"low"}`, key, "k2").Code)
}

// While the first request has no answer a second one waits; when the process
// that had the first is gone, the second takes over.
func TestARequestInFlightHoldsItsKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.incident("i1", nil)
	require.Equal(t, http.StatusOK, b.post("/incidents/i1/acknowledge", "", key, "k1").Code)
	db, err := sql.Open("sqlite", b.file)
	require.NoError(t, err)
	defer func() { assert.NoError(t, db.Close()) }()
	_, err = db.ExecContext(t.Context(), "UPDATE idempotency_keys SET answer = NULL, locked_until = '2026-03-04 05:07:00+00:00'")
	require.NoError(t, err)
	r := b.post("/incidents/i1/acknowledge", "", key, "k1")
	r.problem(http.StatusConflict, "API_REQUEST_IN_FLIGHT")
	assert.Equal(t, "1", r.Header().Get("Retry-After"))
	b.post("/incidents/i1/acknowledge", `{"reason":"x"}`, key, "k1").problem(http.StatusUnprocessableEntity, "API_IDEMPOTENCY_KEY_REUSED")
	b.clock.Advance(time.Minute)
	require.Equal(t, http.StatusOK, b.post("/incidents/i1/acknowledge", "", key, "k1").Code)
	assert.Len(t, b.operator.calls, 2)
	assert.Equal(t, "true", b.post("/incidents/i1/acknowledge", "", key, "k1").Header().Get("Idempotency-Replayed"))
}

// The answer that made a token is not kept: what is shown once is shown once.
func TestATokenIsShownOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := `{"name":"ci","scope":"read"}`
	first := b.post("/tokens", body, key, "k1")
	require.Equal(t, http.StatusCreated, first.Code, first.Body.String())
	var made struct{ ID, Token, Owner string }
	first.json(&made)
	assert.Equal(t, "ana@example.com", made.Owner, "nobody makes a token for somebody else")
	require.Equal(t, http.StatusOK, b.as(made.Token, http.MethodGet, "/me", "").Code)
	again := b.post("/tokens", body, key, "k1")
	again.problem(http.StatusConflict, "API_CONFLICT")
	assert.NotContains(t, again.Body.String(), made.Token)
	assert.NotContains(t, b.get("/tokens").Body.String(), made.Token)

	r := b.as(b.tokens[access.Admin], http.MethodDelete, "/tokens/"+made.ID, "")
	require.Equal(t, http.StatusOK, r.Code)
	b.as(made.Token, http.MethodGet, "/me", "").problem(http.StatusUnauthorized, "API_UNAUTHENTICATED")
	b.as(b.tokens[access.Admin], http.MethodDelete, "/tokens/nope", "").problem(http.StatusNotFound, "API_NOT_FOUND")
	log := b.audit()
	assert.Equal(t, []string{record.ActionTokenRevoke, record.ActionTokenCreate}, []string{log[0].Action, log[1].Action})
	for _, e := range log {
		assert.NotContains(t, fmt.Sprint(e), made.Token[21:])
	}
	for _, wrong := range []string{
		`{"name":"","scope":"read"}`, `{"name":"x","scope":"root"}`, `{"name":"x","scope":"read","expires_in_days":366}`, `{"name":"x","scope":"read","owner":"bo"}`,
	} {
		b.post("/tokens", wrong).problem(http.StatusBadRequest, "API_INVALID")
	}
	var l struct{ Items []audit.Entry }
	b.get("/audit?limit=1").json(&l)
	assert.Equal(t, log[:1], l.Items)
}
