package config

import (
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

func (l *loader) build() *Config {
	c := &Config{
		Host:           l.text("host"),
		Port:           l.integer("port", 0, math.MaxUint16),
		Log:            Log{Level: l.level(), Format: l.choice("log.format", "json", "text")},
		Slack:          l.slack(),
		EventsTopic:    l.topic(),
		Temporal:       l.temporal(),
		RedisURL:       l.secretURL("redis.url", "redis", "rediss", "unix"),
		DatabaseURL:    l.secretURL("database.url", "postgres", "postgresql", "sqlite", "file"),
		Keyset:         l.keyset(),
		Codec:          l.codec(),
		OIDC:           l.oidc(),
		TrustedProxies: l.proxies(),
		MaxBody:        l.size("max_body"),
		QuietPeriod:    l.duration("quiet_period"),
		Approvals:      l.approvals(),
		Operators:      l.operators(),
		People:         l.people(),
		Outbound:       l.outbound(),
		Start:          Start{Deadline: l.duration("start.deadline"), InFlight: l.integer("start.in_flight", 1, 1000)},
		Retention: Retention{
			Deliveries: l.duration("retention.deliveries"),
			Bodies:     l.duration("retention.bodies"),
			Incidents:  l.duration("retention.incidents"),
		},
	}
	if q := l.text("queue.backend"); q != "temporal" {
		l.mistake(l.name("queue.backend"), fmt.Sprintf("%q is not available: Temporal is the queue, and Redis holds only windows and streams", q),
			"Set it to temporal or remove it")
	}
	if c.Approvals.Channel == "" {
		c.Approvals.Channel = c.Slack.Channel
	}
	c.Sources = l.sources(c)
	return c
}

func (l *loader) operators() Operators {
	percent := func(path string) int { return l.integer(path, 1, 100) }
	return Operators{
		Channel: l.text("operators.channel"), InvalidSignatures: percent("operators.invalid_signatures"),
		Replays: percent("operators.replays"), HandlerErrors: percent("operators.handler_errors"),
		Samples: l.integer("operators.samples", 1, math.MaxInt32),
	}
}

func (l *loader) level() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.choice("log.level", "debug", "info", "warn", "error"))); err != nil {
		return slog.LevelInfo // choice has recorded the mistake
	}
	return level
}

func (l *loader) slack() Slack {
	s := Slack{
		BotToken: l.secret("slack.bot_token"),
		AppToken: l.secret("slack.app_token"),
		APIURL:   l.pageURL("slack.api_url"),
		Channel:  l.text("slack.channel"),
	}
	if strings.HasPrefix(s.BotToken.Reveal(), "xapp-") {
		l.mistake(l.name("slack.bot_token"), "is an app token", "Give the bot token, which starts with xoxb-")
	}
	if strings.HasPrefix(s.AppToken.Reveal(), "xoxb-") {
		l.mistake(l.name("slack.app_token"), "is a bot token", "Give the app-level token, which starts with xapp-")
	}
	if s.APIURL != "" && !strings.HasSuffix(s.APIURL, "/") {
		s.APIURL += "/"
	}
	return s
}

func (l *loader) temporal() Temporal {
	t := Temporal{
		Address:   l.text("temporal.address"),
		Namespace: l.text("temporal.namespace"),
		APIKey:    l.secret("temporal.api_key"),
		TLS:       l.boolean("temporal.tls"),
		UIURL:     strings.TrimSuffix(l.pageURL("temporal.ui_url"), "/"),
	}
	if _, _, err := net.SplitHostPort(t.Address); t.Address != "" && err != nil {
		l.mistake(l.name("temporal.address"), fmt.Sprintf("%q is not host:port", t.Address), "Write it like temporal:7233")
	}
	if t.APIKey != "" && !t.TLS {
		l.mistake(l.name("temporal.api_key"), "would travel in the clear without TLS", "Set TEMPORAL_TLS=true")
	}
	return t
}

func (l *loader) topic() string {
	t := l.text("slack.events_topic")
	if strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || strings.ContainsRune("{}*?[]", r) }) {
		l.mistake(l.name("slack.events_topic"), fmt.Sprintf("%q is not a name for a stream", t), "Use letters, digits, dots and dashes")
	}
	return t
}

// secretURL checks an address that may hold a password, so it never shows it.
func (l *loader) secretURL(path string, schemes ...string) Secret {
	s := l.secret(path)
	if s == "" {
		return ""
	}
	u, err := url.Parse(s.Reveal())
	if err != nil || !slices.Contains(schemes, u.Scheme) {
		l.mistake(l.name(path), "is not an address that starts with "+strings.Join(schemes, ":// or ")+"://", "Correct the address")
		return "" // Options.Check would tell it once more
	}
	return s
}

func (l *loader) pageURL(path string) string {
	s := l.text(path)
	if s == "" {
		return ""
	}
	if u, err := url.Parse(s); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		l.mistake(l.name(path), "is not an http or https address", "Write it with its scheme and host")
	}
	return s
}

func (l *loader) keyset() Secret {
	path := l.text("keyset_file")
	if path == "" {
		return l.secret("keyset")
	}
	if l.set("keyset") {
		l.mistake(l.name("keyset_file"), "is given beside "+l.name("keyset"), "Keep one of the two")
	}
	return l.secretFile(l.name("keyset_file"), path)
}

// secretFile reads a secret that an orchestrator mounts as a file.
func (l *loader) secretFile(key, path string) Secret {
	data, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		l.mistake(key, "the file "+path+" cannot be read", "Check the path and who may read it")
		return ""
	}
	s := Secret(strings.TrimSpace(string(data)))
	if s == "" {
		l.mistake(key, "the file "+path+" is empty", "Put the secret into it")
	}
	return s
}

func (l *loader) codec() Codec {
	c := Codec{Token: l.secret("codec.token"), Origins: l.list("codec.origins")}
	for _, o := range c.Origins {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Scheme != "http" && u.Scheme != "https" {
			l.mistake(l.name("codec.origins"), fmt.Sprintf("%q is not an origin", o), "Write scheme, host and port only, such as http://localhost:8233")
		}
	}
	if c.Token != "" && len(c.Token) < minSecret {
		l.mistake(l.name("codec.token"), fmt.Sprintf("is shorter than %d characters", minSecret), "Generate a longer one")
	}
	return c
}

func (l *loader) proxies() []string {
	proxies := l.list("trusted_proxies")
	for _, p := range proxies {
		_, errPrefix := netip.ParsePrefix(p)
		_, errAddr := netip.ParseAddr(p)
		if errPrefix != nil && errAddr != nil {
			l.mistake(l.name("trusted_proxies"), fmt.Sprintf("%q is neither an address nor a CIDR", p), "Write it like 10.0.0.0/8")
		}
	}
	return proxies
}

func (l *loader) size(path string) int64 {
	n, ok := parseSize(l.text(path))
	if !ok {
		l.mistake(l.name(path), fmt.Sprintf("%q is not a size", l.text(path)), "Write it like "+keyOf(path).Default)
	}
	return n
}
