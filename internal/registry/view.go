package registry

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/providers"
)

// Where a source is defined.
const (
	OriginFile     = "file"
	OriginDatabase = "database"
)

// What a secret does now.
const (
	SecretInUse   = "in use"
	SecretNotYet  = "not yet" // before not_before
	SecretOver    = "over"    // after not_after
	SecretRemoved = "removed"
	SafeToRemove  = "unused for 7 days: safe to remove"
	noteNeverUsed = "has proved nothing yet: give it to the sender"
	noteStillUsed = "a sender still uses it"
)

// View is a source as people see it. It holds no secret.
type View struct {
	Name     string         `json:"name"`
	Origin   string         `json:"origin"` // file or database
	Provider string         `json:"provider"`
	Path     string         `json:"path"` // of its URL
	Revision int64          `json:"revision,omitempty"`
	Disabled bool           `json:"disabled,omitempty"`
	Paused   bool           `json:"paused,omitempty"`
	Fields   map[string]any `json:"fields,omitempty"` // what is set; of the database
	Secrets  []Secret       `json:"secrets,omitempty"`
	// Error says why it cannot be used: it answers 503.
	Error string `json:"error,omitempty"`
	// Hidden says that the file has a source of this name, which counts instead.
	Hidden    bool       `json:"hidden,omitempty"`
	Warnings  []string   `json:"warnings,omitempty"`
	CreatedAt time.Time  `json:"created_at,omitzero"`
	CreatedBy string     `json:"created_by,omitempty"`
	UpdatedAt time.Time  `json:"updated_at,omitzero"`
	UpdatedBy string     `json:"updated_by,omitempty"`
	PurgedAt  *time.Time `json:"purged_at,omitempty"`
	// Effective is the source with every default filled in, without its secrets.
	Effective Effective `json:"effective,omitzero"`
}

// Effective are a source's figures as they count.
type Effective struct {
	Schemes         []string          `json:"schemes,omitempty"`
	MinAssurance    string            `json:"min_assurance"`
	Channel         string            `json:"channel,omitempty"`
	SeverityFloor   string            `json:"severity_floor,omitempty"`
	Handler         string            `json:"handler"`
	Handlers        map[string]string `json:"handlers,omitempty"`
	Window          string            `json:"window"`
	Debounce        string            `json:"debounce"`
	QuietPeriod     string            `json:"quiet_period"`
	DeliveryTTL     string            `json:"delivery_ttl"`
	TolerancePast   string            `json:"tolerance_past"`
	ToleranceFuture string            `json:"tolerance_future,omitempty"` // empty: the vendor's
	StaleStatus     int               `json:"stale_status,omitempty"`     // 0: the vendor's
	Rate            int               `json:"rate"`
	Burst           int               `json:"burst"`
	HardCap         int               `json:"hard_cap"`
	AllowCIDRs      []string          `json:"allow_cidrs,omitempty"`
	AllowWeak       bool              `json:"allow_weak,omitempty"`
	PublicURL       string            `json:"public_url,omitempty"`
	// Tasks is set where the handler task_result takes any of its events.
	Tasks *EffectiveTasks `json:"tasks,omitempty"`
}

// EffectiveTasks say how a source's tasks are treated.
type EffectiveTasks struct {
	OutputHosts  []string `json:"output_hosts"` // none: only data: URIs
	OutputTypes  []string `json:"output_types"`
	OutputMax    int64    `json:"output_max"` // bytes
	TaskNotices  string   `json:"task_notices"`
	TaskPatience string   `json:"task_patience"`
	RequireKnown bool     `json:"require_known"`
}

