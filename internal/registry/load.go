package registry

import (
	"context"
	"fmt"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/record"
)

// Loaded is what ingest works with: every source of the database at a revision,
// with its secrets.
type Loaded struct {
	Revision int64
	Sources  []Stored
	// Epochs are how often the windows of a source were forgotten, in numbers that
	// only grow; also of sources of the file.
	Epochs map[string]int64
}

// Stored is one source of the database.
type Stored struct {
	Source   config.Source // with its secrets; its name alone where Err is set
	Disabled bool
	// Err says why the source cannot be used. It holds no secret.
	Err error
}

// Open reads what the store, or a snapshot of it, has: it opens the secrets and
// parses each source. One that cannot be used has its Err set.
func Open(set record.SourceSet, sealer Sealer, base config.Source) Loaded {
	l := Loaded{Revision: set.Revision, Epochs: make(map[string]int64, len(set.Purges))}
	for name, p := range set.Purges {
		l.Epochs[name] = p.Epoch
	}
	for _, s := range set.Sources {
		source, err := open(s, sealer, base)
		if err != nil {
			source = config.Source{Name: s.Name, Provider: s.Provider}
		}
		l.Sources = append(l.Sources, Stored{Source: source, Disabled: s.Disabled, Err: err})
	}
	return l
}

// Load returns every source of the database with its secrets, to prove or to sign
// deliveries with. It is the one way back to a secret.
func (r *Registry) Load(ctx context.Context) (Loaded, error) {
	set, err := r.Store.SealedSources(ctx)
	if err != nil {
		return Loaded{}, err
	}
	return Open(set, r.Sealer, r.Base), nil
}

func (r *Registry) open(s record.Source) (config.Source, error) { return open(s, r.Sealer, r.Base) }

// open parses a source and opens its secrets. When only the latter fails, the
// source is returned beside the error, with those that opened.
func open(s record.Source, sealer Sealer, base config.Source) (config.Source, error) {
	var secrets []config.SourceSecret
	var failed error
	for _, secret := range active(s.Secrets) {
		plain, err := sealer.Open(secret.Sealed, secretContext(s.Name, secret.ID))
		if err != nil {
			failed = fmt.Errorf("registry: secret %s of source %s cannot be opened: it was sealed with another keyset, or changed", secret.ID, s.Name)
			continue
		}
		secrets = append(secrets, config.SourceSecret{Value: config.Secret(plain), ID: secret.ID, NotBefore: secret.NotBefore, NotAfter: secret.NotAfter})
	}
	source, err := parse(config.Entry{Name: s.Name, Fields: fieldsOf(s), Secrets: secrets}, base)
	if err != nil {
		return config.Source{}, fmt.Errorf("registry: source %s: %w", s.Name, err)
	}
	if failed == nil && len(secrets) == 0 && !source.Anybody() {
		failed = fmt.Errorf("registry: source %s has no secret", s.Name)
	}
	return source, failed
}
