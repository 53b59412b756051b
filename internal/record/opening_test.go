package record_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

func startedBy(part int) contract.IncidentRecord {
	return contract.IncidentRecord{
		ID: "i", WorkflowID: "w", Revision: 1, Phase: contract.PhaseOpening, Status: incident.StatusFiring, OpenedAt: at, LastSeen: at, Occurrences: 1,
		Signal: incident.Signal{
			Source: "datadog-prod", Provider: "datadog", Kind: incident.KindAlert, Severity: incident.SeverityHigh, Title: "t",
			RawPayload: incident.RawPayload{DeliveryID: "d", Part: part, Size: 3, SHA256: "00", Sealed: []byte{1, 2, 3}},
		},
	}
}

// What a workflow knows of its opening stands in for ingest's own entry, and
// gives way to it, whichever comes first.
func TestOpeningGivesWayToWhatIngestKnows(t *testing.T) {
	t.Parallel()
	whole := delivered("d", contract.OutcomeFolded)
	whole.Scheme, whole.Trace = "datadog", &contract.Trace{Window: contract.WindowStorm}
	for name, workflowFirst := range map[string]bool{"workflow first": true, "ingest first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, s *record.Store) {
				if workflowFirst {
					require.NoError(t, s.Record(t.Context(), startedBy(0)))
					got, err := s.Delivery(t.Context(), "d")
					require.NoError(t, err)
					assert.Equal(t, contract.OutcomeAccepted, got.Outcome)
					assert.Equal(t, "i", got.IncidentID)
				}
				save(t, s, whole)
				require.NoError(t, s.Record(t.Context(), startedBy(0)))
				got, err := s.Delivery(t.Context(), "d")
				require.NoError(t, err)
				want := whole
				want.Sealed = []byte{1, 2, 3}
				assert.Equal(t, want, got)
			})
		})
	}
}

// A workflow that was started by one of several signals knows what became of its
// own only.
func TestOpeningByOneOfSeveralSignals(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		require.NoError(t, s.Record(t.Context(), startedBy(2)))
		part, err := s.Delivery(t.Context(), "d-2")
		require.NoError(t, err)
		assert.Equal(t, 2, part.Part)
		assert.Equal(t, contract.OutcomeAccepted, part.Outcome)
		assert.Empty(t, part.Sealed)
		attempt, err := s.Delivery(t.Context(), "d")
		require.NoError(t, err)
		assert.Empty(t, attempt.Outcome)
		assert.Empty(t, attempt.IncidentID)
		assert.Equal(t, []byte{1, 2, 3}, attempt.Sealed)
		n, err := s.Occurrences(t.Context(), "i")
		require.NoError(t, err)
		assert.EqualValues(t, 1, n)

		answered := delivered("d", contract.OutcomeAccepted)
		answered.IncidentID, answered.Signals = "", 2
		save(t, s, answered)
		attempt, err = s.Delivery(t.Context(), "d")
		require.NoError(t, err)
		assert.Equal(t, 2, attempt.Signals)
		assert.Equal(t, []byte{1, 2, 3}, attempt.Sealed)
		n, err = s.Occurrences(t.Context(), "i")
		require.NoError(t, err)
		assert.EqualValues(t, 1, n, "each signal counts once")
	})
}
