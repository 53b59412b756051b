package registry_test

import (
	"database/sql"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"

	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/testkit"
	"github.com/nerve-alerts/nerve/providers"
)

// An ingest needs what docs/registry.md grants it, and no more.
func TestIngestNeedsFourTables(t *testing.T) {
	t.Parallel()
	address := testkit.Postgres(t)
	b := newBench(t, address)
	b.approved(t, add("dd", map[string]any{"provider": "datadog"}))
	db, err := sql.Open("pgx", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	role := "ingest_" + providers.SecretID(secret("a"))
	t.Cleanup(func() { _, _ = db.Exec("DROP OWNED BY " + role + "; DROP ROLE " + role) })
	_, err = db.ExecContext(t.Context(), "CREATE ROLE "+role+" LOGIN PASSWORD 'p'; GRANT SELECT ON registry, sources, source_secrets, source_purges TO "+role)
	require.NoError(t, err)
	u, err := url.Parse(address)
	require.NoError(t, err)
	u.User = url.UserPassword(role, "p")
	store, err := record.Connect(t.Context(), u.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	_, err = store.SourcesRevision(t.Context())
	require.NoError(t, err)
	set, err := store.SealedSources(t.Context())
	require.NoError(t, err)
	assert.Len(t, set.Sources, 1)
	_, err = store.AuditLog(t.Context(), record.AuditFilter{})
	require.ErrorContains(t, err, "permission denied")
}
