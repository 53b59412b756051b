package explain

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

type book map[string]contract.Delivery

func (b book) Delivery(_ context.Context, id string) (contract.Delivery, error) {
	d, found := b[id]
	if !found {
		return d, record.ErrNotFound
	}
	return d, nil
}

func (book) Incident(context.Context, string) (record.Incident, error) {
	return record.Incident{}, record.ErrNotFound
}

// Ingest was killed while Redis was away: the incident of the second signal is all
// that has recorded the delivery, and does not know how many it held.
func TestGatherFindsWhatAnIncidentRecorded(t *testing.T) {
	t.Parallel()
	in, err := Gather(t.Context(), book{
		id: {ID: id, Source: "s"}, contract.PartID(id, 2): {ID: contract.PartID(id, 2), Part: 2, Outcome: contract.OutcomeAccepted},
	}, id)
	require.NoError(t, err)
	require.Len(t, in.Parts, 1)
	assert.True(t, Delivery(in).Paged)
}
