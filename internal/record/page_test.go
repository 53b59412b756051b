package record_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// Pages follow each other without a gap and without an item twice, although
// newer items come meanwhile and many have the same time.
func TestPagesAreStable(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		const total = 57
		add := func(id string, after time.Duration) {
			d := delivered(id, contract.OutcomeAccepted)
			d.ReceivedAt = at.Add(after)
			save(t, s, d)
			in := opened(id, 1)
			in.OpenedAt = at.Add(after)
			require.NoError(t, s.SaveIncident(t.Context(), in))
		}
		var want []string
		for _, i := range rand.Perm(total) {
			add(fmt.Sprintf("%02d", i), time.Duration(i/10)*time.Microsecond)
			want = append(want, fmt.Sprintf("%02d", i))
		}
		slices.Sort(want)
		slices.Reverse(want)
		pages := map[string]func(after string) ([]string, string){
			"deliveries": func(after string) ([]string, string) {
				p, err := s.DeliveryPage(t.Context(), record.DeliveryFilter{Limit: 7, After: after, IncidentID: "i"})
				require.NoError(t, err)
				return deliveryIDs(p.Items), p.Next
			},
			"incidents": func(after string) ([]string, string) {
				p, err := s.IncidentPage(t.Context(), record.IncidentFilter{Limit: 7, After: after})
				require.NoError(t, err)
				return ids(p.Items), p.Next
			},
		}
		for name, page := range pages {
			var got []string
			before := slices.Clone(want)
			for next, more := "", true; more; more = next != "" {
				var items []string
				items, next = page(next)
				got = append(got, items...)
				newer := fmt.Sprint("newer-", len(want))
				add(newer, time.Duration(len(want))*time.Hour)
				want = slices.Insert(want, 0, newer)
			}
			assert.Equal(t, before, got, name)
		}
	})
}

func TestTheLastPageHasNoNext(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		p, err := s.DeliveryPage(t.Context(), record.DeliveryFilter{})
		require.NoError(t, err)
		assert.Empty(t, p.Items)
		assert.Empty(t, p.Next)
		for i := range 4 {
			save(t, s, delivered(fmt.Sprint(i), contract.OutcomeAccepted))
		}
		for limit, more := range map[int]bool{3: true, 4: false, 5: false} {
			p, err := s.DeliveryPage(t.Context(), record.DeliveryFilter{Limit: limit})
			require.NoError(t, err)
			assert.Len(t, p.Items, min(limit, 4))
			assert.Equal(t, more, p.Next != "", "limit %d", limit)
		}
	})
}

func TestWhatIsNoCursor(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		for _, after := range []string{
			"x", "%", "MS4", "LmE", "MS4A", "MS5hAA", "MS5h ", "' OR 1=1",
			base64.RawURLEncoding.EncodeToString([]byte("1y2p0ij32e8e7.a")),
		} {
			_, err := s.DeliveryPage(t.Context(), record.DeliveryFilter{After: after})
			require.ErrorIs(t, err, record.ErrCursor, after)
			_, err = s.IncidentPage(t.Context(), record.IncidentFilter{After: after})
			require.ErrorIs(t, err, record.ErrCursor, after)
			assert.False(t, record.Retryable(err))
		}
	})
}

