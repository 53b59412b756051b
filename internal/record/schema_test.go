package record_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

// A program beside nerve sees a schema that is not its own, and leaves it.
func TestConnectLeavesTheSchema(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := newURL(t, kind)
			if file, ok := strings.CutPrefix(url, "sqlite://"); ok {
				_, err := record.Connect(t.Context(), url)
				require.ErrorContains(t, err, "there is no database at "+file)
				require.NoError(t, os.WriteFile(file, nil, 0o600))
			}
			s, err := record.Connect(t.Context(), url)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			var schema *record.SchemaError
			require.ErrorAs(t, s.CheckSchema(t.Context()), &schema)
			assert.Zero(t, schema.Have)
			require.ErrorContains(t, schema, "look whether it is the right one")
			require.ErrorContains(t, schema, "nerve db migrate")
			steps, err := s.Migrations(t.Context())
			require.NoError(t, err)
			assert.Len(t, steps, int(schema.Want))
			_, err = s.Rollback(t.Context(), 0)
			require.ErrorContains(t, err, "no way back")
			begun, err := s.Begun(t.Context())
			require.NoError(t, err)
			assert.False(t, begun, "nothing was made in what may be somebody else's")

			require.NoError(t, s.Migrate(t.Context(), testkit.Logger(t)))
			require.NoError(t, s.CheckSchema(t.Context()))
			require.NoError(t, s.SaveDeliveries(t.Context(), []contract.Delivery{{ID: "d1", Source: "s", Outcome: contract.OutcomeAccepted}}))

			back, err := s.Rollback(t.Context(), schema.Want-1)
			require.NoError(t, err)
			require.Len(t, back, 1)
			assert.Equal(t, schema.Want, back[0].Version)
			require.ErrorAs(t, s.CheckSchema(t.Context()), &schema)
			_, err = s.Rollback(t.Context(), schema.Want)
			require.ErrorContains(t, err, "no way back")

			back, err = s.Rollback(t.Context(), 0)
			require.NoError(t, err)
			assert.Len(t, back, int(schema.Want-1))
			require.NoError(t, s.Migrate(t.Context(), testkit.Logger(t)))
			_, err = s.Delivery(t.Context(), "d1")
			require.ErrorIs(t, err, record.ErrNotFound, "the table was made anew")
		})
	}
}

func TestANewerDatabaseIsSaid(t *testing.T) {
	t.Parallel()
	assert.ErrorContains(t, &record.SchemaError{Have: 9, Want: 8}, "newer release")
}
