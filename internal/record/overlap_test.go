package record_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Two recorders may hold the same entries in another order: one took over what
// the other had not acknowledged yet. Neither is to wait for the other for ever.
func TestRecordersThatOverlapDoNotMeetInADeadlock(t *testing.T) {
	t.Parallel()
	s := open(t, newURL(t, "postgres"))
	for round := range 20 {
		var batch []contract.Delivery
		for i := range 200 {
			d := delivered(fmt.Sprintf("%03d-%03d", round, i), contract.OutcomeAccepted)
			d.SecretID = fmt.Sprint(i % 7)
			d.Sealed = make([]byte, 30<<10) // several statements
			batch = append(batch, d)
		}
		other := slices.Clone(batch)
		slices.Reverse(other)
		var wg sync.WaitGroup
		for _, b := range [][]contract.Delivery{batch, other} {
			wg.Go(func() { assert.NoError(t, s.SaveDeliveries(t.Context(), b)) })
		}
		wg.Wait()
	}
}

// Two workers share the rows that count the use of secrets, whatever they write.
func TestRecordersOfTheSameSecretsDoNotMeetInADeadlock(t *testing.T) {
	t.Parallel()
	s := open(t, newURL(t, "postgres"))
	for round := range 20 {
		var wg sync.WaitGroup
		for worker := range 2 {
			var batch []contract.Delivery
			for i := range 8 {
				d := delivered(fmt.Sprintf("%03d-%d-%03d", round, worker, i), contract.OutcomeAccepted)
				d.SecretID = fmt.Sprint((i + 4*worker) / 4 % 2) // the other one first
				d.Sealed = make([]byte, 1<<20)                  // several statements
				batch = append(batch, d)
			}
			wg.Go(func() { assert.NoError(t, s.SaveDeliveries(t.Context(), batch)) })
		}
		wg.Wait()
	}
	use, err := s.SecretUse(t.Context(), "datadog-prod")
	require.NoError(t, err)
	require.Len(t, use, 2)
}
