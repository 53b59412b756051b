package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/api"
	"github.com/nerve-alerts/nerve/internal/approval"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/providers"
)

func TestSourcesAreChanged(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("s", 40)
	for _, tc := range []struct {
		method, path, body, ifMatch string
		status                      int
		want                        contract.Change
	}{
		{"POST", "/sources", `{"name":"dd","fields":{"provider":"datadog"},"secret":"` + secret + `","reason":"new"}`, "", 201, contract.Change{
			Action: contract.ActionSourceAdd, Target: "dd", Fields: map[string]any{"provider": "datadog"}, Secret: secret, Reason: "new",
		}},
		{"PATCH", "/sources/dd", `{"fields":{"window":"5m","rate":null}}`, `"3"`, 200, contract.Change{
			Action: contract.ActionSourceSet, Target: "dd", Fields: map[string]any{"window": "5m", "rate": nil}, Revision: 3,
		}},
		{"POST", "/sources/dd/disable", `{"reason":"noisy"}`, "", 200, contract.Change{Action: contract.ActionSourceDisable, Target: "dd", Reason: "noisy"}},
		{"POST", "/sources/dd/enable", ``, `"4"`, 200, contract.Change{Action: contract.ActionSourceEnable, Target: "dd", Revision: 4}},
		{"POST", "/sources/dd/purge", ``, "", 200, contract.Change{Action: contract.ActionPurgeWindows, Target: "dd"}},
		{"DELETE", "/sources/dd?reason=gone", ``, "", 200, contract.Change{Action: contract.ActionSourceRemove, Target: "dd", Reason: "gone"}},
		{"POST", "/sources/dd/secrets", `{"secret":"` + secret + `","not_after":"2026-06-01T00:00:00Z"}`, "", 201, contract.Change{
			Action: contract.ActionSecretAdd, Target: "dd", Secret: secret, Fields: map[string]any{"not_after": "2026-06-01T00:00:00Z"},
		}},
		{"DELETE", "/sources/dd/secrets/s1?force=true", ``, "", 200, contract.Change{Action: contract.ActionSecretRemove, Target: "dd", SecretID: "s1", Force: true}},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.sources.done = registry.Applied{Revision: 9, SecretID: "s9", Entry: audit.Entry{Seq: 4}}
			headers := []string{}
			if tc.ifMatch != "" {
				headers = []string{"If-Match", tc.ifMatch}
			}
			send := func() answer { return b.as(b.tokens[access.Admin], tc.method, tc.path, tc.body, headers...) }
			r := send()
			require.Equal(t, tc.status, r.Code, r.Body.String())
			require.Len(t, b.sources.orders, 1)
			assert.Equal(t, tc.want, b.sources.orders[0].Change)
			assert.Equal(t, "ana@example.com", b.sources.orders[0].By.Person)
			assert.Nil(t, b.sources.orders[0].ApprovedBy, "nobody approves by asking")
			assert.JSONEq(t, `{"status":"applied","source":"dd","registry_revision":9,"secret_id":"s9","audit_seq":4}`, r.Body.String())
			assert.NotContains(t, r.Body.String(), secret)

			b.sources.err = &registry.SecondPersonError{Why: "two people", Revision: 7}
			r = send()
			require.Equal(t, http.StatusAccepted, r.Code, r.Body.String())
			assert.Equal(t, "/api/v1/approvals/ap1", r.Header().Get("Location"))
			assert.JSONEq(t, `{"status":"waiting","source":"dd","approval_id":"ap1","why":"two people"}`, r.Body.String())
			want := tc.want
			want.Revision = 7 // that of the source as it was looked at, so that what is granted is a change of that
			assert.Equal(t, []contract.Change{want}, b.approvals.asked)
			assert.Equal(t, "ana@example.com", b.approvals.by.Person)

			b.approvals.err = &approval.OpenError{ID: "ap0"}
			r = send()
			r.problem(http.StatusConflict, "API_CONFLICT")
			assert.Equal(t, "/api/v1/approvals/ap0", r.Header().Get("Location"))

			b.sources.err = registry.ErrUnchanged
			assert.Contains(t, send().Body.String(), `"status":"unchanged"`)
		})
	}
}

func TestChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	change := func(headers ...string) answer { return b.post("/sources/dd/disable", "", headers...) }
	for _, tc := range []struct {
		err    error
		status int
		code   string
	}{
		{registry.ErrNotFound, 404, "API_NOT_FOUND"},
		{registry.ErrExists, 409, "API_CONFLICT"},
		{registry.ErrReadOnly, 409, "API_CONFLICT"},
		{registry.ErrSamePerson, 403, "API_FORBIDDEN"},
		{&registry.ConflictError{Have: 3, Seen: 2}, 409, "API_CONFLICT"},
		{&registry.ForceError{Why: "a sender still uses it"}, 409, "API_CONFLICT"},
		{&record.PurgeError{Next: time.Now().Add(time.Hour)}, 429, "API_RATE_LIMITED"},
		{config.Errors{{Key: "rate", Problem: "is no number", Fix: "Write one"}}, 400, "API_INVALID"},
	} {
		b.sources.err = tc.err
		change().problem(tc.status, tc.code)
	}
	assert.Equal(t, "is no number. Write one.", change().problem(400, "API_INVALID").ValidationErrors[0].Message)
	for key, field := range map[string]string{"rate": "body.fields.rate", "secret": "body.secret", "secret_id": "path.secret", "name": "body.name"} {
		b.sources.err = config.Errors{{Key: key, Problem: "is wrong"}}
		assert.Equal(t, field, change().problem(400, "API_INVALID").ValidationErrors[0].Field)
	}
	b.sources.err = &registry.ConflictError{Have: 3, Seen: 2}
	change("If-Match", `"2"`).problem(http.StatusPreconditionFailed, "API_PRECONDITION_FAILED")
	n := len(b.sources.orders)
	for _, tag := range []string{`"x"`, `2`, `"-1"`, `W/"2"`, `"0"`} {
		change("If-Match", tag).problem(http.StatusPreconditionFailed, "API_PRECONDITION_FAILED")
	}
	b.as(b.tokens[access.Admin], http.MethodPatch, "/sources/dd", `{"fields":{}}`).problem(http.StatusPreconditionRequired, "API_PRECONDITION_REQUIRED")
	assert.Len(t, b.sources.orders, n)
}

func TestSourcesAreShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sources.view = registry.View{Name: "dd", Provider: "datadog", Revision: 3}
	r := b.get("/sources/dd")
	assert.Equal(t, `"3"`, r.Header().Get("ETag"))
	assert.Contains(t, b.get("/sources").Body.String(), `"name":"dd"`)
	b.sources.view.Revision = 0
	assert.Empty(t, b.get("/sources/dd").Header().Get("ETag"), "the file's are read-only")
	b.sources.err = registry.ErrNotFound
	b.get("/sources/dd").problem(http.StatusNotFound, "API_NOT_FOUND")
}

func TestASourceIsTried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sources.view = registry.View{Name: "dd", Provider: "datadog", Path: "/webhooks/dd"}
	b.intake.batch = &providers.Batch{Signals: []incident.Signal{{}}}
	b.intake.preview = []ingest.Preview{{Title: "Checkout is slow"}}
	var got api.Tested
	b.post("/sources/dd/test", "").json(&got)
	assert.NotEmpty(t, got.Fixture)
	assert.Equal(t, "Checkout is slow", got.Signals[0].Title)
	b.post("/sources/dd/test", `{"payload":{"a":1}}`).json(&got)
	b.post("/sources/dd/test", `{"fixture":"nope"}`).problem(http.StatusBadRequest, "API_INVALID")
	b.intake.err = providers.ErrMalformed
	b.post("/sources/dd/test", "").problem(http.StatusBadRequest, "API_INVALID")
	b.intake.err = ingest.ErrNoSource
	b.post("/sources/dd/test", "").problem(http.StatusConflict, "API_CONFLICT")
	b.intake.err, b.intake.batch = nil, &providers.Batch{Ignored: "self_message"}
	assert.JSONEq(t, `{"source":"dd","fixture":"`+got.Fixture+`","signals":[],"ignored":"self_message"}`, b.post("/sources/dd/test", `{"fixture":"`+got.Fixture+`"}`).Body.String())
	assert.Empty(t, b.intake.got, "nothing is raised")
}

func TestApprovalsAreDecided(t *testing.T) {
	t.Parallel()
	b := setup(t)
	assert.Contains(t, b.get("/approvals?open=true").Body.String(), `"id":"ap1"`)
	assert.Contains(t, b.get("/approvals/ap1").Body.String(), `"id":"ap1"`)
	for name, grant := range map[string]bool{"grant": true, "deny": false} {
		r := b.post("/approvals/ap1/"+name, `{"reason":"checked"}`)
		require.Equal(t, http.StatusOK, r.Code, r.Body.String())
		assert.Equal(t, contract.Ruling{Grant: grant, Reason: "checked", Actor: audit.Actor{
			Person: "ana@example.com", Via: audit.ViaAPI, Credential: b.tokens[access.Admin][4:20],
		}}, b.approvals.ruling)
	}
	for _, tc := range []struct {
		err    error
		status int
		code   string
	}{
		{approval.ErrNotFound, 404, "API_NOT_FOUND"},
		{approval.ErrDecided, 409, "API_CONFLICT"},
		{approval.ErrRequester, 403, "API_FORBIDDEN"},
		{approval.ErrNobody, 403, "API_FORBIDDEN"},
		{approval.ErrChange, 400, "API_INVALID"},
		{approval.ErrNoWorker, 503, "API_UNAVAILABLE"},
	} {
		b.approvals.err = tc.err
		b.post("/approvals/ap1/grant", "").problem(tc.status, tc.code)
		b.get("/approvals/ap1").problem(tc.status, tc.code)
		b.get("/approvals").problem(tc.status, tc.code)
	}
}
