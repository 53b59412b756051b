package doctor

import (
	"context"
	"slices"
	"time"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/providers"
)

// soon is how early the end of a secret is told.
const soon = 14 * 24 * time.Hour

func (x *examination) sources(ctx context.Context) []Finding {
	r := &report{area: "sources"}
	for _, s := range x.Config.Sources {
		x.source(r, s)
	}
	kept, err := x.stored(ctx)
	if err != nil {
		r.add(Warning, "Mend what is said of sql and of the keyset, and look again", "those of the database could not be looked at: %s", short(err))
	}
	for _, s := range kept {
		x.kept(r, s)
	}
	switch n := len(x.Config.Sources) + len(kept); {
	case len(r.all) > 0:
	case n == 0:
		r.add(Warning, "List sources in the configuration file, or: nerve sources add", "there is none in the configuration, nor in the database")
	default:
		r.ok("%d sources, each of which proves its deliveries", n)
	}
	return r.all
}

// source says what is weak, or about to end, about one source.
func (x *examination) source(r *report, s config.Source) {
	if slices.Contains(s.Schemes, string(providers.AssuranceNone)) {
		r.add(Danger, "Give it a secret, and remove schemes: [none]", "%s takes deliveries without a proof: anybody who knows its URL can raise incidents", s.Name)
	}
	if s.AllowWeak && !x.Dev {
		r.add(Warning, "Use another scheme of the vendor's, if there is one", "%s takes signatures with SHA-1 (allow_weak)", s.Name)
	}
	if s.Paused {
		r.add(Warning, "Remove paused, or: nerve sources set "+s.Name+" paused=false", "%s is paused: every delivery is answered 503", s.Name)
	}
	x.secrets(r, s)
}

func (x *examination) secrets(r *report, s config.Source) {
	now, usable, last := x.Now(), 0, time.Time{}
	for _, secret := range s.Secrets {
		switch {
		case !secret.NotAfter.IsZero() && !secret.NotAfter.After(now), secret.NotBefore.After(now):
			continue
		case secret.NotAfter.IsZero():
			return
		}
		usable++
		if secret.NotAfter.After(last) {
			last = secret.NotAfter
		}
	}
	switch {
	case len(s.Secrets) == 0:
	case usable == 0:
		r.add(Problem, "Add a secret that counts now", "%s has no secret that counts now: every delivery is refused", s.Name)
	case last.Before(now.Add(soon)):
		r.add(Warning, "Rotate it: nerve sources rotate "+s.Name, "the last secret of %s ends at %s", s.Name, last.UTC().Format(time.RFC3339))
	}
}
