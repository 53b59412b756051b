package config

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// minSecret is the shortest secret taken, in characters (row A17).
const minSecret = 32

var sourceName = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// shortcuts make a source of a provider's own name from one variable.
var shortcuts = []struct{ name, path string }{
	{"slack", "slack.signing_secret"},
	{"datadog", "datadog.webhook_token"},
	{"zendesk", "zendesk.signing_secret"},
}

func (l *loader) sources(c *Config) []Source {
	var all []Source
	base := l.base(c)
	taken := map[string]bool{}
	for i, raw := range l.listed() {
		e := &entry{loader: l, raw: raw, where: fmt.Sprintf("sources[%d]", i)}
		s := e.source(base)
		if taken[s.Name] {
			l.mistake(e.key("name"), fmt.Sprintf("%q is used twice", s.Name), "Give each source its own name")
		}
		taken[s.Name] = true
		all = append(all, s)
	}
	for _, sc := range shortcuts {
		secret := l.secret(sc.path)
		if secret == "" || taken[sc.name] {
			continue
		}
		l.checkSecret(l.name(sc.path), secret)
		s := base
		s.Name, s.Provider, s.Secrets = sc.name, sc.name, []SourceSecret{{Value: secret}}
		all = append(all, s)
	}
	if len(all) == 0 && l.options.Program == Ingest {
		l.mistake("sources", "there is none, so nothing could be accepted",
			"Set SLACK_SIGNING_SECRET, DATADOG_WEBHOOK_TOKEN or ZENDESK_SIGNING_SECRET, or list sources in the file")
	}
	return all
}

// listed returns the file's entries as maps; what is not a map is a mistake.
func (l *loader) listed() []map[string]any {
	raw := l.values.Get("sources")
	if raw == nil {
		return nil
	}
	list, ok := raw.([]any)
	if !ok {
		l.mistake("sources", "is not a list", "Write each source as \"- name: …\"")
		return nil
	}
	var entries []map[string]any
	for i, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			l.mistake(fmt.Sprintf("sources[%d]", i), "is not a group of keys", "Write it as \"- name: …\"")
			continue
		}
		entries = append(entries, m)
	}
	return entries
}

// base is a source that has only the figures that hold for all of them.
func (l *loader) base(c *Config) Source {
	s := DefaultSource("", "")
	s.Channel, s.QuietPeriod = c.Slack.Channel, c.QuietPeriod
	s.TolerancePast = l.duration("timestamp_tolerance")
	return s
}

func (l *loader) checkSecret(key string, s Secret) {
	if len(s) < minSecret {
		l.mistake(key, fmt.Sprintf("is shorter than %d characters", minSecret), "Use the vendor's secret whole, or generate a longer one")
	}
}

// entry reads one source of the file.
type entry struct {
	*loader
	raw   map[string]any
	where string
}

func (e *entry) key(name string) string { return e.where + "." + name }

func (e *entry) source(s Source) Source {
	if name, _ := scalar(e.raw["name"]); name != "" {
		e.where = "sources[" + name + "]"
	}
	e.refuseUnknown()
	s.Name = e.value("name")
	if !sourceName.MatchString(s.Name) {
		e.mistake(e.key("name"), fmt.Sprintf("%q is not a name", s.Name), "Use 1 to 40 of a-z, 0-9 and -")
	}
	s.Provider, s.Mapping = e.provider()
	e.proof(&s)
	if v := e.value("channel"); v != "" {
		s.Channel = v
	}
	e.durationInto(&s.Window, "window", "15m")
	e.durationInto(&s.Debounce, "debounce", "5m")
	e.durationInto(&s.QuietPeriod, "quiet_period", "24h")
	e.durationInto(&s.TolerancePast, "tolerance_past", "300s")
	e.durationInto(&s.ToleranceFuture, "tolerance_future", "30s")
	e.durationInto(&s.DeliveryTTL, "delivery_ttl", "24h")
	if s.DeliveryTTL > contract.Retention {
		e.mistake(e.key("delivery_ttl"), "is longer than Temporal keeps closed runs ("+contract.Retention.String()+")", "Shorten it")
	}
	e.figures(&s)
	return s
}

func (e *entry) figures(s *Source) {
	e.integerInto(&s.Rate, "rate", 1, math.MaxInt)
	s.HardCap = 20 * s.Rate
	e.integerInto(&s.Burst, "burst", 1, math.MaxInt)
	e.integerInto(&s.HardCap, "hard_cap", 1, math.MaxInt)
	if s.HardCap < s.Rate {
		e.mistake(e.key("hard_cap"), "is below rate", "Raise it: signals between the two are folded, not refused")
	}
	if v := e.value("stale_status"); v != "" {
		if s.StaleStatus, _ = strconv.Atoi(v); s.StaleStatus != 400 && s.StaleStatus != 401 {
			e.mistake(e.key("stale_status"), fmt.Sprintf("%q is not allowed", v), "Use 400 or 401")
		}
	}
	if v := e.value("min_assurance"); v != "" && !s.anybody() {
		if s.MinAssurance = v; v != "signed" && v != "token" {
			e.mistake(e.key("min_assurance"), fmt.Sprintf("%q is not known", v), "Use signed or token")
		}
	}
	s.Paused = e.asBoolean(e.key("paused"), e.value("paused"))
}

func (e *entry) refuseUnknown() {
	known := make([]string, len(sourceKeys))
	for i, k := range sourceKeys {
		known[i] = k.Name
	}
	names := make([]string, 0, len(e.raw))
	for name := range e.raw {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.Contains(known, name) {
			e.unknown(e.key(name), name, known)
		}
	}
}

func (e *entry) value(name string) string {
	s, ok := scalar(e.raw[name])
	if !ok {
		e.mistake(e.key(name), "is a list or a group", "Give one value")
	}
	return s
}

// resolve follows env:NAME and file:/path; anything else is the secret itself.
func (e *entry) resolve(key, text string) Secret {
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		if e.environ[name] == "" {
			e.mistake(key, "the variable "+name+" is not set", "Set it, or name another")
		}
		return Secret(strings.TrimSpace(e.environ[name]))
	}
	if path, ok := strings.CutPrefix(text, "file:"); ok {
		return e.secretFile(key, path)
	}
	if text == "" {
		e.mistake(key, "is empty", "Give the secret, env:NAME or file:/path")
	}
	return Secret(text)
}

func (e *entry) durationInto(d *time.Duration, name, example string) {
	if v := e.value(name); v != "" {
		*d = e.asDuration(e.key(name), v, example)
	}
}

func (e *entry) integerInto(n *int, name string, low, high int) {
	if v := e.value(name); v != "" {
		*n = e.asInteger(e.key(name), v, low, high)
	}
}
