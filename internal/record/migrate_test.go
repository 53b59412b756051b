package record

import (
	"context"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/testkit"
)

// eachKind runs a test with the URL of an empty database of each kind.
func eachKind(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, filepath.Join(t.TempDir(), "nerve.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, testkit.Postgres(t))
	})
}

// tables counts nerve's own tables and indexes.
func tables(t *testing.T, s *Store) int {
	t.Helper()
	query := "SELECT count(*) FROM sqlite_schema WHERE tbl_name IN ('incidents', 'deliveries')"
	if s.read == s.write {
		query = "SELECT count(*) FROM pg_indexes WHERE tablename IN ('incidents', 'deliveries')"
	}
	var n int
	require.NoError(t, s.write.NewRaw(query).Scan(t.Context(), &n))
	return n
}

func TestMigrationsGoUpAndDown(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, url string) {
		s, err := Open(t.Context(), url, testkit.Logger(t))
		require.NoError(t, err)
		defer func() { assert.NoError(t, s.Close()) }()
		full := tables(t, s)
		assert.NotZero(t, full)

		list, err := s.Migrations(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, list)
		for _, m := range list {
			assert.False(t, m.AppliedAt.IsZero(), m.Name)
		}

		_, err = s.migrate.goose.DownTo(t.Context(), 0)
		require.NoError(t, err)
		assert.Zero(t, tables(t, s), "down leaves nothing")
		list, err = s.Migrations(t.Context())
		require.NoError(t, err)
		for _, m := range list {
			assert.True(t, m.AppliedAt.IsZero(), m.Name)
		}

		require.NoError(t, s.migrate.up(t.Context(), testkit.Logger(t)))
		assert.Equal(t, full, tables(t, s))
	})
}

func TestManyProcessesOpenAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, url string) {
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				s, err := Open(t.Context(), url, testkit.Logger(t))
				if assert.NoError(t, err) {
					assert.NoError(t, s.Close())
				}
			})
		}
		wg.Wait()
	})
}

// While another process migrates, this one waits for as long as its context lets it.
func TestMigrationsWaitForTheLock(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, url string) {
		s, err := Open(t.Context(), url, testkit.Logger(t))
		require.NoError(t, err)
		defer func() { assert.NoError(t, s.Close()) }()
		release := hold(t, s, url)

		waiting, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		err = s.migrate.up(waiting, testkit.Logger(t))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.True(t, Retryable(err))

		release()
		again, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		other, err := Open(again, url, testkit.Logger(t))
		require.NoError(t, err, "nobody holds the lock, though the first store is still open")
		require.NoError(t, other.Close())
	})
}

// hold takes the migration lock of a database as another process would.
func hold(t *testing.T, s *Store, url string) (release func()) {
	t.Helper()
	take := lockFile
	if s.read == s.write {
		take = func(ctx context.Context, _ string) (func() error, error) { return lockSession(ctx, s.write.DB) }
	}
	unlock, err := take(t.Context(), url)
	require.NoError(t, err)
	return func() { require.NoError(t, unlock()) }
}

func TestRowsOutliveAReopen(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, url string) {
		for version := int64(1); version < 3; version++ {
			s, err := Open(t.Context(), url, testkit.Logger(t))
			require.NoError(t, err)
			if version == 2 {
				got, err := s.Incident(t.Context(), "i")
				require.NoError(t, err)
				assert.Equal(t, int64(1), got.Version)
			}
			in := Incident{ID: "i", Source: "s", Version: version, OpenedAt: time.Unix(1, 0)}
			require.NoError(t, s.SaveIncident(t.Context(), in))
			require.NoError(t, s.Close())
		}
	})
}

var column = regexp.MustCompile(`(?m)^ {4}(\w+) +[A-Z]+`)

// The two dialects have the same steps, each with the same tables, columns and
// indexes, and each with a way back.
func TestDialectsAgree(t *testing.T) {
	t.Parallel()
	names := func(dialect string) []string {
		found, err := fs.Glob(migrations, path.Join("migrations", dialect, "*.sql"))
		require.NoError(t, err)
		require.NotEmpty(t, found)
		for i := range found {
			found[i] = path.Base(found[i])
		}
		return found
	}
	require.Equal(t, names("postgres"), names("sqlite"))
	for _, name := range names("postgres") {
		shape := func(dialect string) (columns, indexes []string) {
			text, err := migrations.ReadFile(path.Join("migrations", dialect, name))
			require.NoError(t, err)
			up, down, found := strings.Cut(string(text), "-- +goose Down")
			assert.True(t, found && strings.TrimSpace(down) != "", "%s/%s has no way back", dialect, name)
			for _, m := range column.FindAllStringSubmatch(up, -1) {
				columns = append(columns, m[1])
			}
			for line := range strings.Lines(up) {
				if strings.HasPrefix(line, "CREATE INDEX") || strings.HasPrefix(line, "CREATE TABLE") {
					indexes = append(indexes, line)
				}
			}
			return columns, indexes
		}
		pgColumns, pgIndexes := shape("postgres")
		liteColumns, liteIndexes := shape("sqlite")
		assert.Equal(t, pgColumns, liteColumns, name)
		assert.Equal(t, pgIndexes, liteIndexes, name)
	}
}
