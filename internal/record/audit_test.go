package record_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/record"
)

func changed(ref, target string) audit.Entry {
	return audit.Entry{
		Ref: ref, Actor: audit.Actor{Person: "ops@example.com", Via: audit.ViaCLI, Credential: "t1"},
		Action: "source.set", Target: target, Detail: map[string]string{"a": "it's \x00 \xff ü", "b": `\u0000`},
	}
}

func TestAuditLogIsAChain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		var group sync.WaitGroup
		for i := range 40 {
			group.Go(func() {
				_, err := s.AppendAudit(t.Context(), changed("", "source-"+strconv.Itoa(i%2)))
				assert.NoError(t, err)
			})
		}
		group.Wait()
		newest, err := s.AuditLog(t.Context(), record.AuditFilter{Limit: 3})
		require.NoError(t, err)
		require.Len(t, newest, 3)
		assert.Equal(t, int64(40), newest[0].Seq)
		assert.Equal(t, map[string]string{"a": "it's � � ü", "b": `\u0000`}, newest[0].Detail)
		older, err := s.AuditLog(t.Context(), record.AuditFilter{Target: "source-1", Before: newest[2].Seq})
		require.NoError(t, err)
		for _, e := range older {
			assert.Equal(t, "source-1", e.Target)
			assert.Less(t, e.Seq, newest[2].Seq)
		}
		head, err := audit.Verify(s.AuditChain(t.Context()), audit.Head{Seq: newest[1].Seq, Hash: newest[1].Hash})
		require.NoError(t, err)
		assert.Equal(t, audit.Head{Seq: 40, Hash: newest[0].Hash}, head)
	})
}

func TestAuditLogKeepsOneEntryOfARef(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *record.Store) {
		first, err := s.AppendAudit(t.Context(), changed("r1", "x"))
		require.NoError(t, err)
		again, err := s.AppendAudit(t.Context(), changed("r1", "y"))
		require.NoError(t, err)
		assert.Equal(t, first, again)
		_, err = s.AppendAudit(t.Context(), changed("r2", "x"))
		require.NoError(t, err)
		head, err := audit.Verify(s.AuditChain(t.Context()))
		require.NoError(t, err)
		assert.Equal(t, int64(2), head.Seq)
		_, err = s.AppendAudit(t.Context(), audit.Entry{Action: "x"})
		require.ErrorIs(t, err, audit.ErrNobody)
	})
}

// An entry that was forged before the first would be listed like every other.
func TestAuditLogShowsWhatWasPutBeforeIt(t *testing.T) {
	t.Parallel()
	for kind, untie := range map[string]string{
		"sqlite":   "PRAGMA ignore_check_constraints = ON",
		"postgres": "ALTER TABLE audit DROP CONSTRAINT IF EXISTS audit_seq_check",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := open(t, newURL(t, kind))
			first, err := s.AppendAudit(t.Context(), changed("", "x"))
			require.NoError(t, err)
			db := record.DB(s)
			if kind == "postgres" {
				_, err = db.ExecContext(t.Context(), "TRUNCATE audit")
				require.ErrorContains(t, err, "only ever appended")
			}
			_, err = db.ExecContext(t.Context(), untie)
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), "INSERT INTO audit SELECT 0, at, NULL, 'somebody', via, credential, action, target, detail, prev, hash FROM audit")
			require.NoError(t, err)
			listed, err := s.AuditLog(t.Context(), record.AuditFilter{})
			require.NoError(t, err)
			require.Len(t, listed, 2)
			_, err = audit.Verify(s.AuditChain(t.Context()), audit.Head{Seq: 1, Hash: first.Hash})
			var broken *audit.BrokenError
			require.ErrorAs(t, err, &broken)
		})
	}
}

// The database itself refuses to change the log; somebody who takes that away
// and changes it is found by Verify, over more than one page.
func TestAuditLogShowsWhatWasDoneToIt(t *testing.T) {
	t.Parallel()
	for kind, untie := range map[string]string{
		"sqlite":   "DROP TRIGGER audit_no_update",
		"postgres": "ALTER TABLE audit DISABLE TRIGGER audit_append_only",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := newURL(t, kind)
			s := open(t, url)
			for range 3 {
				_, err := s.AppendAudit(t.Context(), changed("", "x"))
				require.NoError(t, err)
			}
			db := record.DB(s)
			forge := func() error {
				_, err := db.ExecContext(t.Context(), "UPDATE audit SET person = ? WHERE seq = 2", bun.Safe("'somebody'"))
				return err
			}
			require.ErrorContains(t, forge(), "only ever appended")
			_, err := db.ExecContext(t.Context(), "DELETE FROM audit WHERE seq = 3")
			require.ErrorContains(t, err, "only ever appended")
			_, err = db.ExecContext(t.Context(), untie)
			require.NoError(t, err)
			require.NoError(t, forge())
			_, err = audit.Verify(s.AuditChain(t.Context()))
			var broken *audit.BrokenError
			require.ErrorAs(t, err, &broken)
			assert.Equal(t, int64(2), broken.Seq)
		})
	}
}
