package registry

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/providers"
)

const (
	// PurgeCooldown is how long the windows of a source are left alone after they
	// were forgotten (row D11).
	PurgeCooldown = time.Hour
	// SafeAfter is for how long a secret must not have proved anything before it
	// is safe to remove.
	SafeAfter = 7 * 24 * time.Hour
	// maxSecrets bounds how many secrets of a source count at a time: each is tried
	// on a delivery.
	maxSecrets = 5
)

// plan is a change that could be made.
type plan struct {
	write    record.SourceWrite
	verdict  Verdict
	detail   map[string]string
	secretID string
}

// second says that a second person must approve the change.
func (p *plan) second(why string) {
	p.verdict.SecondPerson = true
	if p.verdict.Why != "" {
		why = p.verdict.Why + "; " + why
	}
	p.verdict.Why = why
}

func mistake(key, problem, fix string) error {
	return config.Errors{{Key: key, Problem: problem, Fix: fix}}
}

// plan works out what a change comes to, from what is in the database now.
func (r *Registry) plan(ctx context.Context, c contract.Change) (*plan, error) {
	p := &plan{detail: map[string]string{}}
	set, err := r.Store.SealedSources(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(set.Sources, func(s record.Source) bool { return s.Name == c.Target })
	if c.Action == contract.ActionPurgeWindows {
		return p, r.planPurge(c, i >= 0, set.Purges[c.Target])
	}
	if _, file := r.file[c.Target]; file {
		return nil, ErrReadOnly
	}
	if c.Action == contract.ActionSourceAdd {
		if i >= 0 {
			return nil, ErrExists
		}
		return p, r.planAdd(c, p)
	}
	if i < 0 {
		return nil, ErrNotFound
	}
	source := set.Sources[i]
	if c.Revision != 0 && c.Revision != source.Revision {
		return nil, &ConflictError{Have: source.Revision, Seen: c.Revision}
	}
	p.write = record.SourceWrite{Source: source, Expect: source.Revision}
	p.detail["revision"] = fmt.Sprint(source.Revision)
	return p, r.planChange(ctx, c, p)
}

func (r *Registry) planChange(ctx context.Context, c contract.Change, p *plan) error {
	if len(c.Fields) > 0 && c.Action != contract.ActionSourceSet && c.Action != contract.ActionSecretAdd {
		return mistake("fields", "stand beside "+string(c.Action), "Set them by themselves")
	}
	switch c.Action {
	case contract.ActionSourceSet:
		return r.planSet(c, p)
	case contract.ActionSourceEnable, contract.ActionSourceDisable:
		disable := c.Action == contract.ActionSourceDisable
		if p.write.Source.Disabled == disable {
			return ErrUnchanged
		}
		p.write.Source.Disabled = disable
		if disable {
			p.second("a disabled source refuses every delivery")
		}
	case contract.ActionSourceRemove:
		p.write.Delete = true
		p.second("a removed source refuses every delivery, and its secrets are gone")
	case contract.ActionSecretAdd:
		return r.planSecretAdd(c, p)
	case contract.ActionSecretRemove:
		return r.planSecretRemove(ctx, c, p)
	default:
		return mistake("action", fmt.Sprintf("%q is not known", c.Action), "Use one that there is")
	}
	return nil
}

// reserved is the source of nerve's own API (api.SourceName), for which no other
// may be taken.
const reserved = "api"

func (r *Registry) planAdd(c contract.Change, p *plan) error {
	if c.Target == reserved {
		return mistake("name", "is nerve's own, for POST /api/v1/alerts", "Choose another")
	}
	p.second("a new source can raise incidents")
	fields := maps.Clone(c.Fields)
	maps.DeleteFunc(fields, func(_ string, v any) bool { return v == nil })
	source, err := parse(config.Entry{Name: c.Target, Fields: fields}, r.Base)
	if err != nil {
		return err
	}
	p.write.Source = withFields(record.Source{Name: c.Target}, fields)
	for name, v := range fields {
		p.detail[name] = shown(name, v)
	}
	if source.Anybody() {
		if c.Secret != "" {
			return mistake("secret", "stands beside schemes: [none], which looks at none", "Leave out one of the two")
		}
		p.second("it takes deliveries that nothing proves")
	} else if err := r.addSecret(c, p, source); err != nil {
		return err
	}
	return r.builds(source, c.Secret)
}

func (r *Registry) planSet(c contract.Change, p *plan) error {
	old := fieldsOf(p.write.Source)
	before, err := r.open(p.write.Source)
	if err != nil {
		before.Secrets = nil // it is broken: this change may be what mends it
	}
	fields := maps.Clone(old)
	for name, v := range c.Fields {
		if v == nil {
			delete(fields, name)
		} else {
			fields[name] = v
		}
	}
	after, err := parse(config.Entry{Name: c.Target, Fields: fields, Secrets: before.Secrets}, r.Base)
	if err != nil {
		return err
	}
	changed := false
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		if from, to := shown(name, old[name]), shown(name, fields[name]); from != to {
			p.detail[name] = from + " -> " + to
			changed = true
		}
	}
	if !changed {
		return ErrUnchanged
	}
	for _, why := range append(weakened(before, after), muted(before, after)...) {
		p.second(why)
	}
	p.write.Source = withFields(p.write.Source, fields)
	if len(before.Secrets) == 0 && !after.Anybody() {
		if !before.Anybody() {
			return nil // its secrets cannot be opened, so nothing can be tried with them
		}
		return mistake("schemes", "asks for a proof, and the source has no secret", "Add one first: nerve sources rotate "+c.Target)
	}
	return r.builds(after, "")
}

