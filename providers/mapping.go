package providers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/nerve-alerts/nerve/incident"
)

// mapping is a vendor as data: one file of the catalogue, or one that a source
// brings along. docs/mappings.md tells authors of it; ADR 14 says why it is so.
type mapping struct {
	name string // registry name, from the file's name
	file string // for messages

	Title  string   `yaml:"title"`  // the vendor's own name
	Docs   string   `yaml:"docs"`   // where the vendor describes its payloads
	Secret string   `yaml:"secret"` // where an operator finds or sets the secret
	Verify []Scheme `yaml:"verify"`
	// StaleStatus answers a right but stale signature: 400 (default) or 401.
	StaleStatus int `yaml:"stale_status"`
	// Window folds deliveries without an id by their content; 15 minutes by default.
	Window time.Duration `yaml:"window"`
	// SecretMin is the length of the shortest secret, in characters, where the
	// vendor fixes one below 32.
	SecretMin int `yaml:"secret_min"`
	// Handshakes answer a vendor's check of the endpoint.
	Handshakes []handshake `yaml:"handshakes"`
	// EventID is the same on a retry of one delivery and differs between events.
	EventID   choices `yaml:"event_id"`
	EventType choices `yaml:"event_type"`
	// Like names a vendor of the catalogue that sends the same: its fields, tables
	// and shapes come after the mapping's own.
	Like string `yaml:"like"`
	// Each gives the parts of a delivery of which each finds its own shape, as item.
	Each expression `yaml:"each"`
	// Let names parts of the payload, or of item, for everything below it.
	Let lets `yaml:"let"`
	// Shapes are tried in order; the first whose condition holds reads the payload.
	Shapes []shape `yaml:"shapes"`
	// Severities and Statuses turn the vendor's words into nerve's. A status of
	// "stored" makes no signal; the word "*" is any that neither table knows.
	Severities map[string]incident.Severity `yaml:"severities"`
	Statuses   map[string]incident.Status   `yaml:"statuses"`

	schemes    []Scheme                     // of Verify, with presets filled in
	severities map[string]incident.Severity // by lower-case word
	statuses   map[string]incident.Status
}

// shape reads one form of a vendor's payload.
type shape struct {
	Name string     `yaml:"name"`
	When expression `yaml:"when"` // empty: always
	// Stored says why a delivery of this shape makes no signal ("ping").
	Stored string `yaml:"stored"`
	// Let names parts of the payload for the expressions below it.
	Let lets `yaml:"let"`
	// Each gives the alerts of a delivery that may hold several, as item.
	Each expression `yaml:"each"`
	// Warn says what is odd about a delivery of this shape ("alerts were cut").
	Warn choices `yaml:"warn"`

	Kind    incident.Kind    `yaml:"kind"`     // alert by default
	KeyKind incident.KeyKind `yaml:"key_kind"` // alert by default
	// Opaque says that the vendor mints the key, so that it may stay readable.
	Opaque bool `yaml:"opaque"`

	Key         choices `yaml:"key"`
	Group       choices `yaml:"group"`
	Title       choices `yaml:"title"`
	Description choices `yaml:"description"`
	Severity    choices `yaml:"severity"`
	Status      choices `yaml:"status"`
	Time        choices `yaml:"time"`
	EventType   choices `yaml:"event_type"` // over the mapping's
	// Required are fields without which the delivery is refused: title, severity,
	// timestamp. Without it, only a title is needed.
	Required []string           `yaml:"required"`
	Tags     choices            `yaml:"tags"`     // an object of scalars
	Tag      map[string]choices `yaml:"tag"`      // single ones
	Entities map[string]choices `yaml:"entities"` // by type: service, host, environment …
	Links    map[string]choices `yaml:"links"`    // by title
}

// statusStored is the table's word for an event that is no alert.
const statusStored incident.Status = "stored"

