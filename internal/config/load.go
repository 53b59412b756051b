package config

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// Options say what to load.
type Options struct {
	Program Program
	// File is the YAML file; "" means what NERVE_CONFIG names, if anything.
	File string
	// Set holds values from command-line flags by path ("port"). They win.
	Set map[string]string
	// Environ is the environment as NAME=value; nil means the process's own.
	Environ []string
	// Check adds mistakes that only others can see, such as a secret that its
	// vendor's code refuses. The Config may be incomplete; Check skips what is empty.
	Check func(*Config) Errors
	// Providers are the registered vendors; a source of any other is a mistake.
	Providers []string
	// Vendor tells what a source's vendor asks for; nil is nothing.
	Vendor func(Source) Vendor
}

// Load reads, merges and validates the configuration. Its error is Errors, with
// every mistake that was found.
func Load(o Options) (*Config, error) {
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	l := &loader{
		reader:  reader{values: koanf.New("."), origin: map[string]string{}},
		options: o,
		environ: environment(o.Environ),
	}
	l.readFile()
	l.readEnvironment()
	l.readFlags()
	c := l.build()
	l.requireKeys()
	if o.Check != nil {
		l.errs = append(l.errs, o.Check(c)...)
	}
	if len(l.errs) > 0 {
		return nil, l.errs
	}
	return c, nil
}

type loader struct {
	reader
	options Options
	environ map[string]string
}

func environment(list []string) map[string]string {
	m := make(map[string]string, len(list))
	for _, kv := range list {
		if k, v, ok := strings.Cut(kv, "="); ok {
			m[k] = v
		}
	}
	return m
}

func (l *loader) readFile() {
	path, key := l.options.File, "--config"
	if path == "" {
		path, key = l.environ["NERVE_CONFIG"], "NERVE_CONFIG"
	}
	if path == "" {
		return
	}
	if err := l.values.Load(file.Provider(path), yaml.Parser()); err != nil {
		if _, statErr := os.Stat(path); statErr != nil {
			l.mistake(key, "the file "+path+" cannot be opened", "Check the path and who may read it")
			return
		}
		l.mistake(key, "the file "+path+" is not YAML: "+firstLine(err), "Correct that line")
		return
	}
	known := paths()
	for _, k := range l.values.Keys() {
		if k == "sources" || k == "events.subscribers" || k == "people" || slices.Contains(known, k) {
			l.origin[k] = k
			continue
		}
		if strings.HasPrefix(k, "sources.") || strings.HasPrefix(k, "people.") {
			continue // listed says that it is not a list
		}
		l.unknown(k, k, append(known, "sources", "people", "events.subscribers"))
	}
}

// firstLine keeps a parser's message and drops the file's content after it.
func firstLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), "\n")
	return strings.TrimSuffix(line, ":")
}

func (l *loader) unknown(key, name string, known []string) {
	fix := "Remove it"
	if c := Closest(name, known); c != "" {
		fix = "Did you mean " + c + "? Otherwise remove it"
	}
	l.mistake(key, "there is no such key", fix)
}

func paths() []string {
	var all []string
	for _, k := range keys {
		if k.Path != "" {
			all = append(all, k.Path)
		}
	}
	return all
}

// readEnvironment puts variables over the file. An empty variable counts as not
// set, because compose files pass on variables that nobody gave a value.
func (l *loader) readEnvironment() {
	byName := map[string]Key{}
	for _, k := range keys {
		if k.Path == "" {
			continue
		}
		byName[k.Env] = k
		if k.Alias == "" {
			continue
		}
		byName[k.Alias] = k
		if a, b := l.environ[k.Env], l.environ[k.Alias]; a != "" && b != "" && a != b {
			l.mistake(k.Alias, "disagrees with "+k.Env+", which means the same", "Keep one of the two")
		}
	}
	transform := func(name, value string) (string, any) {
		k, ok := byName[name]
		if !ok || strings.TrimSpace(value) == "" {
			return "", nil
		}
		l.origin[k.Path] = name
		return k.Path, value
	}
	provider := env.Provider(".", env.Opt{TransformFunc: transform, EnvironFunc: func() []string { return l.options.Environ }})
	if err := l.values.Load(provider, nil); err != nil {
		l.mistake("environment", err.Error(), "Compare the file's groups with the configuration table")
	}
}

func (l *loader) readFlags() {
	for path, value := range l.options.Set {
		if value == "" {
			continue
		}
		l.origin[path] = "--" + strings.ReplaceAll(path, ".", "-")
		if err := l.values.Set(path, value); err != nil {
			l.mistake(l.origin[path], fmt.Sprintf("%q cannot be set", value), "Check the value")
		}
	}
}

func (l *loader) requireKeys() {
	for _, k := range keys {
		if !k.Required(l.options.Program) || l.set(k.Path) {
			continue
		}
		if k.Path == "keyset" && l.set("keyset_file") {
			continue
		}
		l.mistake(k.label(), fmt.Sprintf("is missing, and %s needs it", l.options.Program), "Set it: "+k.Doc)
	}
}
