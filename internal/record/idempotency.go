package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// ErrInFlight is returned for an idempotency key whose first request has not
// been answered yet.
var ErrInFlight = errors.New("record: a request with this key is in flight")

// IdempotencyKey is one use of an Idempotency-Key by a person. Request and
// Answer are sealed by the caller: a request may hold a secret that could be
// guessed from its hash.
type IdempotencyKey struct {
	Person, Key string
	Request     []byte // sealed hash of the request
	Answer      []byte // sealed answer; nil while the request is in flight
	Holder      string // whose request it is
}

type idempotencyRow struct {
	bun.BaseModel `bun:"table:idempotency_keys,alias:k"`

	Person      string `bun:",pk"`
	Key         string `bun:",pk"`
	Request     []byte
	Holder      string
	LockedUntil time.Time `bun:",nullzero"`
	Answer      []byte    `bun:",nullzero"`
	ExpiresAt   time.Time
}

// BeginIdempotent claims a key for a request, from now until it is answered or
// the lock has passed: a process that dies in between must not block a retry for
// a day. It returns nil when the claim is new, and else what is known of the
// key: with its answer, or together with ErrInFlight without one.
func (s *Store) BeginIdempotent(ctx context.Context, k IdempotencyKey, now time.Time, lock, keep time.Duration) (*IdempotencyKey, error) {
	row := idempotencyRow{
		Person: k.Person, Key: k.Key, Request: k.Request, Holder: k.Holder,
		LockedUntil: now.UTC().Add(lock), ExpiresAt: now.UTC().Add(keep),
	}
	cleanStrings(&row)
	result, err := s.write.NewInsert().Model(&row).On("CONFLICT (person, key) DO UPDATE").
		Set("request = EXCLUDED.request").Set("holder = EXCLUDED.holder").Set("locked_until = EXCLUDED.locked_until").
		Set("answer = NULL").Set("expires_at = EXCLUDED.expires_at").
		Where("?TableAlias.expires_at <= ?", now.UTC()).
		Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("record: claim an idempotency key: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return nil, err
	}
	return s.known(ctx, row, now)
}

// known is what there is under a key that could not be claimed.
func (s *Store) known(ctx context.Context, row idempotencyRow, now time.Time) (*IdempotencyKey, error) {
	var found idempotencyRow
	err := s.write.NewSelect().Model(&found).Where("person = ?", row.Person).Where("key = ?", row.Key).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) { // given back in this moment
		return nil, ErrInFlight
	}
	if err != nil {
		return nil, fmt.Errorf("record: read an idempotency key: %w", err)
	}
	k := &IdempotencyKey{Person: found.Person, Key: found.Key, Request: found.Request, Answer: found.Answer, Holder: found.Holder}
	if found.Answer != nil {
		return k, nil
	}
	if found.LockedUntil.After(now) {
		return k, ErrInFlight
	}
	// Whoever held it is gone. Only one of those who come now takes it over, and
	// only with the request that it was claimed for, which the caller compares.
	result, err := s.write.NewUpdate().Model((*idempotencyRow)(nil)).
		Set("holder = ?", row.Holder).Set("locked_until = ?", row.LockedUntil).
		Where("person = ?", row.Person).Where("key = ?", row.Key).
		Where("holder = ?", found.Holder).Where("answer IS NULL").Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("record: take over an idempotency key: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return k, errors.Join(err, ErrInFlight)
	}
	k.Holder = row.Holder
	return k, nil
}

// FinishIdempotent keeps the answer to a request that holds its key. One that
// has lost it to another in the meantime keeps nothing.
func (s *Store) FinishIdempotent(ctx context.Context, k IdempotencyKey) error {
	_, err := s.write.NewUpdate().Model((*idempotencyRow)(nil)).
		Set("answer = ?", k.Answer).Set("locked_until = NULL").
		Where("person = ?", cleanText(k.Person)).Where("key = ?", cleanText(k.Key)).
		Where("holder = ?", cleanText(k.Holder)).Where("answer IS NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("record: keep an answer: %w", err)
	}
	return nil
}

// AbandonIdempotent gives a key back, after a request that may be tried again
// as if it had never been made.
func (s *Store) AbandonIdempotent(ctx context.Context, k IdempotencyKey) error {
	_, err := s.write.NewDelete().Model((*idempotencyRow)(nil)).
		Where("person = ?", cleanText(k.Person)).Where("key = ?", cleanText(k.Key)).
		Where("holder = ?", cleanText(k.Holder)).Where("answer IS NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("record: give an idempotency key back: %w", err)
	}
	return nil
}

// ForgetIdempotent removes keys that have expired.
func (s *Store) ForgetIdempotent(ctx context.Context, now time.Time) error {
	if _, err := s.write.NewDelete().Model((*idempotencyRow)(nil)).Where("expires_at <= ?", now.UTC()).Exec(ctx); err != nil {
		return fmt.Errorf("record: forget idempotency keys: %w", err)
	}
	return nil
}