func TestDeliveryFilters(t *testing.T) {
	t.Parallel()
	cases := map[string]record.DeliveryFilter{
		"provider": {Provider: "grafana"},
		"event":    {EventID: "evt-1"},
		"secret":   {SecretID: "k1"},
		"outcome":  {Outcomes: []contract.Outcome{contract.OutcomeRejected}},
		"outcomes": {Outcomes: []contract.Outcome{contract.OutcomeRejected, contract.OutcomeFailed}},
		"since":    {Since: at.Add(time.Second)},
		"until":    {Until: at},
		"reason":   {Text: "100%_OF Ünlucky!"},
		"code":     {Text: "signature_inv"},
		"combined": {Source: "datadog-prod", EventID: "evt-1", SecretID: "k1", Since: at, Until: at.Add(time.Hour), Text: "ok"},
	}
	onBoth(t, func(t *testing.T, s *record.Store) {
		plain := func(id string, change func(d *contract.Delivery)) contract.Delivery {
			d := delivered(id, contract.OutcomeAccepted)
			d.Reason = "100 of unlucky"
			change(&d)
			return d
		}
		save(t, s,
			plain("plain", func(*contract.Delivery) {}),
			plain("provider", func(d *contract.Delivery) { d.Provider = "grafana" }),
			plain("event", func(d *contract.Delivery) { d.EventID = "evt-1" }),
			plain("secret", func(d *contract.Delivery) { d.SecretID = "k1" }),
			plain("outcome", func(d *contract.Delivery) { d.Outcome = contract.OutcomeRejected }),
			plain("outcomes", func(d *contract.Delivery) { d.Outcome = contract.OutcomeFailed }),
			plain("since", func(d *contract.Delivery) { d.ReceivedAt = at.Add(time.Second) }),
			plain("until", func(d *contract.Delivery) { d.ReceivedAt = at.Add(-time.Microsecond) }),
			plain("reason", func(d *contract.Delivery) { d.Reason = "it is 100%_of Ünlucky! cases" }),
			plain("code", func(d *contract.Delivery) { d.Code = "WEBHOOK_SIGNATURE_INVALID" }),
			plain("combined", func(d *contract.Delivery) { d.EventID, d.SecretID, d.Reason = "evt-1", "k1", "OK" }),
			plain("part", func(d *contract.Delivery) { d.Part, d.Provider = 1, "grafana" }),
		)
		also := map[string][]string{
			"event": {"combined", "event"}, "secret": {"secret", "combined"}, "outcomes": {"outcomes", "outcome"},
		}
		for name, f := range cases {
			p, err := s.DeliveryPage(t.Context(), f)
			require.NoError(t, err, name)
			want := also[name]
			if want == nil {
				want = []string{name}
			}
			assert.ElementsMatch(t, want, deliveryIDs(p.Items), name)
		}
		p, err := s.DeliveryPage(t.Context(), record.DeliveryFilter{Provider: "grafana", Parts: true})
		require.NoError(t, err)
		assert.Equal(t, []string{"provider", "part"}, deliveryIDs(p.Items), "parts, when they are asked for")
		p, err = s.DeliveryPage(t.Context(), record.DeliveryFilter{Provider: "grafana", IncidentID: "i"})
		require.NoError(t, err)
		assert.Equal(t, []string{"provider", "part"}, deliveryIDs(p.Items), "parts, where they may be what belongs to an incident")
	})
}

func TestIncidentFilters(t *testing.T) {
	t.Parallel()
	cases := map[string]record.IncidentFilter{
		"severity":    {Severities: []incident.Severity{incident.SeverityCritical}},
		"severities":  {Severities: []incident.Severity{incident.SeverityCritical, incident.SeverityHigh}},
		"phase":       {Phases: []contract.Phase{contract.PhaseFailed}},
		"phases":      {Phases: []contract.Phase{contract.PhaseFailed, contract.PhaseClosed}},
		"fingerprint": {Fingerprint: "beef"},
		"since":       {Since: at.Add(time.Second)},
		"until":       {Until: at},
		"title":       {Text: "ÜBERLAST  auf_100%"},
		"combined": {
			Source: "datadog-prod", Status: incident.StatusResolved, Phases: []contract.Phase{contract.PhaseOpen},
			Text: "CHECKOUT",
		},
	}
	onBoth(t, func(t *testing.T, s *record.Store) {
		for id, change := range map[string]func(in *record.Incident){
			"plain":       func(*record.Incident) {},
			"severity":    func(in *record.Incident) { in.Severity = incident.SeverityCritical },
			"severities":  func(in *record.Incident) { in.Severity = incident.SeverityHigh },
			"phase":       func(in *record.Incident) { in.Phase = contract.PhaseFailed },
			"phases":      func(in *record.Incident) { in.Phase = contract.PhaseClosed },
			"fingerprint": func(in *record.Incident) { in.Fingerprint = "beef" },
			"since":       func(in *record.Incident) { in.OpenedAt = at.Add(time.Second) },
			"until":       func(in *record.Incident) { in.OpenedAt = at.Add(-time.Microsecond) },
			"title":       func(in *record.Incident) { in.Title = "Schon wieder  Überlast auf_100% am Tor" },
			"combined":    func(in *record.Incident) { in.Status, in.Phase = incident.StatusResolved, contract.PhaseOpen },
		} {
			in := opened(id, 1)
			in.Signal, in.Evidence = &incident.Signal{Title: "t"}, []incident.Evidence{{ID: "E1"}}
			in.Verdict = &incident.Verdict{Summary: "s"}
			change(&in)
			require.NoError(t, s.SaveIncident(t.Context(), in))
		}
		also := map[string][]string{"severities": {"severities", "severity"}, "phases": {"phases", "phase"}}
		for name, f := range cases {
			p, err := s.IncidentPage(t.Context(), f)
			require.NoError(t, err, name)
			want := also[name]
			if want == nil {
				want = []string{name}
			}
			assert.ElementsMatch(t, want, ids(p.Items), name)
			for _, in := range p.Items {
				assert.Nil(t, in.Signal, "a page is brief")
				assert.Nil(t, in.Evidence, "a page is brief")
				assert.NotNil(t, in.Verdict)
			}
		}
		whole, err := s.Incidents(t.Context(), record.IncidentFilter{Limit: 1})
		require.NoError(t, err)
		assert.NotNil(t, whole[0].Signal)
		assert.NotEmpty(t, whole[0].Evidence)
	})
}
