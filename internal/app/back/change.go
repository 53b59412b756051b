package back

import (
	"context"
	"errors"
	"time"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
)

// orders is the part of the registry that makes a change.
type orders interface {
	Apply(ctx context.Context, o registry.Order) (registry.Applied, error)
}

// changes makes what a second person has granted.
type changes struct{ orders }

// Apply makes a change once for each ref. What no retry mends says so.
func (c changes) Apply(ctx context.Context, ref string, change contract.Change, requestedBy, approvedBy audit.Actor) error {
	_, err := c.orders.Apply(ctx, registry.Order{Change: change, By: requestedBy, ApprovedBy: &approvedBy, Ref: ref})
	if code := permanent(err); code != "" {
		return refused{err, code}
	}
	return err
}

// permanent is the name of a refusal that stays one, however often it is tried,
// or "": a database that is away comes back.
func permanent(err error) string {
	for is, code := range map[error]string{
		registry.ErrNotFound: "sources/not_found", registry.ErrExists: "sources/exists", registry.ErrReadOnly: "sources/read_only",
		registry.ErrUnchanged: "sources/unchanged", registry.ErrSamePerson: "sources/same_person", audit.ErrNobody: "sources/nobody",
	} {
		if errors.Is(err, is) {
			return code
		}
	}
	var (
		conflict *registry.ConflictError
		second   *registry.SecondPersonError
		force    *registry.ForceError
		purge    *record.PurgeError
	)
	switch {
	case errors.As(err, &conflict):
		return "sources/conflict"
	case errors.As(err, &second):
		return "sources/second_person"
	case errors.As(err, &force):
		return "sources/force"
	case errors.As(err, &purge):
		return "sources/too_soon"
	case config.IsMistake(err):
		return "sources/invalid"
	}
	return ""
}

// refused is an error that no retry mends, as package activities reads it.
type refused struct {
	error
	code string
}

func (r refused) Unwrap() error             { return r.error }
func (r refused) Code() string              { return r.code }
func (r refused) Retryable() bool           { return false }
func (r refused) RetryAfter() time.Duration { return 0 }