func (r *Registry) planPurge(c contract.Change, stored bool, last record.Purge) error {
	if _, file := r.file[c.Target]; !file && !stored {
		return ErrNotFound
	}
	if next := last.At.Add(PurgeCooldown); !last.At.IsZero() && r.Now().Before(next) {
		return &record.PurgeError{Next: next}
	}
	return nil
}

// builds tries whether the source's provider can be made of it.
func (r *Registry) builds(s config.Source, secret string) error {
	spec, err := SpecOf(s)
	if err != nil {
		return mistake("mapping", cause(err), "See docs/mappings.md")
	}
	if secret != "" {
		s.Secrets = append([]config.SourceSecret{{Value: config.Secret(secret)}}, s.Secrets...)
	}
	if _, err = spec.New(ProviderConfig(s, nobody)); err != nil {
		fix := "Check the secret and the schemes"
		if spec.SecretHelp != "" {
			fix = strings.TrimSuffix(spec.SecretHelp, ".")
		}
		return mistake("provider", "cannot be set up: "+cause(err), fix)
	}
	return nil
}

// cause drops the package's prefix, which says nothing to an operator.
func cause(err error) string { return strings.TrimPrefix(err.Error(), "providers: ") }

// fieldsOf are a source's fields as the file would have them.
func fieldsOf(s record.Source) map[string]any {
	fields := maps.Clone(s.Fields)
	if fields == nil {
		fields = map[string]any{}
	}
	if s.Provider != "" {
		fields["provider"] = s.Provider
	}
	if s.Mapping != "" {
		fields["mapping"] = s.Mapping
	}
	return fields
}

func withFields(s record.Source, fields map[string]any) record.Source {
	s.Fields = maps.Clone(fields)
	s.Provider, _ = fields["provider"].(string)
	s.Mapping, _ = fields["mapping"].(string)
	delete(s.Fields, "provider")
	delete(s.Fields, "mapping")
	return s
}

// maxShown bounds a value in the audit log.
const maxShown = 200

// shown is a field's value in the audit log.
func shown(name string, v any) string {
	if v == nil {
		return "default"
	}
	text := fmt.Sprint(v)
	if name == "mapping" {
		return fmt.Sprintf("%d bytes, %s", len(text), providers.SecretID(text))
	}
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return text
}
