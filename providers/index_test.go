package providers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/providers"
)

const guides = "../docs/sources"

// TestSourcesIndex keeps the list of vendors in docs/sources/README.md as the
// registry has it: go test ./providers -run SourcesIndex -update
func TestSourcesIndex(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`# Sources

Every vendor that nerve reads, by the name that a source has under ` + "`provider`" + `. A guide says how to set it
up; for the others, the vendor's own page and the token or secret are all there is to it. For a vendor that
is not here, [write a mapping](../mappings.md). ` + "`nerve send NAME`" + ` shows what each looks like.

Proof is **signed** where a signature covers the body, and **token** where a secret stands beside it. A
vendor with both is taken either way, unless the source names its ` + "`schemes`" + `.

| provider | vendor | proof | guide |
|---|---|---|---|
`)
	for _, spec := range providers.All() {
		guide := ""
		if _, err := os.Stat(filepath.Join(guides, spec.Name+".md")); err == nil {
			guide = fmt.Sprintf("[guide](%s.md)", spec.Name)
		} else if spec.Docs != "" {
			guide = fmt.Sprintf("[vendor](%s)", spec.Docs)
		}
		_, err := fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", spec.Name, spec.Title, proofs(t, spec), guide)
		require.NoError(t, err)
	}
	path := filepath.Join(guides, "README.md")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
		return
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, b.String(), string(have), "run: go test ./providers -run SourcesIndex -update")
}

// TestGuidesBelongToProviders finds a guide that no provider has.
func TestGuidesBelongToProviders(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(guides, "*.md"))
	require.NoError(t, err)
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".md")
		if _, known := providers.Lookup(name); !known && name != "README" {
			t.Errorf("docs/sources/%s.md is about no provider", name)
		}
	}
}

// proofs says how deliveries of a vendor are proved, the best way first.
func proofs(t *testing.T, spec providers.Spec) string {
	t.Helper()
	schemes, err := providers.Expand(spec.Schemes)
	require.NoError(t, err)
	var out []string
	for _, s := range schemes {
		word := string(s.Assurance())
		if s.Weak {
			word += " (weak)"
		}
		if !strings.Contains(strings.Join(out, ","), word) {
			out = append(out, word)
		}
	}
	return strings.Join(out, ", ")
}
