package back

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
)

type ledger struct {
	order registry.Order
	err   error
}

func (l *ledger) Apply(_ context.Context, o registry.Order) (registry.Applied, error) {
	l.order = o
	return registry.Applied{}, l.err
}

func TestAGrantedChangeIsOrdered(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	by, second := audit.Actor{Person: "alex", Via: audit.ViaCLI}, audit.Actor{Person: "robin", Via: audit.ViaSlack}
	change := contract.Change{Action: contract.ActionSourceRemove, Target: "billing"}
	require.NoError(t, changes{l}.Apply(t.Context(), "approval:1/run", change, by, second))
	assert.Equal(t, registry.Order{Change: change, By: by, ApprovedBy: &second, Ref: "approval:1/run"}, l.order)
}

func TestWhatNoRetryMendsSaysSo(t *testing.T) {
	t.Parallel()
	away := errors.New("dial tcp: connection refused")
	for _, tt := range []struct {
		err  error
		code string // "" is worth another try
	}{
		{away, ""},
		{context.DeadlineExceeded, ""},
		{registry.ErrNotFound, "sources/not_found"},
		{fmt.Errorf("registry: %w", registry.ErrExists), "sources/exists"},
		{registry.ErrReadOnly, "sources/read_only"},
		{registry.ErrUnchanged, "sources/unchanged"},
		{registry.ErrSamePerson, "sources/same_person"},
		{audit.ErrNobody, "sources/nobody"},
		{&registry.ConflictError{Have: 2, Seen: 1}, "sources/conflict"},
		{&registry.SecondPersonError{Why: "x"}, "sources/second_person"},
		{&registry.ForceError{Why: "x"}, "sources/force"},
		{&record.PurgeError{}, "sources/too_soon"},
		{config.Errors{{Key: "window", Problem: "is wrong"}}, "sources/invalid"},
	} {
		err := changes{&ledger{err: tt.err}}.Apply(t.Context(), "", contract.Change{}, audit.Actor{}, audit.Actor{})
		require.ErrorContains(t, err, tt.err.Error())
		var said refused
		assert.Equal(t, tt.code != "", errors.As(err, &said), "%v", tt.err)
		assert.Equal(t, tt.code, said.code)
		if tt.code != "" {
			assert.False(t, said.Retryable())
			assert.NotEmpty(t, said.Error())
		}
	}
}
