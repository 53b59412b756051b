package doctor

import (
	"context"
	"errors"
	"sync"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
)

// stored is a source of the database that is in use.
type stored struct {
	source config.Source // its name alone where it is broken
	broken string        // why it answers 503
	unused []string      // ids of secrets that are safe to remove
}

// once returns a function that reads the sources of the database once, however
// many areas ask. Without a database there are none.
func (x *examination) once(ctx context.Context) func(context.Context) ([]stored, error) {
	read := sync.OnceValues(func() ([]stored, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return x.registered(ctx)
	})
	return func(context.Context) ([]stored, error) { return read() }
}

func (x *examination) registered(ctx context.Context) ([]stored, error) {
	if x.Config.DatabaseURL.Reveal() == "" {
		return nil, nil
	}
	keys, err := privacy.ParseKeyset([]byte(x.Config.Keyset.Reveal()))
	if err != nil {
		return nil, errors.New("without the keyset their secrets cannot be read")
	}
	sealer, err := privacy.NewSealer(keys)
	if err != nil {
		return nil, err
	}
	store, err := record.Connect(ctx, x.Config.DatabaseURL.Reveal())
	if err != nil {
		return nil, err
	}
	defer func() { _ = store.Close() }() // it was only read
	if err := store.CheckSchema(ctx); err != nil {
		return nil, err
	}
	r, err := registry.New(registry.Options{Store: store, Sealer: sealer, File: x.Config.Sources, Base: x.Config.SourceBase, Now: x.Now})
	if err != nil {
		return nil, err
	}
	return inUse(ctx, r)
}

// inUse are the sources of the database that take deliveries: none that is
// disabled, and none of whose name the file has one.
func inUse(ctx context.Context, r *registry.Registry) ([]stored, error) {
	views, err := r.List(ctx)
	if err != nil {
		return nil, err
	}
	loaded, err := r.Load(ctx)
	if err != nil {
		return nil, err
	}
	sources := make(map[string]config.Source, len(loaded.Sources))
	for _, s := range loaded.Sources {
		sources[s.Source.Name] = s.Source
	}
	var all []stored
	for _, v := range views {
		if v.Origin != registry.OriginDatabase || v.Hidden || v.Disabled {
			continue
		}
		s := stored{source: sources[v.Name], broken: v.Error}
		if s.unused, err = unused(ctx, r, v); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// unused are the ids of a source's secrets that are safe to remove.
func unused(ctx context.Context, r *registry.Registry, v registry.View) ([]string, error) {
	if len(v.Secrets) < 2 {
		return nil, nil
	}
	v, err := r.Get(ctx, v.Name)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, nil // removed this moment
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, secret := range v.Secrets {
		if secret.Note == registry.SafeToRemove {
			ids = append(ids, secret.ID)
		}
	}
	return ids, nil
}

// kept says what is weak, broken or left over about a source of the database.
func (x *examination) kept(r *report, s stored) {
	name := s.source.Name
	if s.broken != "" {
		r.add(Problem, "nerve sources show "+name+" tells more; then nerve sources set, or rotate", "%s is broken, and every delivery is answered 503: %s", name, s.broken)
		return
	}
	x.source(r, s.source)
	for _, id := range s.unused {
		r.add(Warning, "nerve sources remove-secret "+name+" "+id, "%s has an old secret, %s, that proved nothing for 7 days: it is safe to remove", name, id)
	}
}
