package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// Store keeps the sources. Package record does.
type Store interface {
	Reader
	Sources(ctx context.Context) (record.SourceSet, error)
	WriteSource(ctx context.Context, e *audit.Entry, w record.SourceWrite) (revision int64, done bool, err error)
	WritePurge(ctx context.Context, e *audit.Entry, source string, at time.Time, cooldown time.Duration) (revision int64, done bool, err error)
	AuditEntry(ctx context.Context, ref string) (audit.Entry, bool, error)
	SecretUse(ctx context.Context, source string) ([]record.SecretUse, error)
}

// Reader is what an ingest needs of the store.
type Reader interface {
	SourcesRevision(ctx context.Context) (int64, error)
	SealedSources(ctx context.Context) (record.SourceSet, error)
}

// Sealer encrypts secrets, bound to their place.
type Sealer interface {
	Seal(plaintext, associated []byte) ([]byte, error)
	Open(sealed, associated []byte) ([]byte, error)
}

// Options of a Registry. Store and Sealer are needed.
type Options struct {
	Store  Store
	Sealer Sealer
	// File are the sources of the configuration file, which are read-only, and
	// Base is Config.SourceBase.
	File []config.Source
	Base config.Source
	// SingleOperator lets one person do what needs two.
	SingleOperator bool
	// Announce tells every ingest of a revision; nil leaves them to their polling.
	Announce func(ctx context.Context, revision int64) error
	Log      *slog.Logger
	Now      func() time.Time
}

// Registry checks and makes changes of sources. It is safe for concurrent use.
type Registry struct {
	Options
	file map[string]config.Source
}

