package back

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// What doctor looks for is what a worker works on.
func TestAWorkerWorksOnEveryQueue(t *testing.T) {
	t.Parallel()
	names := make([]string, len(queues))
	for i, q := range queues {
		names[i] = q.name
	}
	assert.Equal(t, contract.Queues, names)
}
