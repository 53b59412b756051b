package dev

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/providers"
)

// There is a source for every provider, whose secret can sign.
func TestASourceForEveryProvider(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", loopback+":0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	s := state.Secrets{Sources: map[string]string{}}
	for _, name := range providers.Names() {
		s.Sources[name], err = newSecret(name)
		require.NoError(t, err)
	}
	d := &Dev{cfg: &config.Config{Sources: []config.Source{config.DefaultSource("datadog", "datadog", "mine")}}}
	fill(d.cfg, d.Dir, s.Keyset, s.Sources, url(l), d.Stand != nil)
	require.Len(t, d.cfg.Sources, len(providers.Names()))
	for _, src := range d.cfg.Sources {
		spec, ok := providers.Lookup(src.Provider)
		require.True(t, ok)
		p, err := spec.New(providers.Config{
			Secrets: providers.Secrets(src.Secrets[0].Value.Reveal()), AllowWeak: src.AllowWeak, PublicURL: src.PublicURL,
		})
		require.NoError(t, err, src.Name)
		if signs, ok := p.(interface{ CanSign() error }); ok {
			require.NoError(t, signs.CanSign(), src.Name)
		}
		assert.Equal(t, src.Name != "slack" && src.Name != "datadog", src.OnDemand, src.Name)
	}
	d.cfg.Slack.Channel = ""
	fill(d.cfg, d.Dir, s.Keyset, s.Sources, url(l), true)
	assert.Equal(t, AlertsChannel, d.cfg.SourceBase.Channel, "what is added while it runs is told there as well")
	assert.Equal(t, "mine", d.cfg.Sources[0].Secrets[0].Value.Reveal(), "what is configured stays")
}

// What the file says of all sources holds for those of nerve dev's own too.
func TestTheFiguresOfAllSourcesHold(t *testing.T) {
	t.Parallel()
	base := config.DefaultSource("", "")
	base.QuietPeriod, base.TolerancePast = time.Minute, time.Second
	cfg := &config.Config{SourceBase: base, Temporal: config.Temporal{UIURL: "http://127.0.0.1:8233"}}
	fill(cfg, t.TempDir(), "", nil, "http://127.0.0.1:8080", true)
	require.NotEmpty(t, cfg.Sources)
	for _, src := range cfg.Sources {
		assert.Equal(t, time.Minute, src.QuietPeriod, src.Name)
		assert.Equal(t, time.Second, src.TolerancePast, src.Name)
	}
	assert.Equal(t, []string{"http://127.0.0.1:8233", "http://localhost:8233"}, cfg.Codec.Origins)
}

func TestEachSecretIsNew(t *testing.T) {
	t.Parallel()
	first, err := newSecret("slack")
	require.NoError(t, err)
	second, err := newSecret("slack")
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
	_, err = newSecret("nobody")
	require.Error(t, err)
}
