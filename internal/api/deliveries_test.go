package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/api"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/replay"
)

func (b *bench) delivery(id string, change func(*contract.Delivery)) {
	b.t.Helper()
	d := contract.Delivery{
		ID: id, Source: "datadog", Provider: "datadog", ReceivedAt: at, Outcome: contract.OutcomeAccepted, Status: 200, Signals: 1,
		ContentType: "text/html", SHA256: "abc",
	}
	if change != nil {
		change(&d)
	}
	require.NoError(b.t, b.store.SaveDeliveries(b.t.Context(), []contract.Delivery{d}))
}

func TestDeliveriesAreListedAndShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 4 {
		b.delivery(fmt.Sprint("d", i), func(d *contract.Delivery) {
			d.ReceivedAt = at.Add(time.Duration(i) * time.Minute)
			if i > 1 {
				d.Outcome, d.Source, d.IncidentID = contract.OutcomeRejected, "slack", "i1"
			}
		})
	}
	var l list[api.Delivery]
	b.get("/deliveries?limit=3").json(&l)
	require.Len(t, l.Items, 3)
	assert.Equal(t, "d3", l.Items[0].ID)
	next := l.NextCursor
	l = list[api.Delivery]{}
	b.get("/deliveries?limit=3&cursor=" + next).json(&l)
	assert.Len(t, l.Items, 1)
	for query, want := range map[string]int{
		"source=slack": 2, "outcome=rejected": 2, "outcome=rejected,accepted": 4, "incident=i1": 2, "since=2026-03-04T05:08:00Z": 2, "text=nothing": 0,
	} {
		l = list[api.Delivery]{}
		b.get("/deliveries?" + query).json(&l)
		assert.Len(t, l.Items, want, query)
	}
	assert.Contains(t, b.get("/deliveries/d0").Body.String(), `"content_type":"text/html"`)
	b.get("/deliveries/nope").problem(http.StatusNotFound, "API_NOT_FOUND")
	assert.Contains(t, b.get("/deliveries/d3/explanation").Body.String(), `"outcome":"rejected"`)
	b.get("/deliveries/nope/explanation").problem(http.StatusNotFound, "API_NOT_FOUND")
}

func TestADownloadIsAuditedAndNoBrowserShowsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw := []byte("<script>alert(1)</script>")
	sealed, err := b.sealer.Seal(raw, contract.SealContext("datadog", "d1"))
	require.NoError(t, err)
	b.delivery("d1", func(d *contract.Delivery) { d.Sealed = sealed })
	b.delivery("d2", nil)
	b.delivery("d3", func(d *contract.Delivery) { d.Sealed = sealed }) // another's bytes
	r := b.as(b.tokens[access.Respond], http.MethodGet, "/deliveries/d1/raw", "")
	require.Equal(t, http.StatusOK, r.Code)
	assert.Equal(t, raw, r.Body.Bytes())
	for name, want := range map[string]string{
		"Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename="d1.bin"`, "X-Original-Content-Type": "text/html",
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Content-SHA256": "abc",
	} {
		assert.Equal(t, want, r.Header().Get(name))
	}
	log := b.audit()
	assert.Equal(t, "delivery.download", log[0].Action)
	assert.Equal(t, "ana@example.com", log[0].Actor.Person)
	n := len(log)
	b.get("/deliveries/d2/raw").problem(http.StatusNotFound, "API_NOT_FOUND")
	b.get("/deliveries/d3/raw").problem(http.StatusInternalServerError, "API_INTERNAL")
	b.as(b.tokens[access.Read], http.MethodGet, "/deliveries/d1/raw", "").problem(http.StatusForbidden, "API_FORBIDDEN")
	assert.Len(t, b.audit(), n, "what was not handed out is not in the log")
}

func TestDeliveriesAreReplayed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.replayer.reply = ingest.Reply{DeliveryID: "n1", Outcome: contract.OutcomeAccepted, Status: 200}
	r := b.post("/deliveries/d1/replay", `{"dry_run":true,"again":true}`)
	require.Equal(t, http.StatusOK, r.Code, r.Body.String())
	assert.Equal(t, replay.Options{Again: true}, b.replayer.options)
	assert.Empty(t, b.replayer.runs)
	r = b.post("/deliveries/d1/replay", "")
	require.Equal(t, http.StatusOK, r.Code, r.Body.String())
	assert.Equal(t, []string{"d1"}, b.replayer.runs)
	assert.Equal(t, "ana@example.com", b.replayer.by.Person)
	assert.Contains(t, r.Body.String(), `"delivery_id":"n1"`)

	b.replayer.err = map[string]error{"gone": replay.ErrNotKept, "part": replay.ErrPart, "lost": ingest.ErrNoSource}
	for id := range b.replayer.err {
		b.post("/deliveries/"+id+"/replay", "").problem(http.StatusConflict, "API_CONFLICT")
	}
	b.delivery("a1", nil)
	b.delivery("a2", func(d *contract.Delivery) { d.Source = "slack" })
	var many struct {
		Items        []api.Replayed
		Done, Failed int
	}
	b.post("/deliveries/replay", `{"ids":["d1","gone","d1"]}`).json(&many)
	assert.Equal(t, []int{200, 409, 1, 1}, []int{many.Items[0].Status, many.Items[1].Status, many.Done, many.Failed})
	b.post("/deliveries/replay", `{"filter":{"source":"slack"},"dry_run":true}`).json(&many)
	require.Len(t, many.Items, 1)
	assert.Equal(t, "a2", b.replayer.plans[len(b.replayer.plans)-1])
	for _, body := range []string{`{}`, `{"filter":{}}`, `{"filter":{"cursor":"x"}}`, `{"ids":["a"],"filter":{"source":"x"}}`} {
		b.post("/deliveries/replay", body).problem(http.StatusBadRequest, "API_INVALID")
	}
	b.replayer.reply = ingest.Reply{Status: 503, Outcome: contract.OutcomeFailed}
	b.post("/deliveries/d1/replay", "").problem(http.StatusServiceUnavailable, "API_UNAVAILABLE")
}