var mappingName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// parseMapping reads and compiles a mapping. Its error lists every mistake with
// file, line and column.
func parseMapping(name, file string, text []byte) (*mapping, error) {
	m := &mapping{name: name, file: file}
	if !mappingName.MatchString(name) {
		return nil, fmt.Errorf("providers: mapping %q: a name is 1 to 40 of a-z, 0-9, _ and -", name)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(m); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		return nil, fmt.Errorf("providers: mapping %s: %w", file, err)
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, m.inherit()
}

// mistakes collects what is wrong with a mapping.
type mistakes struct {
	file string
	all  []error
}

func (e *mistakes) add(format string, args ...any) {
	e.all = append(e.all, fmt.Errorf("%s: "+format, append([]any{e.file}, args...)...))
}

func (m *mapping) check() error {
	e := &mistakes{file: m.file}
	if m.Title == "" {
		e.add("title is missing: the vendor's own name")
	}
	if m.StaleStatus != 0 && m.StaleStatus != 400 && m.StaleStatus != 401 {
		e.add("stale_status is %d: use 400 or 401", m.StaleStatus)
	}
	if m.Window < 0 || m.SecretMin < 0 {
		e.add("window and secret_min cannot be negative")
	}
	if len(m.Shapes) == 0 && m.Like == "" {
		e.add("shapes is missing: at least one says how the payload is read")
	}
	m.proof(e)
	m.tables(e)
	c := compiler{mistakes: e}
	for i := range m.Handshakes {
		m.Handshakes[i].check(&c)
	}
	c.expression(&m.Each)
	c.scope(m.Let, func() {
		c.choices(m.EventID)
		c.choices(m.EventType)
		for i := range m.Shapes {
			m.Shapes[i].check(&c, i)
		}
	})
	if len(e.all) > 0 {
		return fmt.Errorf("providers: mapping %s has mistakes: %w", m.name, errors.Join(e.all...))
	}
	return nil
}

// proof fills in the ready-made schemes and checks each.
func (m *mapping) proof(e *mistakes) {
	if len(m.Verify) == 0 {
		e.add("verify is missing: how a delivery proves itself, such as \"- use: token\"")
	}
	schemes, err := Expand(m.Verify)
	if err != nil {
		e.add("verify: %s", err)
	}
	for _, s := range schemes {
		if err := s.withDefaults(Config{}).check(); err != nil {
			e.add("verify: %s", err)
		}
	}
	m.schemes = schemes
}

func (m *mapping) tables(e *mistakes) {
	m.severities = make(map[string]incident.Severity, len(m.Severities))
	for word, s := range m.Severities {
		if !s.Valid() {
			e.add("severities: %s: %q is not a severity: use critical, high, medium, low or info", word, s)
		}
		m.severities[strings.ToLower(word)] = s
	}
	m.statuses = make(map[string]incident.Status, len(m.Statuses))
	for word, s := range m.Statuses {
		switch s {
		case incident.StatusFiring, incident.StatusAcknowledged, incident.StatusResolved, statusStored:
		default:
			e.add("statuses: %s: %q is not a status: use firing, acknowledged, resolved or stored", word, s)
		}
		m.statuses[strings.ToLower(word)] = s
	}
}

func (s *shape) check(c *compiler, number int) {
	name := s.Name
	if name == "" {
		name = fmt.Sprintf("%d", number+1)
	}
	switch s.Kind {
	case "":
		s.Kind = incident.KindAlert
	case incident.KindAlert, incident.KindTicket, incident.KindQuestion:
	default:
		c.add("shape %s: kind is %q: use alert, ticket or question", name, s.Kind)
	}
	switch s.KeyKind {
	case "":
		s.KeyKind = incident.KeyAlert
	case incident.KeyAlert, incident.KeyEvent:
	default:
		c.add("shape %s: key_kind is %q: use alert (it can fire again) or event (it happens once)", name, s.KeyKind)
	}
	if s.Stored == "" && len(s.Title) == 0 {
		c.add("shape %s: title is missing: it is what a person sees first", name)
	}
	if s.Stored != "" && (len(s.Title) > 0 || len(s.Key) > 0) {
		c.add("shape %s: it is stored, so nothing else is read of it: remove stored or the fields", name)
	}
	for _, field := range s.Required {
		if !slices.Contains(requirable, field) {
			c.add("shape %s: required: %q cannot be required: use title, severity or timestamp", name, field)
		}
	}
	c.condition(&s.When)
	c.expression(&s.Each)
	c.choices(s.Warn)
	c.scope(s.Let, func() {
		for _, list := range []choices{s.Key, s.Group, s.Title, s.Description, s.Severity, s.Status, s.Time, s.EventType, s.Tags} {
			c.choices(list)
		}
		for _, group := range []map[string]choices{s.Tag, s.Entities, s.Links} {
			for _, key := range sortedKeys(group) {
				c.choices(group[key])
			}
		}
	})
}
