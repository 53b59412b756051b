package cli_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/record"
)

func TestAStoppedSubscriberInCommands(t *testing.T) {
	s := recorded(t)
	code, out, errOut := run(t, "events", "stopped")
	require.Zero(t, code, errOut)
	assert.Equal(t, "No subscriber is stopped.\n", out)
	require.NoError(t, s.StopSubscriber(t.Context(), "crm", "outbound/http_410"))
	code, out, errOut = run(t, "events", "stopped")
	require.Zero(t, code, errOut)
	assert.Regexp(t, `crm +\d{4}-.*Z +outbound/http_410`, out)

	code, _, errOut = run(t, "events", "start", "billing")
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "no subscriber billing is stopped (nerve events stopped shows which are)")
	code, out, errOut = run(t, "events", "start", "crm", "--by", "Alex")
	require.Zero(t, code, errOut)
	assert.Contains(t, out, "crm gets events again")
	code, out, errOut = run(t, "events", "stopped", "--json")
	require.Zero(t, code, errOut)
	assert.JSONEq(t, "[]", out)
	log, err := s.AuditLog(t.Context(), record.AuditFilter{Target: "crm"})
	require.NoError(t, err)
	require.Len(t, log, 2)
	assert.Equal(t, []string{record.ActionSubscriberStart, "alex"}, []string{log[0].Action, log[0].Actor.Person})
}
