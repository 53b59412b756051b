package providers

import (
	"embed"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// The vendors that are data. A file is read and compiled when its vendor is
// asked for: expressions of a hundred vendors would cost a second of start-up.
//
//go:embed catalog/*.yaml
var catalogFiles embed.FS

const catalogDir = "catalog"

// catalogue names the vendors of the catalogue, in order.
var catalogue = sync.OnceValue(func() []string {
	entries, err := catalogFiles.ReadDir(catalogDir)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
})

// compiled keeps what was read: name -> func() (*mapping, error), run once.
var compiled sync.Map

func catalogMapping(name string) (*mapping, error) {
	once, _ := compiled.LoadOrStore(name, sync.OnceValues(func() (*mapping, error) {
		file := path.Join(catalogDir, name+".yaml")
		text, err := catalogFiles.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("providers: there is no mapping %q in the catalogue", name)
		}
		return parseMapping(name, file, text)
	}))
	return once.(func() (*mapping, error))()
}

func catalogued(name string) (Spec, bool) {
	if !mappingName.MatchString(name) {
		return Spec{}, false
	}
	if _, err := catalogFiles.Open(path.Join(catalogDir, name+".yaml")); err != nil {
		return Spec{}, false
	}
	m, err := catalogMapping(name)
	if err != nil {
		// Our own file: a test compiles every one, and New says what is wrong.
		return Spec{Name: name, Title: name, New: func(Config) (Provider, error) { return nil, err }, StaleStatus: http.StatusBadRequest}, true
	}
	return m.spec(), true
}

// Custom returns the provider that a mapping of one's own describes. Its error
// lists every mistake with file, line and column.
func Custom(name, file string, text []byte) (Spec, error) {
	m, err := parseMapping(name, file, text)
	if err != nil {
		return Spec{}, err
	}
	return m.spec(), nil
}

func (m *mapping) spec() Spec {
	stale := m.StaleStatus
	if stale == 0 {
		stale = http.StatusBadRequest
	}
	return Spec{
		Name: m.name, Title: m.Title, SecretHelp: m.Secret, StaleStatus: stale, Docs: m.Docs,
		Schemes: m.schemes, Window: m.Window, SecretMin: m.SecretMin, Fixtures: alertFixtures(m.name), New: func(cfg Config) (Provider, error) { return newMapped(m, cfg) },
	}
}

// mapped is a provider that is a mapping.
type mapped struct {
	*verifier
	m       *mapping
	secrets []Secret
	http    *http.Client
}

func newMapped(m *mapping, cfg Config) (Provider, error) {
	v, err := newVerifier(m.schemes, cfg)
	if err != nil {
		return nil, fmt.Errorf("providers: %s: %w", m.name, err)
	}
	return &mapped{verifier: v, m: m, secrets: cfg.Secrets, http: cfg.HTTP}, nil
}

// Sign adds what the vendor adds.
func (p *mapped) Sign(r *Request, at time.Time) {
	prepareHeader(r)
	p.verifier.Sign(r, at)
}

// Parse reads a verified delivery through the mapping.
func (p *mapped) Parse(r *Request) (Batch, error) { return p.m.read(r, nil) }

// Explain reads a delivery and says where each field came from.
func (p *mapped) Explain(r *Request) (Batch, []Source, error) {
	var sources []Source
	batch, err := p.m.read(r, func(s Source) { sources = append(sources, s) })
	return batch, sources, err
}
