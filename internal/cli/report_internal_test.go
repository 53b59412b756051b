package cli

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/config"
)

// Every package's prefix is left out for somebody at a terminal; only "config"
// is a word that says where to look.
func TestPlainKnowsEveryPackage(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("..")
	require.NoError(t, err)
	names := []string{"providers", "incident", "back"}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "config" && e.Name() != "testkit" {
			names = append(names, e.Name())
		}
	}
	assert.Greater(t, len(names), 10)
	for _, name := range names {
		assert.Equal(t, "no such disk", plain(errors.New(name+": no such disk")), name)
	}
	err = fmt.Errorf("operator: show: %w", errors.New("sender: providers: in dev: none"))
	assert.Equal(t, "show: in dev: none", plain(err), "only a whole prefix goes")
	assert.Equal(t, "config: 1 mistake\n  A: is b. Do c.", plain(config.Errors{{Key: "A", Problem: "is b", Fix: "Do c"}}))
}

func TestShownCommandsCanBeCopied(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "go run ./cmd/nerve", invoked("/tmp/go-build1/b001/exe/nerve"))
	assert.Equal(t, "./nerve", invoked("./nerve"))
}
