package config

import (
	"time"

	"github.com/knadh/koanf/v2"
)

// defaultWindow folds deliveries without an id by content, where neither the
// source nor its vendor says how long.
const defaultWindow = 15 * time.Minute

// Vendor is what a vendor asks for in a source's defaults.
type Vendor struct {
	Window    time.Duration // content fingerprint window; 0: nerve's default
	SecretMin int           // characters of the shortest secret, where the vendor fixes it; 0: nerve's minimum
}

func (v Vendor) window() time.Duration {
	if v.Window > 0 {
		return v.Window
	}
	return defaultWindow
}

// Entry is a source that is kept in the database.
type Entry struct {
	Name string
	// Fields are as in the configuration file, without name and secrets. mapping
	// holds the mapping itself, not a path.
	Fields  map[string]any
	Secrets []SourceSecret // newest first
}

// ParseValidity reads the time in which a secret counts: not_before and
// not_after. Its error is Errors.
func ParseValidity(fields map[string]any) (notBefore, notAfter time.Time, err error) {
	l := &loader{}
	e := &entry{loader: l}
	s := e.validity("", fields)
	if len(l.errs) > 0 {
		return s.NotBefore, s.NotAfter, l.errs
	}
	return s.NotBefore, s.NotAfter, nil
}

// ParseEntry reads and checks a source by the rules of the file. base is
// Config.SourceBase; of the options, Providers and Vendor count. Its error is
// Errors, with every mistake by the key alone ("window").
//
// It does not ask for a secret: whether the source has one, and one that its
// vendor takes, is for whoever keeps them.
func ParseEntry(in Entry, base Source, o Options) (Source, error) {
	l := &loader{reader: reader{values: koanf.New("."), origin: map[string]string{}}, options: o}
	e := &entry{loader: l, raw: in.Fields, stored: true, name: in.Name, given: in.Secrets}
	s := e.source(base)
	if len(l.errs) > 0 {
		return s, l.errs
	}
	return s, nil
}
