package replay

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/providers"
)

// changes are the fields of a plan that would be another, as "name: before -> after".
func changes(p Plan) []string {
	var list []string
	for _, s := range p.Signals {
		for _, f := range s.Fields {
			before := f.Before
			if f.Unknown {
				before = "?"
			}
			if f.Changed || f.Unknown {
				list = append(list, fmt.Sprintf("%d %s: %s -> %s", s.Part, f.Name, before, f.After))
			}
		}
	}
	return list
}

func TestPlanOfWhatIsTheSame(t *testing.T) {
	t.Parallel()
	f, r := setUp()
	p, err := r.Plan(t.Context(), "d", Options{})
	require.NoError(t, err)
	assert.False(t, p.Changed)
	assert.Empty(t, changes(p))
	assert.Empty(t, f.submits)
	assert.Empty(t, f.entries)
	title := p.Signals[0].Fields[0]
	assert.Equal(t, Field{Name: "title", Before: preview().Title, After: preview().Title}, title, "the fingerprint says that it is the same")
}

func TestPlanOfWhatIsAnother(t *testing.T) {
	t.Parallel()
	f, r := setUp()
	f.incidents["i"] = record.Incident{ID: "i", Signal: &incident.Signal{
		Title: "Mail of <EMAIL_77> bounced", Severity: incident.SeverityLow, Status: incident.StatusFiring,
		Tags: map[string]string{"env": "prod", "old": "x"}, RawPayload: incident.RawPayload{DeliveryID: "d"},
	}}
	f.previews[0].Fingerprint, f.previews[0].WorkflowID, f.previews[0].Tags = "f2", "shop:alert:2", map[string]string{"env": "prod", "new": "y"}
	p, err := r.Plan(t.Context(), "d", Options{})
	require.NoError(t, err)
	assert.True(t, p.Changed)
	assert.Equal(t, []string{
		"1 severity: low -> high", "1 key: shop:alert:1 -> shop:alert:2", "1 content: f -> f2", "1 tag.new:  -> y", "1 tag.old: x -> ",
	}, changes(p), "the same address has another token in another incident")

	// Another delivery opened the incident: what this one said is not kept.
	f.incidents["i"].Signal.RawPayload.DeliveryID = "other"
	p, err = r.Plan(t.Context(), "d", Options{})
	require.NoError(t, err)
	assert.True(t, p.Changed)
	assert.Equal(t, []string{
		"1 title: ? -> Mail of <EMAIL_1> bounced", "1 severity: ? -> high", "1 status: ? -> firing",
		"1 key: shop:alert:1 -> shop:alert:2", "1 content: f -> f2", "1 tag.env: ? -> prod", "1 tag.new: ? -> y",
	}, changes(p))
}

// Whatever folded a delivery into another incident is no change of its own key.
func TestPlanOfWhatWasFolded(t *testing.T) {
	t.Parallel()
	f, r := setUp()
	d := kept()
	d.Outcome, d.WorkflowID, d.Trace.Window = contract.OutcomeFolded, "shop:storm:storm", contract.WindowStorm
	f.deliveries["d"] = d
	p, err := r.Plan(t.Context(), "d", Options{})
	require.NoError(t, err)
	assert.Empty(t, changes(p))
}

func TestPlanOfSeveralSignals(t *testing.T) {
	t.Parallel()
	f, r := setUp()
	whole, part := kept(), kept()
	whole.Signals, whole.Trace, whole.WorkflowID, whole.IncidentID = 3, nil, "", ""
	part.ID, part.Part, part.Signals = "d-1", 1, 3
	f.deliveries["d"], f.deliveries["d-1"] = whole, part
	f.previews = []ingest.Preview{preview(), preview()}
	p, err := r.Plan(t.Context(), "d", Options{})
	require.NoError(t, err)
	require.Len(t, p.Signals, 3)
	assert.True(t, p.Changed)
	for _, change := range changes(p) {
		assert.Equal(t, "2", change[:1], "the first is as it was, the second was not tried")
	}

	// The log may lack one in the middle, too: the others keep their places.
	third := part
	third.ID, third.Part = "d-3", 3
	f.deliveries["d-3"] = third
	f.previews = append(f.previews, preview())
	p, err = r.Plan(t.Context(), "d", Options{})
	require.NoError(t, err)
	for _, change := range changes(p) {
		assert.Equal(t, "2", change[:1], "the third is as it was")
	}
}

// What the source does with every signal now, and did then, is a difference too.
func TestPlanOfWhatTheSourceHolds(t *testing.T) {
	t.Parallel()
	f, r := setUp()
	f.previews[0].Held = contract.ReasonPaused.String()
	p, err := r.Plan(t.Context(), "d", Options{})
	require.NoError(t, err)
	assert.True(t, p.Changed)
	assert.Equal(t, []string{"1 held by:  -> paused"}, changes(p))

	d := kept()
	d.Outcome, d.Reason = contract.OutcomeIgnored, contract.ReasonBelowFloor.String()
	f.deliveries["d"], f.previews[0].Held = d, ""
	p, err = r.Plan(t.Context(), "d", Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"1 held by: below_severity_floor -> "}, changes(p))
}

func TestPlanOfWhatTodaysCodeRefuses(t *testing.T) {
	t.Parallel()
	f, r := setUp()
	f.readErr = fmt.Errorf("shop: %w: a secret text", providers.ErrMalformed)
	p, err := r.Plan(t.Context(), "d", Options{})
	require.NoError(t, err)
	assert.True(t, p.Changed)
	assert.Equal(t, "it cannot be read as a payload of this source", p.Refused)
	f.readErr = fmt.Errorf("signal 1: %w", incident.FieldErrors{{Field: "title", Code: "required", Received: "secret"}})
	p, err = r.Plan(t.Context(), "d", Options{})
	require.NoError(t, err)
	assert.Equal(t, "invalid fields: title (required)", p.Refused)
	f.readErr = errDB
	_, err = r.Plan(t.Context(), "d", Options{})
	require.ErrorIs(t, err, errDB)
}

func TestPlanOfWhatIsNoAlertAnyMore(t *testing.T) {
	t.Parallel()
	f, r := setUp()
	f.batch, f.previews = providers.Batch{Ignored: "self_message"}, nil
	p, err := r.Plan(t.Context(), "d", Options{})
	require.NoError(t, err)
	assert.Equal(t, "self_message", p.Nothing)
	assert.True(t, p.Changed)
	assert.Contains(t, changes(p), "1 title: ? -> ")
}
