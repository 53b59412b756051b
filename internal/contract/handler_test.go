package contract_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/nerve-alerts/nerve/internal/contract"
)

func TestHandlingChoosesByEventType(t *testing.T) {
	t.Parallel()
	h := contract.Handling{Default: contract.HandlerStore, ByType: map[string]string{
		"prediction.*":          contract.HandlerTaskResult,
		"prediction.canceled":   contract.HandlerStore,
		"prediction.training.*": contract.HandlerTriage,
	}}
	for eventType, want := range map[string]string{
		"prediction.succeeded":       contract.HandlerTaskResult,
		"prediction.canceled":        contract.HandlerStore,
		"prediction.training.failed": contract.HandlerTriage,
		"invoice.paid":               contract.HandlerStore,
		"":                           contract.HandlerStore,
	} {
		assert.Equal(t, want, h.For(eventType), eventType)
	}
	assert.Equal(t, contract.HandlerTriage, contract.Handling{}.For("anything"), "the default")
	assert.True(t, h.Uses(contract.HandlerTaskResult))
	assert.False(t, contract.Handling{}.Uses(contract.HandlerTaskResult))
	assert.True(t, contract.Handling{}.Uses(contract.HandlerTriage))
	for _, name := range contract.Handlers() {
		assert.True(t, contract.KnownHandler(name))
	}
	assert.False(t, contract.KnownHandler("triange"))
}