// New builds a registry.
func New(o Options) (*Registry, error) {
	if o.Store == nil || o.Sealer == nil {
		return nil, errors.New("registry: a store and a sealer are needed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Registry{Options: o, file: map[string]config.Source{}}
	for _, s := range o.File {
		r.file[s.Name] = s
	}
	return r, nil
}

// Errors of Check and Apply. Mistakes in what was asked for are config.Errors,
// each with its key and what to do; a purge too soon is a *record.PurgeError.
var (
	ErrNotFound = errors.New("registry: there is no such source")
	ErrExists   = errors.New("registry: there is a source of that name already")
	ErrReadOnly = errors.New("registry: the configuration file defines this source: change it there")
	// ErrUnchanged says that a change would change nothing.
	ErrUnchanged = errors.New("registry: it is so already: nothing to change")
	// ErrSamePerson refuses an approval by whoever asked.
	ErrSamePerson = errors.New("registry: whoever asked for a change cannot approve it")
)

// ConflictError says that the source was changed since whoever asks has seen it.
// Have is 0 when that happened while it was being changed.
type ConflictError struct{ Have, Seen int64 }

func (e *ConflictError) Error() string {
	if e.Have == 0 { // in the moment between looking and writing
		return "registry: the source was changed meanwhile: look at it again"
	}
	return fmt.Sprintf("registry: the source was changed meanwhile: it is at revision %d, not %d: look at it again", e.Have, e.Seen)
}

// SecondPersonError says that a change needs the approval of a second person.
type SecondPersonError struct {
	Why string
	// Revision is the one of the source that the change was checked against; 0 when
	// there is no source yet. Whoever is asked to approve approves a change of that.
	Revision int64
}

func (e *SecondPersonError) Error() string {
	return "registry: this needs a second person's approval: " + e.Why
}

// ForceError says that a change would do harm, and is made with Change.Force.
type ForceError struct{ Why string }

func (e *ForceError) Error() string { return "registry: " + e.Why }

// Verdict is what Check says about a change that could be made.
type Verdict struct {
	SecondPerson bool   // a second person must approve it
	Why          string // which rule asks for that
	Revision     int64  // of the source that it was checked against; 0 when there is none yet
	Warnings     []string
}

// Check says whether a change could be made now, and whether a second person
// must approve it. Its errors are those of the package; nothing is changed.
func (r *Registry) Check(ctx context.Context, c contract.Change) (Verdict, error) {
	p, err := r.plan(ctx, c)
	if err != nil {
		return Verdict{}, err
	}
	p.verdict.Revision = p.write.Expect
	return p.verdict, nil
}

// Order is a change that is to be made now.
type Order struct {
	Change contract.Change
	By     audit.Actor
	// ApprovedBy is the second person, where the change needs one.
	ApprovedBy *audit.Actor
	// Ref names the order, such as by its approval's id: one that was carried out
	// before is not carried out again. Empty: each order is its own.
	Ref string
}

// Applied is what became of an order.
type Applied struct {
	Revision int64       // of the registry, after it; 0 when Again
	SecretID string      // of the secret that was added
	Entry    audit.Entry // in the audit log
	Again    bool        // it was carried out before
	Warnings []string
}

// Apply checks a change again, makes it together with its entry in the audit
// log, and tells every ingest. Without an approval that it needs the error is a
// *SecondPersonError, unless one person may do everything: then the entry says so.
func (r *Registry) Apply(ctx context.Context, o Order) (Applied, error) {
	if known, found, err := r.Store.AuditEntry(ctx, o.Ref); err != nil || found {
		return Applied{Entry: known, Again: found}, err
	}
	p, err := r.plan(ctx, o.Change)
	if err != nil {
		return Applied{}, err
	}
	entry, err := r.entry(o, p)
	if err != nil {
		return Applied{}, err
	}
	revision, done, err := r.write(ctx, &entry, o, p)
	if errors.Is(err, record.ErrConflict) {
		return Applied{}, &ConflictError{Seen: p.write.Expect}
	}
	if err != nil {
		return Applied{}, err
	}
	if r.Announce != nil && done {
		if err := r.Announce(ctx, revision); err != nil {
			r.Log.WarnContext(ctx, "a change of sources was not announced: each ingest finds it by itself",
				"source", o.Change.Target, "revision", revision, "error", err)
			p.verdict.Warnings = append(p.verdict.Warnings, "Redis could not announce the change: an ingest finds it by itself within 30 s")
		}
	}
	added := p.secretID
	if added != "" {
		added = entry.Detail["secret_id"] // another's, when the order was carried out at this moment
	}
	return Applied{Revision: revision, SecretID: added, Entry: entry, Again: !done, Warnings: p.verdict.Warnings}, nil
}

func (r *Registry) write(ctx context.Context, e *audit.Entry, o Order, p *plan) (int64, bool, error) {
	if o.Change.Action == contract.ActionPurgeWindows {
		return r.Store.WritePurge(ctx, e, o.Change.Target, r.Now(), PurgeCooldown)
	}
	now := r.Now().UTC().Truncate(time.Microsecond)
	w := p.write
	w.Source.UpdatedAt, w.Source.UpdatedBy = now, o.By.Person
	if w.Expect == 0 {
		w.Source.CreatedAt, w.Source.CreatedBy = now, o.By.Person
	}
	for i := range w.Add {
		w.Add[i].AddedAt, w.Add[i].AddedBy = now, o.By.Person
	}
	return r.Store.WriteSource(ctx, e, w)
}

// entry is the audit log's entry of an order; it holds no secret.
func (r *Registry) entry(o Order, p *plan) (audit.Entry, error) {
	e := audit.Entry{Ref: o.Ref, Actor: o.By, Action: string(o.Change.Action), Target: o.Change.Target, Detail: p.detail}
	if o.Change.Reason != "" {
		e.Detail["reason"] = o.Change.Reason
	}
	switch {
	case o.ApprovedBy != nil && o.ApprovedBy.Same(o.By):
		return e, ErrSamePerson
	case o.ApprovedBy != nil:
		if err := o.ApprovedBy.Check(); err != nil {
			return e, err
		}
		e.Detail["approved_by"] = o.ApprovedBy.Person + " (" + o.ApprovedBy.Via + ")"
	case p.verdict.SecondPerson && !r.SingleOperator:
		return e, &SecondPersonError{Why: p.verdict.Why, Revision: p.write.Expect}
	case p.verdict.SecondPerson:
		e.Detail["single_operator"] = "true"
	}
	return e, nil
}
