package record_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

func TestSubscribersAreStoppedAndStarted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		now := at
		record.SetNow(s, func() time.Time { return now })
		list, err := s.StoppedSubscribers(t.Context())
		require.NoError(t, err)
		assert.Empty(t, list)
		require.NoError(t, s.StopSubscriber(t.Context(), "crm", "outbound/http_410"))
		require.NoError(t, s.StopSubscriber(t.Context(), "billing", "outbound/http_410"))
		now = at.Add(time.Hour)
		require.NoError(t, s.StopSubscriber(t.Context(), "crm", "again"), "another worker has said so")
		list, err = s.StoppedSubscribers(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []contract.StoppedSubscriber{
			{Name: "billing", Why: "outbound/http_410", StoppedAt: at}, {Name: "crm", Why: "outbound/http_410", StoppedAt: at},
		}, list)

		require.ErrorIs(t, s.StartSubscriber(t.Context(), "nobody", ops), record.ErrNotFound)
		require.ErrorIs(t, s.StartSubscriber(t.Context(), "crm", audit.Actor{}), audit.ErrNobody)
		require.NoError(t, s.StartSubscriber(t.Context(), "crm", ops))
		require.ErrorIs(t, s.StartSubscriber(t.Context(), "crm", ops), record.ErrNotFound)
		list, err = s.StoppedSubscribers(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 1)
		assert.Equal(t, "billing", list[0].Name)

		log, err := s.AuditLog(t.Context(), record.AuditFilter{Target: "crm"})
		require.NoError(t, err)
		require.Len(t, log, 2, "what changed nothing is not in the log")
		assert.Equal(t, []string{record.ActionSubscriberStart, "ops@example.com"}, []string{log[0].Action, log[0].Actor.Person})
		assert.Equal(t, []string{record.ActionSubscriberStop, "nerve", "outbound/http_410"}, []string{log[1].Action, log[1].Actor.Person, log[1].Detail["why"]})
	})
}
