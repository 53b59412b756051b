package api_test

import (
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
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/record"
)

type list[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"`
}

func TestIncidentsArePagedAndFiltered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 7 {
		b.incident(fmt.Sprint("i", i), func(in *record.Incident) {
			in.OpenedAt = at.Add(time.Duration(i) * time.Minute)
			if i%2 == 1 {
				in.Severity, in.Source, in.Title = incident.SeverityLow, "zendesk", "Printer is on fire"
			}
		})
	}
	var seen []string
	for path := "/incidents?limit=3"; path != ""; {
		var l list[api.Incident]
		b.get(path).json(&l)
		for _, i := range l.Items {
			seen = append(seen, i.ID)
		}
		path = ""
		if l.NextCursor != "" {
			path = "/incidents?limit=3&cursor=" + l.NextCursor
		}
	}
	assert.Equal(t, []string{"i6", "i5", "i4", "i3", "i2", "i1", "i0"}, seen)
	for query, want := range map[string]int{
		"source=zendesk": 3, "severity=low": 3, "severity=low,high": 7, "status=resolved": 0, "text=PRINTER": 3,
		"since=2026-03-04T05:09:00Z": 4, "until=2026-03-04T05:09:00Z": 3, "source=zendesk&until=2026-03-04T05:09:00Z": 1,
	} {
		var l list[api.Incident]
		b.get("/incidents?" + query).json(&l)
		assert.Len(t, l.Items, want, query)
	}
	assert.JSONEq(t, `{"items":[]}`, b.get("/incidents?source=nobody").Body.String())
}

func TestAnIncidentIsShownWithItsTimeline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.incident("i1", func(in *record.Incident) {
		in.Signal = &incident.Signal{Description: "p99 is 4 s", Tags: map[string]string{"env": "prod"}}
		in.Evidence = []incident.Evidence{{ID: "E1", Title: "The alert itself"}}
		in.Verdict = &incident.Verdict{Summary: "slow"}
		in.Actions = []contract.IncidentAction{{
			Ref: "r", Kind: contract.ActionAcknowledged, At: at.Add(2 * time.Minute), Actor: audit.Actor{Person: "ana@example.com", Via: audit.ViaAPI}, Reason: "on it",
		}}
		in.ClosedAt = at.Add(time.Hour)
	})
	require.NoError(t, b.store.SaveDeliveries(t.Context(), []contract.Delivery{
		{ID: "d2", Source: "datadog", ReceivedAt: at.Add(time.Minute), Outcome: contract.OutcomeDebounced, IncidentID: "i1", Count: 2},
		{ID: "d1", Source: "datadog", ReceivedAt: at.Add(-time.Second), Outcome: contract.OutcomeAccepted, IncidentID: "i1", Count: 1},
	}))
	r := b.get("/incidents/i1")
	assert.Equal(t, `"7"`, r.Header().Get("ETag"))
	var d api.IncidentDetail
	r.json(&d)
	assert.Equal(t, "p99 is 4 s", d.Description)
	assert.Len(t, d.Evidence, 1)
	assert.Equal(t, "slow", d.Verdict.Summary)
	var kinds []string
	for _, m := range d.Timeline {
		kinds = append(kinds, m.Kind+m.Delivery+m.By)
	}
	assert.Equal(t, []string{"deliveryd1", "opened", "deliveryd2", "actionana@example.com", "closed"}, kinds)
}

func TestIncidentsAreActedOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.incident("i1", nil)
	for _, name := range []string{"acknowledge", "resolve", "rerun"} {
		r := b.as(b.tokens[access.Respond], http.MethodPost, "/incidents/i1/"+name, `{"reason":"because"}`, "If-Match", `"3", "7"`)
		require.Equal(t, http.StatusOK, r.Code, r.Body.String())
		assert.Equal(t, name+" i1", b.operator.calls[len(b.operator.calls)-1])
		assert.Equal(t, contract.Decision{By: "ana@example.com", Reason: "because", Actor: audit.Actor{
			Person: "ana@example.com", Via: audit.ViaAPI, Credential: b.tokens[access.Respond][4:20],
		}, Revision: 7}, b.operator.last)
	}
	until := at.Add(time.Hour).Truncate(time.Second)
	r := b.post("/incidents/i1/snooze", `{"until":"`+until.Format(time.RFC3339)+`"}`)
	require.Equal(t, http.StatusOK, r.Code, r.Body.String())
	assert.Equal(t, until, b.operator.until)
	assert.Contains(t, r.Body.String(), `"snoozed_until":"2026-03-04T06:06:07Z"`)
	assert.Len(t, b.operator.calls, 4)

	b.post("/incidents/i1/acknowledge", "", "If-Match", `"6"`).problem(http.StatusPreconditionFailed, "API_PRECONDITION_FAILED")
	b.post("/incidents/i1/snooze", `{}`).problem(http.StatusBadRequest, "API_INVALID")
	b.post("/incidents/nope/resolve", "").problem(http.StatusNotFound, "API_NOT_FOUND")
	assert.Len(t, b.operator.calls, 4, "what is refused never reaches Temporal")
}

