package back

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
)

func TestApprovedChangesAreMadeOnceAndRefusalsAreFinal(t *testing.T) {
	t.Parallel()
	store, err := record.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "nerve.db"), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	keys, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	sealer, err := privacy.NewSealer(keys)
	require.NoError(t, err)
	r, err := registry.New(registry.Options{Store: store, Sealer: sealer, Base: config.DefaultSource("", "")})
	require.NoError(t, err)
	c := changer{r}
	asks, grants := audit.Actor{Person: "ops", Via: audit.ViaCLI}, audit.Actor{Person: "dev", Via: audit.ViaSlack}
	add := contract.Change{Action: contract.ActionSourceAdd, Target: "dd", Fields: map[string]any{"provider": "datadog"}, Secret: strings.Repeat("s", 40)}
	require.NoError(t, c.Apply(t.Context(), "ref1", add, asks, grants))
	require.NoError(t, c.Apply(t.Context(), "ref1", add, asks, grants))
	for code, try := range map[string]func() error{
		"registry/exists": func() error { return c.Apply(t.Context(), "ref2", add, asks, grants) },
		"registry/same_person": func() error {
			return c.Apply(t.Context(), "ref3", contract.Change{Action: contract.ActionSourceDisable, Target: "dd"}, asks, asks)
		},
		"registry/mistake": func() error {
			return c.Apply(t.Context(), "ref4", contract.Change{Action: contract.ActionSourceSet, Target: "dd", Fields: map[string]any{"rate": "x", "burst": "y"}}, asks, grants)
		},
		"registry/conflict": func() error {
			return c.Apply(t.Context(), "ref5", contract.Change{Action: contract.ActionSourceRemove, Target: "dd", Revision: 9}, asks, grants)
		},
	} {
		err := try()
		var refused refusedChange
		require.ErrorAs(t, err, &refused, code)
		assert.Equal(t, code, refused.Code())
		assert.False(t, refused.Retryable())
		assert.NotContains(t, err.Error(), "\n")
	}
	require.NoError(t, store.Close())
	err = c.Apply(t.Context(), "ref6", contract.Change{Action: contract.ActionSourceRemove, Target: "dd"}, asks, grants)
	require.Error(t, err)
	assert.NotErrorAs(t, err, new(refusedChange), "a database that is away is tried again")
}
