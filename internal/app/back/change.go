package back

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
)

// changer makes the changes that a second person has approved.
type changer struct{ registry *registry.Registry }

// Apply makes a change once, whatever how often it is tried.
func (c changer) Apply(ctx context.Context, ref string, change contract.Change, requestedBy, approvedBy audit.Actor) error {
	_, err := c.registry.Apply(ctx, registry.Order{Change: change, By: requestedBy, ApprovedBy: &approvedBy, Ref: ref})
	if code := refusal(err); code != "" {
		return refusedChange{err, code}
	}
	return err
}

// refusal names why the registry refuses a change, or is "" for what may work
// another time.
func refusal(err error) string {
	for sentinel, code := range map[error]string{
		registry.ErrNotFound: "not_found", registry.ErrExists: "exists", registry.ErrReadOnly: "read_only",
		registry.ErrUnchanged: "unchanged", registry.ErrSamePerson: "same_person", audit.ErrNobody: "nobody",
	} {
		if errors.Is(err, sentinel) {
			return "registry/" + code
		}
	}
	if _, ok := errors.AsType[config.Errors](err); ok {
		return "registry/mistake"
	}
	if _, ok := errors.AsType[*registry.ConflictError](err); ok {
		return "registry/conflict"
	}
	if _, ok := errors.AsType[*registry.ForceError](err); ok {
		return "registry/in_use"
	}
	if _, ok := errors.AsType[*registry.SecondPersonError](err); ok {
		return "registry/second_person"
	}
	if _, ok := errors.AsType[*record.PurgeError](err); ok {
		return "registry/too_soon"
	}
	return ""
}

// refusedChange is a change that no retry makes possible.
type refusedChange struct {
	error
	code string
}

// Error is on one line, as Temporal UI shows it.
func (e refusedChange) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }

// Unwrap returns what the registry said.
func (e refusedChange) Unwrap() error { return e.error }

// Code names the refusal.
func (e refusedChange) Code() string { return e.code }

// Retryable is false: what was asked for cannot be done.
func (refusedChange) Retryable() bool { return false }

// RetryAfter is nothing.
func (refusedChange) RetryAfter() time.Duration { return 0 }
