package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/api"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/silence"
)

// today is a setup a moment after the time that it is: the record and the book
// go by the machine's clock.
func today(t *testing.T) *bench {
	t.Helper()
	b := setup(t)
	b.clock.Set(time.Now().Add(time.Second))
	for _, scope := range access.Scopes {
		b.tokens[scope] = b.token(scope, time.Hour)
	}
	return b
}

type changedSilence struct {
	api.Silence
	Told     int
	Warnings []string
}

func (b *bench) silence(expression string, from, length time.Duration) changedSilence {
	b.t.Helper()
	start := b.clock.Now().Add(from)
	r := b.post("/silences", fmt.Sprintf(`{"expression":%q,"starts_at":%q,"ends_at":%q,"why":"database upgrade"}`,
		expression, start.Format(time.RFC3339Nano), start.Add(length).Format(time.RFC3339Nano)))
	require.Equal(b.t, http.StatusCreated, r.Code, r.Body.String())
	var made changedSilence
	r.json(&made)
	assert.Equal(b.t, "/api/v1/silences/"+made.ID, r.Header().Get("Location"))
	return made
}

func TestASilenceIsAddedShownAndEnded(t *testing.T) {
	t.Parallel()
	b := today(t)
	end := b.clock.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	r := b.as(b.tokens[access.Respond], http.MethodPost, "/silences",
		`{"expression":"signal.source == \"datadog\"","ends_at":"`+end.Format(time.RFC3339Nano)+`","why":"database upgrade"}`)
	require.Equal(t, http.StatusCreated, r.Code, r.Body.String())
	var made changedSilence
	r.json(&made)
	assert.Equal(t, "/api/v1/silences/"+made.ID, r.Header().Get("Location"))
	assert.Equal(t, []string{"holds", "ana@example.com", "database upgrade"}, []string{made.State, made.CreatedBy, made.Why})
	assert.Equal(t, end, made.EndsAt)
	assert.Empty(t, made.Warnings)
	assert.Equal(t, 1, b.announcer.told, "every ingest is told")
	kept, err := b.store.Silence(t.Context(), made.ID)
	require.NoError(t, err)
	assert.Equal(t, kept, made.Silence.Silence)

	var got api.Silence
	b.as(b.tokens[access.Read], http.MethodGet, "/silences/"+made.ID, "").json(&got)
	assert.Equal(t, made.Silence, got)

	var ended changedSilence
	b.as(b.tokens[access.Respond], http.MethodPost, "/silences/"+made.ID+"/end", `{"reason":"done sooner"}`).json(&ended)
	assert.Equal(t, []string{"ended", "ana@example.com", "done sooner"}, []string{ended.State, ended.EndedBy, ended.EndReason})
	assert.Equal(t, 3, ended.Told)
	assert.Equal(t, 2, b.announcer.told)
	by := audit.Actor{Person: "ana@example.com", Via: audit.ViaAPI, Credential: b.tokens[access.Respond][4:20]}
	assert.Equal(t, []contract.SilenceEnded{{ID: made.ID, Actor: by, Reason: "done sooner"}}, b.operator.freed)

	log, err := b.store.AuditLog(t.Context(), record.AuditFilter{Target: made.ID})
	require.NoError(t, err)
	require.Len(t, log, 2)
	assert.Equal(t, []string{record.ActionSilenceEnd, record.ActionSilenceAdd}, []string{log[0].Action, log[1].Action})
	assert.Equal(t, []audit.Actor{by, by}, []audit.Actor{log[0].Actor, log[1].Actor})

	// Whoever ended it may not have told what it holds.
	r = b.post("/silences/"+made.ID+"/end", "")
	assert.Equal(t, http.StatusOK, r.Code, r.Body.String())
	assert.Len(t, b.operator.freed, 2)
	log, err = b.store.AuditLog(t.Context(), record.AuditFilter{Target: made.ID})
	require.NoError(t, err)
	assert.Len(t, log, 2, "it is ended once")
}

