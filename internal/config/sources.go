package config

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
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
	c.SourceBase = base
	taken := map[string]bool{}
	for i, raw := range l.listed("sources") {
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
		s := base
		s.Name, s.Provider, s.Secrets = sc.name, sc.name, []SourceSecret{{Value: secret}}
		l.checkSecret(l.name(sc.path), secret, l.vendor(&s).SecretMin)
		s.Window = l.vendor(&s).window()
		all = append(all, s)
	}
	if len(all) == 0 && l.options.Program == Ingest && c.DatabaseURL == "" {
		l.mistake("sources", "there is none, so nothing could be accepted",
			"Set SLACK_SIGNING_SECRET, DATADOG_WEBHOOK_TOKEN or ZENDESK_SIGNING_SECRET, list sources in the file, or set DATABASE_URL and add them with nerve sources add")
	}
	return all
}

// listed returns the entries of one of the file's lists as maps; what is not a
// map is a mistake.
func (l *loader) listed(path string) []map[string]any {
	raw := l.values.Get(path)
	if raw == nil {
		return nil
	}
	list, ok := raw.([]any)
	if !ok {
		l.mistake(path, "is not a list", "Write each entry as \"- name: …\"")
		return nil
	}
	var entries []map[string]any
	for i, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			l.mistake(fmt.Sprintf("%s[%d]", path, i), "is not a group of keys", "Write it as \"- name: …\"")
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

func (l *loader) checkSecret(key string, s Secret, least int) {
	if problem := ShortSecret(s, least); problem != "" {
		l.mistake(key, problem, "Use the vendor's secret whole, or generate a longer one")
	}
}

// ShortSecret says that a secret is shorter than it may be, or returns "". least
// is what the vendor fixes, 0 for nerve's own minimum.
func ShortSecret(s Secret, least int) string {
	if least <= 0 {
		least = minSecret
	}
	if len(s) < least {
		return fmt.Sprintf("is shorter than %d characters", least)
	}
	return ""
}

func (l *loader) vendor(s *Source) Vendor {
	if l.options.Vendor == nil || s.Provider == "" {
		return Vendor{}
	}
	return l.options.Vendor(*s)
}

// entry reads one source: of the file, or one that is kept in the database.
type entry struct {
	*loader
	raw    map[string]any
	where  string
	stored bool           // kept in the database: its secrets and its mapping come with it
	name   string         // of a stored one
	given  []SourceSecret // of a stored one
}

func (e *entry) key(name string) string {
	if e.where == "" {
		return name
	}
	return e.where + "." + name
}

func (e *entry) source(s Source) Source {
	e.naming(&s)
	e.refuseUnknown()
	s.Provider, s.Mapping = e.provider()
	if e.stored {
		s.Mapping, s.MappingText = "", s.Mapping
	}
	e.proof(&s)
	e.route(&s)
	s.Window = e.vendor(&s).window()
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
	e.tasks(&s)
	return s
}

func (e *entry) naming(s *Source) {
	if e.stored {
		if s.Name = e.name; !sourceName.MatchString(s.Name) {
			e.mistake("name", fmt.Sprintf("%q is not a name", s.Name), "Use 1 to 40 of a-z, 0-9 and -")
		}
		return
	}
	if name, _ := scalar(e.raw["name"]); name != "" {
		e.where = "sources[" + name + "]"
	}
	if s.Name = e.value("name"); !sourceName.MatchString(s.Name) {
		e.mistake(e.key("name"), fmt.Sprintf("%q is not a name", s.Name), "Use 1 to 40 of a-z, 0-9 and -")
	}
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
	if v := e.value("min_assurance"); v != "" && !s.Anybody() {
		if s.MinAssurance = v; v != "signed" && v != "token" {
			e.mistake(e.key("min_assurance"), fmt.Sprintf("%q is not known", v), "Use signed or token")
		}
	}
	s.Paused = e.asBoolean(e.key("paused"), e.value("paused"))
}

func (e *entry) refuseUnknown() { e.refuseAllBut(sourceKeys) }

func (e *entry) refuseAllBut(keys []SourceKey) {
	known := make([]string, len(keys))
	for i, k := range keys {
		known[i] = k.Name
	}
	names := make([]string, 0, len(e.raw))
	for name := range e.raw {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if e.stored && (name == "name" || name == "secrets") {
			e.mistake(e.key(name), "cannot be set like this", "A name stays what it is; for secrets there are nerve sources rotate and remove-secret")
			continue
		}
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

// route reads where the source's alerts go.
func (e *entry) route(s *Source) {
	if v := e.value("channel"); v != "" {
		s.Channel = v
	}
	s.SeverityFloor = incident.Severity(e.value("severity_floor"))
	if s.SeverityFloor != "" && !s.SeverityFloor.Valid() {
		e.mistake(e.key("severity_floor"), fmt.Sprintf("%q is not a severity", s.SeverityFloor), "Use critical, high, medium, low or info")
	}
	s.Handler = contract.HandlerTriage
	if v := e.value("handler"); v != "" {
		s.Handler = e.handler("handler", v)
	}
	group, ok := e.raw["handlers"].(map[string]any)
	if !ok && e.raw["handlers"] != nil {
		e.mistake(e.key("handlers"), "is not a group", "Write each as \"event.type: handler\"")
	}
	for event, v := range group {
		text, _ := scalar(v)
		if s.Handlers == nil {
			s.Handlers = map[string]string{}
		}
		s.Handlers[event] = e.handler("handlers."+event, text)
	}
}

func (e *entry) handler(key, name string) string {
	if !slices.Contains(contract.Handlers, name) {
		e.mistake(e.key(key), fmt.Sprintf("there is no handler %q", name), "Use "+strings.Join(contract.Handlers, " or "))
	}
	return name
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
