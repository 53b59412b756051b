package cli_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Nothing runs here: each command says so, and whose mistake it is.
func TestApprovalsWithoutANerve(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, args := range [][]string{{"list"}, {"show", "0a1b2c"}, {"grant", "0a1b2c"}, {"deny", "0a1b2c", "--by", "robin", "--reason", "no"}} {
		code, out, errOut := run(t, append(append([]string{"approvals"}, args...), "--state", dir)...)
		assert.Equal(t, 2, code, errOut)
		assert.Empty(t, out)
		assert.Contains(t, errOut, "nerve dev")
	}
	code, _, errOut := run(t, "approvals", "grant", "--state", dir)
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "<id>")
}