func TestSilencesArePaged(t *testing.T) {
	t.Parallel()
	b := today(t)
	var want []string
	for i := range 5 {
		want = append([]string{b.silence("true", time.Duration(i)*time.Hour, time.Hour).ID}, want...)
	}
	over := b.silence("true", 0, 30*time.Second).ID
	b.clock.Advance(time.Minute)
	var seen, states []string
	for path := "/silences?limit=2"; path != ""; {
		var l list[api.Silence]
		b.get(path).json(&l)
		assert.LessOrEqual(t, len(l.Items), 2)
		for _, s := range l.Items {
			seen, states = append(seen, s.ID), append(states, s.State)
		}
		path = ""
		if l.NextCursor != "" {
			path = "/silences?limit=2&cursor=" + l.NextCursor
		}
	}
	assert.Equal(t, append(want, over), seen)
	assert.Equal(t, []string{"waits", "waits", "waits", "waits", "holds", "over"}, states)
	var l list[api.Silence]
	b.get("/silences?ahead=true").json(&l)
	assert.Len(t, l.Items, 5)
	b.get("/silences?cursor=x").problem(http.StatusBadRequest, "API_INVALID")
	b.get("/silences?states=holds").problem(http.StatusBadRequest, "API_INVALID")
}

func TestSilencesThatAreRefused(t *testing.T) {
	t.Parallel()
	b := today(t)
	in := func(d time.Duration) string { return b.clock.Now().Add(d).UTC().Format(time.RFC3339) }
	for _, tc := range []struct{ body, field, message string }{
		{`{"expression":"signal.sevrity == \"low\"","ends_at":"` + in(time.Hour) + `","why":"x"}`, "body.expression", "line 1, column 7: undefined field 'sevrity'"},
		{`{"expression":"signal.title","ends_at":"` + in(time.Hour) + `","why":"x"}`, "body.expression", "it gives a string, and must say true or false"},
		{`{"expression":"true","ends_at":"` + in(-time.Hour) + `","why":"x"}`, "body.ends_at", "its end is in the past"},
		{`{"expression":"true","starts_at":"` + in(2*time.Hour) + `","ends_at":"` + in(time.Hour) + `","why":"x"}`, "body.ends_at", "it ends before it starts"},
		{`{"expression":"true","ends_at":"` + in(32*24*time.Hour) + `","why":"x"}`, "body.ends_at", "it lasts longer than 31 days"},
		{`{"expression":"true","ends_at":"` + in(time.Hour) + `","why":" "}`, "body.why", "say why, for whoever wonders later why nothing was said"},
		{`{"expression":"true","ends_at":"soon","why":"x"}`, "body.ends_at", ""},
		{`{"expression":"true","ends_at":"` + in(time.Hour) + `","why":"x","for":"2h"}`, "body.for", ""},
	} {
		p := b.post("/silences", tc.body).problem(http.StatusBadRequest, "API_INVALID")
		require.NotEmpty(t, p.ValidationErrors, tc.body)
		assert.Equal(t, tc.field, p.ValidationErrors[0].Field, tc.body)
		assert.Contains(t, p.ValidationErrors[0].Message, tc.message)
	}
	b.post("/silences", `{}`).problem(http.StatusBadRequest, "API_INVALID")
	b.get("/silences/nope").problem(http.StatusNotFound, "API_NOT_FOUND")
	b.post("/silences/nope/end", "").problem(http.StatusNotFound, "API_NOT_FOUND")
	for _, r := range []answer{
		b.as(b.tokens[access.Read], http.MethodPost, "/silences", `{"expression":"true","ends_at":"`+in(time.Hour)+`","why":"x"}`),
		b.as(b.tokens[access.Read], http.MethodPost, "/silences/nope/end", ""),
	} {
		r.problem(http.StatusForbidden, "API_FORBIDDEN")
	}
	b.as("", http.MethodGet, "/silences", "").problem(http.StatusUnauthorized, "API_UNAUTHENTICATED")

	_, err := b.store.AddSilence(t.Context(), record.Silence{
		ID: "past", Expression: "true", StartsAt: b.clock.Now().Add(-2 * time.Hour), EndsAt: b.clock.Now().Add(-time.Hour),
	}, audit.Actor{Person: "root", Via: audit.ViaCLI})
	require.NoError(t, err)
	b.post("/silences/past/end", "").problem(http.StatusConflict, "API_CONFLICT")
	assert.Empty(t, b.operator.freed, "nothing that is over by itself is told of")
	assert.Zero(t, b.announcer.told)

	for i := range silence.MaxAhead {
		_, err := b.store.AddSilence(t.Context(), record.Silence{
			ID: fmt.Sprint("s", i), Expression: "true", StartsAt: b.clock.Now(), EndsAt: b.clock.Now().Add(time.Hour),
		}, audit.Actor{Person: "root", Via: audit.ViaCLI})
		require.NoError(t, err)
	}
	p := b.post("/silences", `{"expression":"true","ends_at":"`+in(time.Hour)+`","why":"x"}`).problem(http.StatusConflict, "API_CONFLICT")
	assert.Contains(t, p.Detail, "there are 200 already")
}

