package doctor

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
)

func TestRetentionIsComparedWithEverySource(t *testing.T) {
	t.Parallel()
	source := func(name string, ttl time.Duration) config.Source {
		s := config.DefaultSource(name, "datadog")
		s.DeliveryTTL = ttl
		return s
	}
	for _, tc := range []struct {
		name        string
		file, table time.Duration
		err         error
		need        time.Duration
		longest     string
	}{
		{"short ones need what nerve needs", time.Hour, time.Hour, nil, contract.Retention, ""},
		{"the file's", contract.Retention + time.Hour, time.Hour, nil, contract.Retention + time.Hour, "filed"},
		{"the database's", time.Hour, contract.Retention + time.Hour, nil, contract.Retention + time.Hour, "kept"},
		{"the database is away", contract.Retention + time.Hour, 0, errors.New("away"), contract.Retention + time.Hour, "filed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			x := &examination{
				Subject: Subject{Config: &config.Config{Sources: []config.Source{source("filed", tc.file)}}},
				stored: func(context.Context) ([]stored, error) {
					return []stored{{source: source("kept", tc.table)}}, tc.err
				},
			}
			need, longest := x.remembered(t.Context())
			assert.Equal(t, tc.need, need)
			assert.Equal(t, tc.longest, longest)
		})
	}
}