// Secret is a secret of a source, by its id.
type Secret struct {
	ID        string    `json:"id"`
	State     string    `json:"state"` // in use, not yet, over, removed
	AddedAt   time.Time `json:"added_at,omitzero"`
	AddedBy   string    `json:"added_by,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	RemovedAt time.Time `json:"removed_at,omitzero"`
	RemovedBy string    `json:"removed_by,omitempty"`
	LastUsed  time.Time `json:"last_used,omitzero"`
	Note      string    `json:"note,omitempty"`
}

// List returns every source, of the file and of the database, by name. It says
// of no secret when it was used; Get does.
func (r *Registry) List(ctx context.Context) ([]View, error) {
	set, err := r.Store.SealedSources(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]View, 0, len(r.File)+len(set.Sources))
	for _, s := range r.File {
		views = append(views, r.viewOfFile(s, set.Purges[s.Name]))
	}
	for _, s := range set.Sources {
		views = append(views, r.viewOfStored(s, set.Purges[s.Name]))
	}
	slices.SortStableFunc(views, func(a, b View) int { return strings.Compare(a.Name, b.Name) })
	return views, nil
}

// Names are the sources that take deliveries, of a configuration file and of the
// database, by name: all but those that are disabled.
func Names(file []config.Source, set record.SourceSet) []string {
	names := make([]string, 0, len(file)+len(set.Sources))
	for _, s := range file {
		names = append(names, s.Name)
	}
	for _, s := range set.Sources {
		if !s.Disabled && !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Get returns one source and says when each of its secrets was last used. Of two
// of one name it is the one that counts, the file's.
func (r *Registry) Get(ctx context.Context, name string) (View, error) {
	views, err := r.List(ctx)
	if err != nil {
		return View{}, err
	}
	i := slices.IndexFunc(views, func(v View) bool { return v.Name == name && !v.Hidden })
	if i < 0 {
		return View{}, ErrNotFound
	}
	v := views[i]
	used, err := r.lastUsed(ctx, name)
	if err != nil {
		return View{}, err
	}
	for i := range v.Secrets {
		v.Secrets[i].LastUsed = used[v.Secrets[i].ID]
	}
	r.advise(&v)
	return v, nil
}

func (r *Registry) viewOfFile(s config.Source, purge record.Purge) View {
	v := View{
		Name: s.Name, Origin: OriginFile, Provider: s.Provider, Path: path(s.Name), Paused: s.Paused, Effective: effective(s),
		PurgedAt: purgedAt(purge),
	}
	for _, secret := range s.Secrets {
		v.Secrets = append(v.Secrets, r.viewOfSecret(record.SourceSecret{
			ID: providers.SecretID(secret.Value.Reveal()), NotBefore: secret.NotBefore, NotAfter: secret.NotAfter,
		}))
	}
	return v
}

func (r *Registry) viewOfStored(s record.Source, purge record.Purge) View {
	v := View{
		Name: s.Name, Origin: OriginDatabase, Provider: s.Provider, Path: path(s.Name), Revision: s.Revision, Disabled: s.Disabled,
		Fields: fieldsOf(s), CreatedAt: s.CreatedAt, CreatedBy: s.CreatedBy, UpdatedAt: s.UpdatedAt, UpdatedBy: s.UpdatedBy,
		PurgedAt: purgedAt(purge),
	}
	_, v.Hidden = r.file[s.Name]
	for _, secret := range s.Secrets {
		v.Secrets = append(v.Secrets, r.viewOfSecret(secret))
	}
	source, err := r.open(s)
	if err == nil {
		err = r.builds(source, "")
	}
	if err != nil {
		v.Error = brokenBy(err)
	}
	if source.Name != "" {
		v.Provider, v.Paused, v.Effective = source.Provider, source.Paused, effective(source)
	}
	return v
}

// brokenBy says why a source is broken, on one line.
func brokenBy(err error) string {
	if mistakes, ok := errors.AsType[config.Errors](err); ok {
		parts := make([]string, len(mistakes))
		for i, m := range mistakes {
			parts[i] = m.String()
		}
		return strings.Join(parts, " ")
	}
	return strings.TrimPrefix(err.Error(), "registry: ")
}

func (r *Registry) viewOfSecret(s record.SourceSecret) Secret {
	v := Secret{
		ID: s.ID, State: SecretInUse, AddedAt: s.AddedAt, AddedBy: s.AddedBy, NotBefore: s.NotBefore, NotAfter: s.NotAfter,
		RemovedAt: s.RemovedAt, RemovedBy: s.RemovedBy,
	}
	switch now := r.Now(); {
	case !s.RemovedAt.IsZero():
		v.State = SecretRemoved
	case now.Before(s.NotBefore):
		v.State = SecretNotYet
	case !s.NotAfter.IsZero() && now.After(s.NotAfter):
		v.State = SecretOver
	}
	return v
}

// advise says of each secret of a rotation what is to be done. An old one is safe
// to remove once the sender has shown that it has a newer one.
func (r *Registry) advise(v *View) {
	var inUse []*Secret
	for i := range v.Secrets {
		if v.Secrets[i].State == SecretInUse {
			inUse = append(inUse, &v.Secrets[i])
		}
	}
	if len(inUse) < 2 {
		return
	}
	newerUsed := false
	for i, s := range inUse { // newest first
		recent := r.Now().Sub(s.LastUsed) < SafeAfter
		switch {
		case i == 0 && s.LastUsed.IsZero():
			s.Note = noteNeverUsed
		case i > 0 && !recent && newerUsed:
			s.Note = SafeToRemove
		case i > 0 && recent:
			s.Note = noteStillUsed
		}
		newerUsed = newerUsed || recent
	}
}

func path(name string) string { return "/webhooks/" + name }

func purgedAt(p record.Purge) *time.Time {
	if p.At.IsZero() {
		return nil
	}
	return &p.At
}

func effective(s config.Source) Effective {
	e := Effective{
		Schemes: s.Schemes, MinAssurance: s.MinAssurance, Channel: s.Channel, SeverityFloor: string(s.SeverityFloor),
		Handler: s.Handler, Handlers: s.Handlers, Window: s.Window.String(), Debounce: s.Debounce.String(),
		QuietPeriod: s.QuietPeriod.String(), DeliveryTTL: s.DeliveryTTL.String(), TolerancePast: s.TolerancePast.String(),
		StaleStatus: s.StaleStatus, Rate: s.Rate, Burst: s.Burst, HardCap: s.HardCap, AllowWeak: s.AllowWeak, PublicURL: s.PublicURL,
	}
	if s.Handler == contract.HandlerTaskResult || slices.Contains(slices.Collect(maps.Values(s.Handlers)), contract.HandlerTaskResult) {
		p := s.Tasks.Policy
		e.Tasks = &EffectiveTasks{
			OutputHosts: append([]string{}, p.Hosts...), OutputTypes: append([]string{}, p.Types...), OutputMax: p.MaxBytes,
			TaskNotices: p.Notices, TaskPatience: p.Patience.String(), RequireKnown: s.Tasks.RequireKnown,
		}
	}
	if s.ToleranceFuture > 0 {
		e.ToleranceFuture = s.ToleranceFuture.String()
	}
	for _, p := range s.AllowCIDRs {
		e.AllowCIDRs = append(e.AllowCIDRs, p.String())
	}
	return e
}
