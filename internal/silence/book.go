package silence

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// Store is where silences are kept.
type Store interface {
	Reader
	AddSilence(ctx context.Context, in record.Silence, by audit.Actor) (record.Silence, error)
	EndSilence(ctx context.Context, id, reason string, by audit.Actor) (record.Silence, error)
	Incidents(ctx context.Context, f record.IncidentFilter) ([]record.Incident, error)
}

// Announcer tells every ingest of a change, and keeps the copy for those without
// a database.
type Announcer interface {
	Keep(ctx context.Context, all []record.Silence) error
	Announce(ctx context.Context) error
}

// Book is where people add and end silences.
type Book struct {
	Store Store
	// Announcer may be nil: then ingests hear of a change when they ask next,
	// within 2 s, or 30 s while they listen to Redis.
	Announcer Announcer
	Now       func() time.Time // time.Now by default
}

// Draft is a silence that somebody wants.
type Draft struct {
	Expression string    `json:"expression"`
	StartsAt   time.Time `json:"starts_at,omitzero"` // zero: now
	EndsAt     time.Time `json:"ends_at"`
	Why        string    `json:"why"`
}

// ErrDraft is what every *DraftError is.
var ErrDraft = errors.New("silence: it cannot be made so")

// DraftError says what is wrong with a draft, besides its expression.
type DraftError struct {
	Field   string // of the draft, as in JSON; empty when there are too many silences
	Problem string // for people
}

func (e *DraftError) Error() string { return ErrDraft.Error() + ": " + e.Problem }

// Unwrap makes it ErrDraft.
func (e *DraftError) Unwrap() error { return ErrDraft }

// maxWhy is the longest reason, in characters.
const maxWhy = 500

func (b *Book) now() time.Time {
	if b.Now == nil {
		return time.Now()
	}
	return b.Now()
}

// Check refuses a draft that makes no sense: a *CompileError, or a *DraftError.
func (b *Book) Check(d *Draft) error {
	now := b.now().UTC()
	if d.StartsAt.IsZero() {
		d.StartsAt = now
	}
	if _, err := Compile(d.Expression); err != nil {
		return err
	}
	switch length := d.EndsAt.Sub(d.StartsAt); {
	case !d.EndsAt.After(now):
		return &DraftError{"ends_at", "its end is in the past"}
	case length <= 0:
		return &DraftError{"ends_at", "it ends before it starts"}
	case length > MaxLength:
		return &DraftError{"ends_at", fmt.Sprintf("it lasts longer than %d days", int(MaxLength.Hours())/24)}
	case strings.TrimSpace(d.Why) == "":
		return &DraftError{"why", "say why, for whoever wonders later why nothing was said"}
	}
	return nil
}

// Add makes a silence, and tells every ingest. What could not be told is in the
// second error: the silence holds all the same, once they ask.
func (b *Book) Add(ctx context.Context, d Draft, by audit.Actor) (added record.Silence, untold, err error) {
	if err := b.Check(&d); err != nil {
		return added, nil, err
	}
	ahead, err := b.Store.Silences(ctx, record.SilenceFilter{AheadAt: b.now(), Limit: MaxAhead})
	if err != nil {
		return added, nil, err
	}
	if len(ahead) >= MaxAhead {
		return added, nil, &DraftError{Problem: fmt.Sprintf("there are %d already, and each is evaluated for each alert: end some, or join them", MaxAhead)}
	}
	added, err = b.Store.AddSilence(ctx, record.Silence{
		ID: newID(), Expression: d.Expression, StartsAt: d.StartsAt.UTC().Truncate(time.Microsecond),
		EndsAt: d.EndsAt.UTC().Truncate(time.Microsecond), Why: incident.Cut(d.Why, maxWhy),
	}, by)
	if err != nil {
		return added, nil, err
	}
	return added, b.announce(ctx), nil
}

// End ends a silence before its time. The incidents that it holds are told by
// operator.ReleaseSilence, which the caller calls next, also when this fails with
// record.ErrEnded: whoever ended it may not have come so far.
func (b *Book) End(ctx context.Context, id, reason string, by audit.Actor) (ended record.Silence, untold, err error) {
	if ended, err = b.Store.EndSilence(ctx, id, incident.Cut(reason, maxWhy), by); err != nil {
		return ended, nil, err
	}
	return ended, b.announce(ctx), nil
}

func (b *Book) announce(ctx context.Context) error {
	if b.Announcer == nil {
		return nil
	}
	ahead, err := b.Store.Silences(ctx, record.SilenceFilter{AheadAt: b.now(), Limit: MaxAhead})
	if err != nil {
		return err
	}
	if err := b.Announcer.Keep(ctx, ahead); err != nil {
		return err
	}
	return b.Announcer.Announce(ctx) // also when the copy was right already
}

// Trial is what an expression would have done.
type Trial struct {
	Looked  int               `json:"looked"` // incidents that it was tried on
	Held    []record.Incident `json:"held"`   // those that it is true for, newest first
	Failed  int               `json:"failed"` // those that it could not be evaluated for
	Failure string            `json:"failure,omitempty"`
}

// Try evaluates an expression on the newest incidents. They are scrubbed, and an
// expression that asks for an address or a number finds a token in its place.
func (b *Book) Try(ctx context.Context, expression string, newest int) (Trial, error) {
	e, err := Compile(expression)
	if err != nil {
		return Trial{}, err
	}
	list, err := b.Store.Incidents(ctx, record.IncidentFilter{Limit: newest})
	if err != nil {
		return Trial{}, err
	}
	trial := Trial{Held: []record.Incident{}}
	for i := range list {
		if list[i].Signal == nil {
			continue
		}
		trial.Looked++
		held, err := e.Match(list[i].Signal)
		switch {
		case err != nil:
			trial.Failed, trial.Failure = trial.Failed+1, err.Error()
		case held:
			trial.Held = append(trial.Held, list[i])
		}
	}
	return trial, nil
}

// Silenced says what holds a signal back now, for an incident whose own silence
// is over.
func (b *Book) Silenced(ctx context.Context, s incident.Signal) (*contract.Silencing, error) {
	now := b.now()
	ahead, err := b.Store.Silences(ctx, record.SilenceFilter{AheadAt: now, Limit: MaxAhead})
	if err != nil {
		return nil, err
	}
	var set Set
	set.Use(ahead)
	return set.Match(&s, now), nil
}

// newID is short enough to be typed: 40 bits, as 8 letters and digits.
func newID() string { return strings.ToLower(rand.Text()[:8]) }
