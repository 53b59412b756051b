package dev

import (
	"cmp"
	"path/filepath"
	"strings"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/slackstand"
	"github.com/nerve-alerts/nerve/providers"
)

// outputs is where tasks' outputs are kept in the state directory, unless blob.url
// names another place.
const outputs = "outputs"

// Attach is the configuration of a nerve dev that runs elsewhere on this machine,
// for a command that does what its ingest does. Reactions in Slack are left to
// the workflow.
func Attach(dir string, n state.Note) (*config.Config, error) {
	cfg, err := app.LoadConfig(config.Dev, n.Config)
	if err != nil {
		return nil, err
	}
	cfg.Temporal = config.Temporal{Address: n.Temporal, Namespace: n.Namespace, UIURL: n.TemporalUI}
	cfg.RedisURL = config.Secret(n.Redis)
	cfg.Slack.BotToken, cfg.Slack.AppToken = "", ""
	fill(cfg, dir, n.Keyset, n.Secrets, n.IngestURL, n.ChannelURL != "")
	return cfg, nil
}

// fill puts into a configuration what the embedded servers decide, and a source
// for every provider that it does not mention.
func fill(cfg *config.Config, dir, keyset string, secrets map[string]string, ingestURL string, stand bool) {
	cfg.DatabaseURL = config.Secret("sqlite://" + filepath.Join(dir, "nerve.db"))
	cfg.Keyset = config.Secret(keyset)
	if cfg.Outbound.BlobURL == "" {
		cfg.Outbound.BlobURL = "file://" + filepath.ToSlash(filepath.Join(dir, outputs))
	}
	if cfg.Slack.Channel == "" && stand {
		cfg.Slack.Channel = AlertsChannel
	}
	cfg.SourceBase.Channel = cfg.Slack.Channel // of the sources that are added while it runs
	// Temporal UI answers to both names, and a browser tells them apart.
	cfg.Codec.Origins = []string{cfg.Temporal.UIURL, strings.Replace(cfg.Temporal.UIURL, "//127.0.0.1:", "//localhost:", 1)}
	configured := map[string]bool{}
	for i, src := range cfg.Sources {
		configured[src.Name] = true
		if src.Channel == "" {
			cfg.Sources[i].Channel = cfg.Slack.Channel
		}
	}
	for _, name := range providers.Names() {
		if configured[name] {
			continue
		}
		src := config.DefaultSource(name, name, config.Secret(secrets[name]))
		src.Channel = cfg.Slack.Channel
		src.QuietPeriod = cmp.Or(cfg.SourceBase.QuietPeriod, src.QuietPeriod)
		src.TolerancePast = cmp.Or(cfg.SourceBase.TolerancePast, src.TolerancePast)
		// Nobody outside reaches it, so a vendor that only has SHA-1 can be tried.
		src.AllowWeak, src.PublicURL, src.OnDemand = true, ingestURL+"/webhooks/"+name, name != "slack"
		cfg.Sources = append(cfg.Sources, src)
	}
}

// approvals asks where alerts are told, and makes people of the two that the
// stand-in knows from the start, so that a click can be tried without setting
// anybody up. They are no reason to refuse others on the command line.
func (d *Dev) approvals() {
	if d.cfg.Approvals.Channel == "" {
		d.cfg.Approvals.Channel = d.cfg.Slack.Channel
	}
	if len(d.cfg.People) == 0 && d.Stand != nil {
		d.cfg.People = config.People{{Name: "you", Slack: slackstand.Composer}, {Name: "engineer", Slack: Engineer}}
		d.cfg.Approvals.Anybody = true
	}
}
