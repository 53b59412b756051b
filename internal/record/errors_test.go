package record

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/testkit"
)

func TestRetryable(t *testing.T) {
	t.Parallel()
	pg := func(code string) error { return fmt.Errorf("record: x: %w", &pgconn.PgError{Code: code}) }
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nil":           {nil, false},
		"not found":     {ErrNotFound, false},
		"unknown":       {errors.New("x"), false},
		"cancelled":     {fmt.Errorf("record: x: %w", context.Canceled), false},
		"deadline":      {fmt.Errorf("record: x: %w", context.DeadlineExceeded), true},
		"bad conn":      {fmt.Errorf("record: x: %w", driver.ErrBadConn), true},
		"cut off":       {io.ErrUnexpectedEOF, true},
		"serialization": {pg("40001"), true},
		"deadlock":      {pg("40P01"), true},
		"too many":      {pg("53300"), true},
		"disk full":     {pg("53100"), true},
		"shutdown":      {pg("57P01"), true},
		"starting":      {pg("57P03"), true},
		"read only":     {pg("25006"), true},
		"connection":    {pg("08006"), true},
		"unique":        {pg("23505"), false},
		"check":         {pg("23514"), false},
		"password":      {pg("28P01"), false},
		"syntax":        {pg("42601"), false},
		"bad text":      {pg("22021"), false},
	} {
		assert.Equal(t, c.want, Retryable(c.err), name)
	}
}

// The real errors of both databases, not ones made up here.
func TestRetryableOfAConstraint(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, url string) {
		s, err := Open(t.Context(), url, testkit.Logger(t))
		require.NoError(t, err)
		defer func() { assert.NoError(t, s.Close()) }()
		_, err = s.write.ExecContext(t.Context(), "UPDATE incidents SET id = id WHERE nothing = 1")
		require.Error(t, err)
		assert.False(t, Retryable(err))
		row := rowOfIncident(Incident{ID: "i", Source: "", Version: 1, OpenedAt: time.Unix(1, 0)})
		_, err = s.write.NewInsert().Model(&row).Exec(t.Context())
		require.Error(t, err, "the schema checks it too")
		assert.False(t, Retryable(err))
	})
}

func TestRetryableOfABusyFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "x")
	unlock, err := lockFile(t.Context(), file)
	require.NoError(t, err)
	busy, err := openFile(file+".lock", 1, url.Values{"_pragma": {"busy_timeout(0)"}})
	require.NoError(t, err)
	defer func() { assert.NoError(t, busy.Close()) }()
	_, err = busy.ExecContext(t.Context(), "BEGIN EXCLUSIVE")
	require.Error(t, err)
	assert.True(t, Retryable(err), "%v", err)

	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = lockFile(over, file)
	require.ErrorIs(t, err, context.Canceled, "waiting ends with the context")

	var released atomic.Bool
	got := make(chan error, 1)
	go func() {
		unlock, err := lockFile(t.Context(), file)
		if !released.Load() {
			err = errors.Join(err, errors.New("both have the lock"))
		}
		if unlock != nil {
			err = errors.Join(err, unlock())
		}
		got <- err
	}()
	released.Store(true)
	require.NoError(t, unlock())
	require.NoError(t, <-got)
}

func TestRetryableOfAServerThatWentAway(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), testkit.Postgres(t), testkit.Logger(t))
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	tx, err := s.write.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	// The backend of this connection is told to end, as on a restart.
	_, err = tx.ExecContext(t.Context(), "SELECT pg_terminate_backend(pg_backend_pid())")
	require.Error(t, err)
	assert.True(t, Retryable(err), "%v", err)
	_ = tx.Rollback() // the connection is gone
	require.NoError(t, s.Ping(t.Context()), "the pool connects again")
}
