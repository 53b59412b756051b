package record_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/record"
)

func TestPastIncidents(t *testing.T) {
	t.Parallel()
	past := []struct{ id, source, fingerprint, title string }{ // oldest first
		{"title-old", "datadog-prod", "f1", "ÜBERLAST  on checkout"},
		{"both", "datadog-prod", "f00d", "Überlast on checkout"},
		{"elsewhere", "datadog-test", "f2", "Überlast on checkout"},
		{"print-old", "datadog-prod", "f00d", "Something else"},
		{"other", "datadog-prod", "f3", "Disk is full"},
		{"print-new", "datadog-prod", "f00d", "Renamed"},
		{"title-new", "datadog-prod", "f4", " überlast ON checkout"},
		{"empty", "datadog-prod", "", ""},
		{"self", "datadog-prod", "f00d", "Überlast on checkout"},
	}
	query := record.PastQuery{
		ExcludeID: "self", Source: "datadog-prod", Fingerprint: "f00d", Title: "Überlast on checkout",
	}
	cases := []struct {
		name  string
		query func(q record.PastQuery) record.PastQuery
		want  []string
	}{
		{
			"fingerprint first, then title", func(q record.PastQuery) record.PastQuery { return q },
			[]string{"print-new", "print-old", "both", "title-new", "title-old"},
		},
		{
			"limit", func(q record.PastQuery) record.PastQuery { q.Limit = 4; return q },
			[]string{"print-new", "print-old", "both", "title-new"},
		},
		{
			"no title", func(q record.PastQuery) record.PastQuery { q.Title = " "; return q },
			[]string{"print-new", "print-old", "both"},
		},
		{
			"no fingerprint", func(q record.PastQuery) record.PastQuery { q.Fingerprint = ""; return q },
			[]string{"title-new", "both", "title-old"},
		},
		{
			"another source", func(q record.PastQuery) record.PastQuery { q.Source = "datadog-test"; q.Fingerprint = ""; return q },
			[]string{"elsewhere"},
		},
		{
			"nothing excluded", func(q record.PastQuery) record.PastQuery { q.ExcludeID = ""; q.Title = ""; return q },
			[]string{"self", "print-new", "print-old", "both"},
		},
		{"nothing to go by", func(q record.PastQuery) record.PastQuery { q.Fingerprint, q.Title = "", ""; return q }, []string{}},
	}
	onBoth(t, func(t *testing.T, s *record.Store) {
		for i, p := range past {
			in := opened(p.id, 1)
			in.Source, in.Fingerprint, in.Title = p.source, p.fingerprint, p.title
			in.OpenedAt = at.Add(time.Duration(i) * time.Minute)
			require.NoError(t, s.SaveIncident(t.Context(), in))
		}
		for _, c := range cases {
			got, err := s.PastIncidents(t.Context(), c.query(query))
			require.NoError(t, err, c.name)
			assert.Equal(t, c.want, ids(got), c.name)
		}
	})
}

func TestPastIncidentsAreBounded(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		for i := range 60 {
			require.NoError(t, s.SaveIncident(t.Context(), opened(fmt.Sprint("i", i), 1)))
		}
		got, err := s.PastIncidents(t.Context(), record.PastQuery{Fingerprint: "f00d"})
		require.NoError(t, err)
		assert.Len(t, got, 50)
	})
}
