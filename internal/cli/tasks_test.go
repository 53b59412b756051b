package cli_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/record"
)

func TestATaskOfNoSourceIsNotExpected(t *testing.T) {
	file, _, store := deployed(t, true)
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	who := audit.Actor{Person: "ops", Via: audit.ViaCLI}
	for _, name := range []string{"models", "off"} {
		e := audit.Entry{Actor: who, Action: "source.add", Target: name}
		_, done, err := store.WriteSource(t.Context(), &e, record.SourceWrite{Source: record.Source{Name: name, Provider: "replicate", Disabled: name == "off"}})
		require.NoError(t, err)
		require.True(t, done)
	}
	for _, source := range []string{"modles", "off"} {
		code, _, errOut := run(t, "tasks", "expect", "7", "--source", source, "--config", file)
		assert.Equal(t, 2, code)
		assert.Contains(t, errOut, "there is no source "+source+" that takes deliveries; there are: filed, models (")
	}
	for _, source := range []string{"models", "filed"} {
		code, _, errOut := run(t, "tasks", "expect", "7", "--source", source, "--config", file)
		assert.Equal(t, 1, code)
		assert.Contains(t, errOut, "no way to Temporal", "it gets as far as there")
	}
}