// What If-Match named is compared once more by the incident itself, which others
// may have changed meanwhile.
func TestIncidentsThatChangeWhileTheyAreActedOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.incident("i1", nil)
	until := at.Add(time.Hour).Format(time.RFC3339)
	act := func(name string, headers ...string) answer {
		body := ""
		if name == "snooze" {
			body = `{"until":"` + until + `"}`
		}
		return b.post("/incidents/i1/"+name, body, headers...)
	}
	changed := fmt.Errorf("%w: %w", operator.ErrState, operator.ErrChanged)
	closed := fmt.Errorf("%w: i1 is closed already (completed)", operator.ErrState)
	held := fmt.Errorf("%w: robin (cli) began to rerun i1 at 2026-02-08T03:00:00Z", operator.ErrState)
	for _, name := range []string{"acknowledge", "resolve", "snooze", "rerun"} {
		b.operator.err = nil
		for header, want := range map[string]int64{`"7"`: 7, `"5", "7"`: 7, "*": 0, "": 0} {
			require.Equal(t, http.StatusOK, act(name, "If-Match", header).Code, name)
			assert.Equal(t, want, b.operator.last.Revision, name+" "+header)
		}
		b.operator.err = map[string]error{"i1": changed}
		act(name, "If-Match", `"7"`).problem(http.StatusPreconditionFailed, "API_PRECONDITION_FAILED")
		act(name).problem(http.StatusConflict, "API_CONFLICT")
		b.operator.err = map[string]error{"i1": closed}
		act(name, "If-Match", `"7"`).problem(http.StatusConflict, "API_CONFLICT")
		b.operator.err = map[string]error{"i1": held}
		act(name).problem(http.StatusConflict, "API_CONFLICT")
		act(name, "If-Match", `"7"`).problem(http.StatusConflict, "API_CONFLICT")
		assert.Contains(t, act(name).Body.String(), `"detail":"robin (cli) began to rerun i1`, "the second is told who is at it")
	}
	// It closes between the look at it and the decision.
	b.operator.during = func() {
		b.incident("i1", func(in *record.Incident) { in.Version = 8 })
	}
	act("resolve", "If-Match", `"7"`).problem(http.StatusPreconditionFailed, "API_PRECONDITION_FAILED")
}

func TestWhatTemporalRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.incident("i1", nil)
	for _, tc := range []struct {
		err    error
		status int
		code   string
	}{
		{fmt.Errorf("%w: i1 is closed already (completed)", operator.ErrState), http.StatusConflict, "API_CONFLICT"},
		{operator.ErrNotFound, http.StatusNotFound, "API_NOT_FOUND"},
		{fmt.Errorf("%w within 5s", operator.ErrNoWorker), http.StatusServiceUnavailable, "API_UNAVAILABLE"},
		{fmt.Errorf("%w: too long", operator.ErrSnooze), http.StatusBadRequest, "API_INVALID"},
		{fmt.Errorf("postgres://user:pass@host is away"), http.StatusInternalServerError, "API_INTERNAL"},
	} {
		b.operator.err = map[string]error{"i1": tc.err}
		p := b.post("/incidents/i1/resolve", "").problem(tc.status, tc.code)
		assert.NotContains(t, p.Detail, "pass")
		if tc.status == http.StatusConflict {
			assert.Equal(t, "i1 is closed already (completed)", p.Detail)
		}
	}
}

func TestManyIncidentsAreActedOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 103 {
		b.incident(fmt.Sprintf("i%03d", i), func(in *record.Incident) { in.OpenedAt = at.Add(time.Duration(i) * time.Second) })
	}
	b.incident("other", func(in *record.Incident) { in.Source = "zendesk" })
	type result struct {
		Items        []api.Item
		Done, Failed int
		More         bool
	}
	var got result
	b.operator.err = map[string]error{"i001": fmt.Errorf("%w: no", operator.ErrState)}
	b.post("/incidents/actions", `{"action":"resolve","ids":["i000","i001","nope","i000"],"reason":"cleaning up"}`).json(&got)
	assert.Equal(t, []int{200, 409, 404}, []int{got.Items[0].Status, got.Items[1].Status, got.Items[2].Status})
	assert.Equal(t, "API_CONFLICT", got.Items[1].Problem.Code)
	assert.Equal(t, []int{1, 2}, []int{got.Done, got.Failed})
	assert.Equal(t, "cleaning up", b.operator.last.Reason)
	assert.Equal(t, []string{"resolve i000", "resolve i001"}, b.operator.calls)

	got = result{}
	b.post("/incidents/actions", `{"action":"acknowledge","filter":{"source":"datadog"},"dry_run":true}`).json(&got)
	assert.Len(t, got.Items, 100)
	assert.True(t, got.More)
	assert.Zero(t, got.Done)
	assert.Len(t, b.operator.calls, 2, "a dry run does nothing")
	got = result{}
	b.post("/incidents/actions", `{"action":"acknowledge","filter":{"source":"zendesk"}}`).json(&got)
	assert.Equal(t, "acknowledge other", b.operator.calls[2])
	assert.Equal(t, 1, got.Done)

	for _, body := range []string{
		`{"action":"resolve"}`, `{"action":"resolve","filter":{}}`, `{"action":"resolve","ids":[]}`,
		`{"action":"resolve","ids":["a"],"filter":{"source":"x"}}`, `{"action":"explode","ids":["a"]}`, `{"action":"resolve","filter":{"sauce":"x"}}`,
	} {
		b.post("/incidents/actions", body).problem(http.StatusBadRequest, "API_INVALID")
	}
	assert.Len(t, b.operator.calls, 3)
}
