package record_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/record"
)

var root = audit.Actor{Person: "root", Via: audit.ViaCLI}

func tokenOf(id string) record.Token {
	return record.Token{
		ID: id, Name: "ci \x00", Owner: "ana@example.com", Scope: "read", Hash: []byte{1, 2, 0},
		CreatedAt: at, ExpiresAt: at.Add(time.Hour),
	}
}

func TestTokensAreKept(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		require.NoError(t, s.CreateToken(t.Context(), root, tokenOf("t1")))
		require.ErrorIs(t, s.CreateToken(t.Context(), root, tokenOf("t1")), record.ErrExists)
		require.ErrorIs(t, s.CreateToken(t.Context(), audit.Actor{}, tokenOf("t2")), audit.ErrNobody)
		require.Error(t, s.CreateToken(t.Context(), root, record.Token{ID: "t3"}))
		want := tokenOf("t1")
		want.CreatedBy, want.Name = "root", "ci \uFFFD"
		got, err := s.Token(t.Context(), "t1")
		require.NoError(t, err)
		assert.Equal(t, want, got)
		_, err = s.Token(t.Context(), "t2")
		require.ErrorIs(t, err, record.ErrNotFound)

		later := tokenOf("t0")
		later.CreatedAt = at.Add(time.Second)
		require.NoError(t, s.CreateToken(t.Context(), root, later))
		all, err := s.Tokens(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"t0", "t1"}, []string{all[0].ID, all[1].ID})
		log, err := s.AuditLog(t.Context(), record.AuditFilter{})
		require.NoError(t, err)
		require.Len(t, log, 2, "what failed left no entry")
		assert.Equal(t, map[string]string{"name": "ci \uFFFD", "owner": "ana@example.com", "scope": "read", "expires_at": "2026-03-04T06:06:07Z"}, log[1].Detail)
	})
}

func TestTheUseOfATokenIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		require.NoError(t, s.CreateToken(t.Context(), root, tokenOf("t1")))
		for _, tc := range []struct{ at, want time.Duration }{{0, 0}, {59 * time.Second, 0}, {61 * time.Second, 61 * time.Second}, {-time.Hour, 61 * time.Second}} {
			require.NoError(t, s.TokenUsed(t.Context(), "t1", at.Add(tc.at)))
			got, err := s.Token(t.Context(), "t1")
			require.NoError(t, err)
			assert.Equal(t, at.Add(tc.want), got.LastUsedAt)
		}
	})
}

func TestATokenIsRevokedOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		_, err := s.RevokeToken(t.Context(), root, "t1", at)
		require.ErrorIs(t, err, record.ErrNotFound)
		require.NoError(t, s.CreateToken(t.Context(), root, tokenOf("t1")))
		_, err = s.RevokeToken(t.Context(), audit.Actor{}, "t1", at)
		require.ErrorIs(t, err, audit.ErrNobody)
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				got, err := s.RevokeToken(t.Context(), root, "t1", at.Add(time.Duration(i)*time.Second))
				assert.False(t, err != nil || got.RevokedAt.IsZero(), "%v", err)
			})
		}
		group.Wait()
		log, err := s.AuditLog(t.Context(), record.AuditFilter{Target: "t1"})
		require.NoError(t, err)
		require.Len(t, log, 2)
		assert.Equal(t, record.ActionTokenRevoke, log[0].Action)
	})
}

func TestAnIdempotencyKeyIsClaimedOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		var won atomic.Int64
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				k := record.IdempotencyKey{Person: "ana", Key: "k", Request: []byte("r"), Holder: string(rune('a' + i))}
				known, err := s.BeginIdempotent(t.Context(), k, at, time.Minute, time.Hour)
				if err == nil && known == nil {
					won.Add(1)
					return
				}
				assert.ErrorIs(t, err, record.ErrInFlight)
			})
		}
		group.Wait()
		assert.Equal(t, int64(1), won.Load())
	})
}

func TestTheLifeOfAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		k := record.IdempotencyKey{Person: "ana", Key: "k", Request: []byte("r"), Holder: "h1"}
		begin := func(holder string, after time.Duration) (*record.IdempotencyKey, error) {
			k := k
			k.Holder = holder
			return s.BeginIdempotent(t.Context(), k, at.Add(after), time.Minute, time.Hour)
		}
		known, err := begin("h1", 0)
		require.NoError(t, err)
		require.Nil(t, known)
		known, err = begin("h2", 59*time.Second)
		require.ErrorIs(t, err, record.ErrInFlight)
		assert.Equal(t, []byte("r"), known.Request, "so that another request under the key is told apart")
		known, err = begin("h2", time.Minute)
		require.NoError(t, err)
		require.NotNil(t, known, "whoever held it is gone")
		assert.Nil(t, known.Answer)
		_, err = begin("h3", 61*time.Second)
		require.ErrorIs(t, err, record.ErrInFlight, "h2 has it now")

		k.Answer = []byte("late")
		require.NoError(t, s.FinishIdempotent(t.Context(), k), "h1 comes back")
		require.NoError(t, s.AbandonIdempotent(t.Context(), k))
		_, err = begin("h3", 61*time.Second)
		require.ErrorIs(t, err, record.ErrInFlight, "and has nothing to say any more")
		k.Holder, k.Answer = "h2", []byte("answer")
		require.NoError(t, s.FinishIdempotent(t.Context(), k))
		known, err = begin("h3", 30*time.Minute)
		require.NoError(t, err)
		assert.Equal(t, []byte("answer"), known.Answer)
		require.NoError(t, s.AbandonIdempotent(t.Context(), k), "what is answered stays")
		known, err = begin("h3", 30*time.Minute)
		require.NoError(t, err)
		require.NotNil(t, known)

		known, err = begin("h4", 2*time.Hour)
		require.NoError(t, err)
		assert.Nil(t, known, "it was forgotten")
		k.Holder = "h4"
		require.NoError(t, s.AbandonIdempotent(t.Context(), k))
		known, err = begin("h5", 2*time.Hour)
		require.NoError(t, err)
		assert.Nil(t, known, "it was given back")
		require.NoError(t, s.ForgetIdempotent(t.Context(), at.Add(4*time.Hour)))
		known, err = begin("h6", 2*time.Hour)
		require.NoError(t, err)
		assert.Nil(t, known)
	})
}