// What was done is done, whoever could not be told of it.
func TestASilenceWarnsOfWhatWasNotTold(t *testing.T) {
	t.Parallel()
	b := today(t)
	b.announcer.err = errors.New("redis://user:pass@host is away")
	made := b.silence("true", 0, time.Hour)
	require.Len(t, made.Warnings, 1)
	assert.Contains(t, made.Warnings[0], "within 30 seconds")
	b.operator.err = map[string]error{made.ID: errors.New("temporal is away")}
	r := b.post("/silences/"+made.ID+"/end", "")
	require.Equal(t, http.StatusOK, r.Code, r.Body.String())
	var ended changedSilence
	r.json(&ended)
	assert.Len(t, ended.Warnings, 2)
	assert.Equal(t, "ended", ended.State)
	assert.NotContains(t, r.Body.String(), "away")
	assert.NotContains(t, r.Body.String(), "pass")
}

func TestASilenceIsAddedOnceUnderItsKey(t *testing.T) {
	t.Parallel()
	b := today(t)
	body := `{"expression":"true","ends_at":"` + b.clock.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `","why":"x"}`
	first := b.post("/silences", body, "Idempotency-Key", "k1")
	require.Equal(t, http.StatusCreated, first.Code, first.Body.String())
	again := b.post("/silences", body, "Idempotency-Key", "k1")
	assert.Equal(t, http.StatusCreated, again.Code)
	assert.Equal(t, "true", again.Header().Get("Idempotency-Replayed"))
	assert.Equal(t, first.Header().Get("Location"), again.Header().Get("Location"))
	assert.Equal(t, first.Body.String(), again.Body.String())
	var l list[api.Silence]
	b.get("/silences").json(&l)
	assert.Len(t, l.Items, 1)
}

func TestAnExpressionIsTried(t *testing.T) {
	t.Parallel()
	b := today(t)
	for _, source := range []string{"datadog", "zendesk"} {
		b.incident(source, func(in *record.Incident) {
			in.Source, in.Signal = source, &incident.Signal{Source: source}
		})
	}
	var got api.Trial
	b.as(b.tokens[access.Read], http.MethodPost, "/silences/test", `{"expression":"signal.source == \"zendesk\""}`).json(&got)
	assert.Equal(t, 2, got.Looked)
	require.Len(t, got.Held, 1)
	assert.Equal(t, "zendesk", got.Held[0].ID)
	p := b.post("/silences/test", `{"expression":"1"}`).problem(http.StatusBadRequest, "API_INVALID")
	assert.Equal(t, "body.expression", p.ValidationErrors[0].Field)
	var l list[api.Silence]
	b.get("/silences").json(&l)
	assert.Empty(t, l.Items, "a trial makes nothing")
}
