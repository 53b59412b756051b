package ingest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// wire is an answer as its sender saw it, and the id of its entry in the log.
type wire struct {
	kind    string // of traffic
	id      string
	source  string // as the sampling knows it: "" for one that is not there
	status  int
	outcome contract.Outcome // by the answer alone
	sampled bool             // nothing in it was proved
}

// outcomeOf reads the outcome from an answer, as an operator at the sender's side
// would.
func outcomeOf(t *testing.T, source string, status int, contentType string, body []byte) contract.Outcome {
	t.Helper()
	if status == http.StatusOK && contentType != "application/json" {
		return contract.OutcomeHandshake
	}
	var answer struct{ Status, Code string }
	if len(body) > 0 && status == http.StatusOK {
		require.NoError(t, json.Unmarshal(body, &answer), string(body))
	} else if len(body) > 0 {
		var p problem
		require.NoError(t, json.Unmarshal(body, &p), string(body))
		answer.Code = p.Code
	}
	switch {
	case status == http.StatusOK:
		return map[string]contract.Outcome{
			"enqueued": contract.OutcomeAccepted, "duplicate": contract.OutcomeDuplicate, "debounced": contract.OutcomeDebounced,
			"folded": contract.OutcomeFolded, "resolved": contract.OutcomeResolved, "ignored": contract.OutcomeIgnored,
			"stored": contract.OutcomeStored,
		}[answer.Status]
	case status == http.StatusTooManyRequests && answer.Code == codeLimited:
		return contract.OutcomeLimited
	case status >= http.StatusInternalServerError && source != "paused":
		return contract.OutcomeFailed
	default:
		return contract.OutcomeRejected
	}
}

// TestEveryRequestHasOneEntry sends random traffic, with Redis and Temporal away
// now and then, and holds the log in SQL against what was answered.
func TestEveryRequestHasOneEntry(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			dice := rand.New(rand.NewPCG(seed, 2026))
			tr := newTraffic(t, dice)
			for range 600 {
				tr.weather()
				tr.one()
			}
			tr.flood()
			tr.together()
			tr.settle()
			tr.check()
		})
	}
}

// check holds the log against the answers.
func (tr *traffic) check() {
	t := tr.t
	rows := tr.rows()
	asked := map[string]wire{}
	kept, requests, notKept := map[string]int64{}, map[string]int64{}, map[string]int64{}
	for _, w := range tr.answers {
		require.NotContains(t, asked, w.id)
		asked[w.id] = w
		if w.sampled {
			requests[w.source]++
		}
	}
	tally := map[string]int{}
	for _, d := range rows {
		if d.Part > 0 {
			continue
		}
		w, ok := asked[d.ID]
		require.True(t, ok, "an entry without a request: %+v", d)
		assert.Equal(t, w.status, d.Status, "%+v is logged as %s %s", w, d.Outcome, d.Reason)
		assert.Equal(t, w.outcome, d.Outcome, "%+v is logged as %s %s", w, d.Outcome, d.Reason)
		assert.Equal(t, w.sampled, d.Assurance == "", w.kind)
		if w.sampled {
			kept[w.source]++
			if d.Trace != nil {
				notKept[w.source] += d.Trace.NotKept
			}
		}
		tally[fmt.Sprintf("%s\t%d\t%s", d.Outcome, d.Status, name(d.Reason))]++
		tr.checkParts(d, rows)
		delete(asked, d.ID)
	}
	for _, w := range asked {
		assert.True(t, w.sampled, "no entry for %+v", w)
	}
	var lost int64
	for source, n := range requests {
		assert.Equal(t, n, kept[source]+notKept[source], "source %q: kept %d, not kept %d", source, kept[source], notKept[source])
		lost += notKept[source]
	}
	assert.Positive(t, lost, "the flood was to be more than is kept")
	tr.print(tally, lost)
}

// name is a reason without what it is about.
func name(reason string) string {
	reason, _, _ = strings.Cut(reason, ": ")
	return reason
}

// checkParts holds the entries of an attempt's signals against its own.
func (tr *traffic) checkParts(attempt contract.Delivery, rows []contract.Delivery) {
	t := tr.t
	var parts []contract.Delivery
	for _, d := range rows {
		if d.Part > 0 && strings.HasPrefix(d.ID, attempt.ID+"-") {
			assert.Equal(t, contract.PartID(attempt.ID, d.Part), d.ID)
			parts = append(parts, d)
		}
	}
	if attempt.Signals <= 1 {
		assert.Empty(t, parts)
		return
	}
	assert.Empty(t, attempt.IncidentID+attempt.WorkflowID, "the incidents are those of the parts")
	slices.SortFunc(parts, func(a, b contract.Delivery) int { return a.Part - b.Part })
	best := parts[0]
	for i, d := range parts {
		assert.Equal(t, i+1, d.Part)
		assert.Empty(t, d.Sealed)
		if d.Status != http.StatusOK || weight[d.Outcome] > weight[best.Outcome] {
			best = d
		}
	}
	assert.Equal(t, attempt.Outcome, best.Outcome)
	assert.Equal(t, attempt.Status, best.Status)
	if attempt.Status == http.StatusOK {
		assert.Len(t, parts, attempt.Signals)
	} else {
		assert.NotEqual(t, http.StatusOK, parts[len(parts)-1].Status, "the one that failed is the last that was tried")
	}
}

func (tr *traffic) print(tally map[string]int, lost int64) {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "outcome\tstatus\treason\tentries\n")
	keys := make([]string, 0, len(tally))
	for k := range tally {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	total := 0
	for _, k := range keys {
		total += tally[k]
		_, _ = fmt.Fprintf(w, "%s\t%d\n", k, tally[k])
	}
	_ = w.Flush()
	tr.t.Logf("%d requests: %d entries and %d not kept\n%s", len(tr.answers), total, lost, out.String())
	assert.EqualValues(tr.t, len(tr.answers), int64(total)+lost)
}

// rows reads the whole log.
func (tr *traffic) rows() []contract.Delivery {
	t := tr.t
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	db, err := sql.Open("sqlite", tr.file)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	found, err := db.QueryContext(ctx, "SELECT id FROM deliveries")
	require.NoError(t, err)
	defer func() { _ = found.Close() }()
	var all []contract.Delivery
	for found.Next() {
		var id string
		require.NoError(t, found.Scan(&id))
		d, err := tr.store.Delivery(ctx, id)
		require.NoError(t, err)
		all = append(all, d)
	}
	require.NoError(t, found.Err())
	return all
}
