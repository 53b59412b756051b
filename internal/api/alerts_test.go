package api_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/api"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/providers"
)

func TestAnAlertIsRaised(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.intake.reply = ingest.Reply{DeliveryID: "d1", Outcome: contract.OutcomeAccepted, Status: http.StatusOK, IncidentID: "i1", WorkflowID: "w1"}
	body := `{"title":"Export failed","severity":"high","description":"exit 3","deduplication_key":"export","tags":{"job":"export"},` +
		`"links":[{"title":"log","url":"https://ci.example.com/1"}],"timestamp":"2026-03-04T05:00:00Z"}`
	r := b.as(b.tokens[access.Respond], http.MethodPost, "/alerts", body, key, "k1")
	require.Equal(t, http.StatusCreated, r.Code, r.Body.String())
	assert.Equal(t, "/api/v1/incidents/i1", r.Header().Get("Location"))
	assert.JSONEq(t, `{"outcome":"accepted","delivery_id":"d1","incident_id":"i1","workflow_id":"w1"}`, r.Body.String())
	got := b.intake.got[0]
	assert.Equal(t, api.SourceName, got.Source)
	assert.Equal(t, body, string(got.Body))
	assert.Equal(t, "application/json", got.ContentType)
	assert.Equal(t, providers.AssuranceToken, got.Proof.Assurance)
	assert.Equal(t, b.tokens[access.Respond][4:20], got.Proof.SecretID)
	assert.Equal(t, map[string]string{"Idempotency-Key": "k1", "X-Nerve-Actor": "ana@example.com"}, got.Headers)
	assert.Equal(t, "ana@example.com/k1", got.Batch.EventID, "another's k1 is another delivery")
	require.Len(t, got.Batch.Signals, 1)
	s := got.Batch.Signals[0]
	assert.Equal(t, incident.Signal{
		Kind: incident.KindAlert, Severity: incident.SeverityHigh, Status: incident.StatusFiring, EventType: "alert.firing",
		Timestamp: time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC), Title: "Export failed", Description: "exit 3",
		Tags: map[string]string{"job": "export"}, Links: []incident.Link{{Title: "log", URL: "https://ci.example.com/1"}},
		Key: incident.Key{Kind: incident.KeyAlert, Value: "key:export"},
	}, s)

	b.intake.reply.Outcome = contract.OutcomeDuplicate
	r = b.as(b.tokens[access.Respond], http.MethodPost, "/alerts", body, key, "k1")
	assert.Equal(t, http.StatusOK, r.Code, "the pipeline itself knows it again, and logs the attempt")
	assert.Len(t, b.intake.got, 2)
	b.as(b.tokens[access.Respond], http.MethodPost, "/alerts", `{"title":"Another","severity":"high"}`, key, "k1").
		problem(http.StatusUnprocessableEntity, "API_IDEMPOTENCY_KEY_REUSED")
	assert.Len(t, b.intake.got, 2)
}

func TestAnAlertIsNamedByItsHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.intake.reply = ingest.Reply{Outcome: contract.OutcomeDebounced, Status: http.StatusOK}
	for _, tc := range []struct {
		headers []string
		event   string
	}{
		{nil, ""},
		{[]string{"X-Request-Id", "r1"}, "ana@example.com/r1"},
		{[]string{"X-Request-Id", "r1", "X-Delivery-Id", "d1"}, "ana@example.com/d1"},
		{[]string{"X-Request-Id", "r1", "X-Delivery-Id", "d1", key, "k1"}, "ana@example.com/k1"},
	} {
		r := b.post("/alerts", `{"title":"Export failed","severity":"high","status":"resolved"}`, tc.headers...)
		require.Equal(t, http.StatusOK, r.Code, r.Body.String())
		got := b.intake.got[len(b.intake.got)-1]
		assert.Equal(t, tc.event, got.Batch.EventID)
		assert.Equal(t, incident.StatusResolved, got.Batch.Signals[0].Status)
		assert.Equal(t, "title:Export failed", got.Batch.Signals[0].Key.Value)
	}
}

func TestAnAlertThatIsNotTakenIsNotAnsweredWell(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct {
		reply  ingest.Reply
		err    error
		status int
		code   string
		after  string
	}{
		{ingest.Reply{Status: 429, Outcome: contract.OutcomeLimited, RetryAfter: 90 * time.Second}, nil, 429, "API_RATE_LIMITED", "90"},
		{ingest.Reply{Status: 503, Outcome: contract.OutcomeFailed, Err: errors.New("redis is away")}, nil, 503, "API_UNAVAILABLE", "10"},
		{ingest.Reply{Status: 500, Outcome: contract.OutcomeFailed, Err: errors.New("refused")}, nil, 503, "API_UNAVAILABLE", "10"},
		{ingest.Reply{Status: 400, Fields: []incident.FieldError{{Field: "title", Code: "required", Message: "is missing"}}}, nil, 400, "API_INVALID", ""},
		{ingest.Reply{}, ingest.ErrNoSource, 500, "API_INTERNAL", ""},
		{ingest.Reply{}, context.DeadlineExceeded, 503, "API_UNAVAILABLE", "10"},
	} {
		b.intake.reply, b.intake.err = tc.reply, tc.err
		r := b.post("/alerts", `{"title":"x","severity":"low"}`)
		for _, f := range r.problem(tc.status, tc.code).ValidationErrors {
			assert.Equal(t, "body.title", f.Field)
		}
		assert.Equal(t, tc.after, r.Header().Get("Retry-After"))
		assert.NotContains(t, r.Body.String(), "redis")
	}
}

func TestOwnAlertsAreReadAgain(t *testing.T) {
	t.Parallel()
	own := api.Own{}
	_, err := own.Verify(&providers.Request{})
	require.ErrorIs(t, err, providers.ErrUnsigned, "there is no other door")
	batch, err := own.Parse(&providers.Request{
		Header: http.Header{"X-Nerve-Actor": {"ana@example.com"}, "Idempotency-Key": {"k1"}},
		Body:   []byte(`{"title":"Export failed","severity":"high"}`),
	})
	require.NoError(t, err)
	assert.Equal(t, "ana@example.com/k1", batch.EventID)
	assert.Equal(t, "Export failed", batch.Signals[0].Title)
	_, err = own.Parse(&providers.Request{Body: []byte(`{`)})
	require.ErrorIs(t, err, providers.ErrMalformed)
}
