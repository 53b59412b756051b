package app

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/registry"
)

func stored(name string, change ...func(*config.Source)) registry.Stored {
	s := config.DefaultSource(name, "datadog", config.Secret(strings.Repeat("s", 40)))
	for _, c := range change {
		c(&s)
	}
	return registry.Stored{Source: s}
}

func byName(list []ingest.Source) map[string]ingest.Source {
	all := map[string]ingest.Source{}
	for _, s := range list {
		all[s.Name] = s
	}
	return all
}

func TestWhatDidNotChangeIsKept(t *testing.T) {
	t.Parallel()
	b := newBook([]config.Source{stored("filed").Source}, func() string { return "" }, slog.New(slog.DiscardHandler))
	_, err := b.file()
	require.NoError(t, err)
	before := byName(b.merge(registry.Loaded{Sources: []registry.Stored{stored("same"), stored("moved"), stored("rotated")}}))
	after := byName(b.merge(registry.Loaded{
		Epochs: map[string]int64{"same": 7},
		Sources: []registry.Stored{
			stored("same"),
			stored("moved", func(s *config.Source) {
				s.Channel, s.Window, s.Handler, s.SeverityFloor = "C1", time.Hour, "store", incident.SeverityHigh
				s.AllowCIDRs = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
			}),
			stored("rotated", func(s *config.Source) {
				s.Secrets = append([]config.SourceSecret{{Value: config.Secret(strings.Repeat("n", 40))}}, s.Secrets...)
			}),
		},
	}))
	assert.Same(t, before["filed"].Provider, after["filed"].Provider)
	assert.Same(t, before["same"].Provider, after["same"].Provider)
	assert.Same(t, before["moved"].Provider, after["moved"].Provider, "its proof and its payload are the same")
	assert.NotSame(t, before["rotated"].Provider, after["rotated"].Provider)
	assert.Equal(t, int64(7), after["same"].Epoch)
	moved := after["moved"]
	assert.Equal(t, "C1", moved.Route.Channel)
	assert.Equal(t, time.Hour, moved.Window)
	assert.Equal(t, "store", moved.Handler)
	assert.Equal(t, incident.SeverityHigh, moved.SeverityFloor)
	assert.Len(t, moved.AllowFrom, 1)
}

func TestABrokenSourceDoesNotTakeTheOthersDown(t *testing.T) {
	t.Parallel()
	log := &strings.Builder{}
	b := newBook([]config.Source{stored("filed").Source}, func() string { return "" }, slog.New(slog.NewTextHandler(log, nil)))
	l := registry.Loaded{Sources: []registry.Stored{
		stored("good"), stored("filed", func(s *config.Source) { s.Provider = "slack" }),
		stored("mapping", func(s *config.Source) { s.Provider, s.MappingText = "mapping", "title: x\nshapes: [{title: 'body.('}]" }),
		{Source: config.Source{Name: "sealed", Provider: "datadog"}, Err: errors.New("it cannot be opened")},
		{Source: stored("off").Source, Disabled: true},
	}}
	got := byName(b.merge(l))
	states := map[string]ingest.State{}
	for name, s := range got {
		states[name] = s.State
	}
	assert.Equal(t, map[string]ingest.State{
		"good": ingest.StateReady, "filed": ingest.StateReady, "mapping": ingest.StateBroken, "sealed": ingest.StateBroken, "off": ingest.StateDisabled,
	}, states)
	assert.Equal(t, "datadog", got["filed"].ProviderName, "the file wins")
	b.merge(l)
	assert.Equal(t, 1, strings.Count(log.String(), "a source is broken"), "it is said once")
}
