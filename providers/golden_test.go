package providers_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/providers"
)

var update = flag.Bool("update", false, "rewrite the golden files of the providers; read the diff")

// golden is what is pinned of a delivery.
type golden struct {
	Batch     *providers.Batch `json:"batch,omitempty"`
	Handshake string           `json:"handshake,omitempty"`
	Error     string           `json:"error,omitempty"`
}

func TestGolden(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, spec providers.Spec) {
		p := build(t, spec, key(t, spec, 1))
		for _, name := range providers.FixtureNames(spec.Name) {
			accepted, err := providers.Accept(p, sent(t, spec, key(t, spec, 1), name))
			got := golden{Batch: accepted.Batch}
			if accepted.Handshake != nil {
				got.Handshake = accepted.Handshake.ContentType + "\n" + string(accepted.Handshake.Body)
			}
			if err != nil {
				got.Error = err.Error()
			}
			text, err := json.MarshalIndent(got, "", "  ")
			require.NoError(t, err)
			path := filepath.Join("testdata", spec.Name, "golden", name+".golden.json")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
				require.NoError(t, os.WriteFile(path, append(text, '\n'), 0o600))
				continue
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err, "run: go test ./providers -run TestGolden -update")
			assert.JSONEq(t, string(want), string(text), name)
		}
	})
}

func TestGoldenFilesBelongToFixtures(t *testing.T) {
	t.Parallel()
	for _, spec := range providers.All() {
		files, err := filepath.Glob(filepath.Join("testdata", spec.Name, "golden", "*.golden.json"))
		require.NoError(t, err)
		assert.Len(t, files, len(providers.FixtureNames(spec.Name)), "%s: a golden file without its fixture", spec.Name)
	}
}

func TestFixtureUnknown(t *testing.T) {
	t.Parallel()
	_, err := providers.Fixture("slack", "../datadog/triggered")
	require.Error(t, err)
	_, err = providers.Fixture("nobody", "x")
	require.Error(t, err)
	assert.Empty(t, providers.FixtureNames("nobody"))
}
