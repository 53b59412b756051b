package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/internal/audit"
)

// Actions of the audit log about tokens.
const (
	ActionTokenCreate = "token.create"
	ActionTokenRevoke = "token.revoke"
)

// ErrExists is returned for something new under a name that is taken.
var ErrExists = errors.New("record: it exists already")

// Token is an API token as it is kept: everything but the token itself. A zero
// LastUsedAt or RevokedAt means never.
type Token struct {
	ID    string
	Name  string
	Owner string // the person that whoever shows the token acts as; lower case
	Scope string
	// Hash is the SHA-256 of the whole token. The token holds 256 random bits, so
	// a slow hash would make nothing harder.
	Hash       []byte
	CreatedAt  time.Time
	CreatedBy  string
	ExpiresAt  time.Time
	LastUsedAt time.Time
	RevokedAt  time.Time
	RevokedBy  string
}

type tokenRow struct {
	bun.BaseModel `bun:"table:api_tokens,alias:t"`

	ID         string `bun:",pk"`
	Name       string
	Owner      string
	Scope      string
	Hash       []byte
	CreatedAt  time.Time
	CreatedBy  string
	ExpiresAt  time.Time
	LastUsedAt time.Time `bun:",nullzero"`
	RevokedAt  time.Time `bun:",nullzero"`
	RevokedBy  string
}

func (r *tokenRow) token() Token {
	return Token{
		ID: r.ID, Name: r.Name, Owner: r.Owner, Scope: r.Scope, Hash: r.Hash,
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, ExpiresAt: r.ExpiresAt.UTC(),
		LastUsedAt: r.LastUsedAt.UTC(), RevokedAt: r.RevokedAt.UTC(), RevokedBy: r.RevokedBy,
	}
}

// CreateToken keeps a new token and enters it in the audit log as the actor's
// doing. It fails with ErrExists when the id is taken.
func (s *Store) CreateToken(ctx context.Context, by audit.Actor, t Token) error {
	if t.ID == "" || t.Owner == "" || t.Scope == "" || len(t.Hash) == 0 || t.ExpiresAt.IsZero() {
		return errors.New("record: a token needs an id, an owner, a scope, a hash and an expiry")
	}
	row := tokenRow{
		ID: t.ID, Name: t.Name, Owner: t.Owner, Scope: t.Scope, Hash: t.Hash,
		CreatedAt: t.CreatedAt.UTC(), CreatedBy: by.Person, ExpiresAt: t.ExpiresAt.UTC(),
	}
	cleanStrings(&row)
	entry := audit.Entry{Actor: by, Action: ActionTokenCreate, Target: row.ID, Detail: map[string]string{
		"name": row.Name, "owner": row.Owner, "scope": row.Scope, "expires_at": row.ExpiresAt.Format(time.RFC3339),
	}}
	return s.audited(ctx, &entry, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewInsert().Model(&row).On("CONFLICT (id) DO NOTHING").Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrExists)
		}
		return nil
	})
}

// RevokeToken ends a token for good and enters it in the audit log. One that is
// revoked already stays as it is, without an entry. It fails with ErrNotFound.
func (s *Store) RevokeToken(ctx context.Context, by audit.Actor, id string, at time.Time) (Token, error) {
	known, err := s.Token(ctx, id)
	if err != nil || !known.RevokedAt.IsZero() {
		return known, err
	}
	entry := audit.Entry{
		// Two who revoke at once make one entry.
		Ref: ActionTokenRevoke + "/" + known.ID, Actor: by, Action: ActionTokenRevoke, Target: known.ID,
		Detail: map[string]string{"name": known.Name, "owner": known.Owner},
	}
	err = s.audited(ctx, &entry, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*tokenRow)(nil)).
			Set("revoked_at = ?", at.UTC()).Set("revoked_by = ?", cleanText(by.Person)).
			Where("id = ?", known.ID).Where("revoked_at IS NULL").Exec(ctx)
		return err
	})
	if err != nil {
		return known, err
	}
	return s.Token(ctx, known.ID)
}

// Token returns one token, revoked and expired ones too, or ErrNotFound.
func (s *Store) Token(ctx context.Context, id string) (Token, error) {
	var row tokenRow
	err := s.read.NewSelect().Model(&row).Where("id = ?", cleanText(id)).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Token{}, ErrNotFound
	}
	if err != nil {
		return Token{}, fmt.Errorf("record: read token: %w", err)
	}
	return row.token(), nil
}

// Tokens lists the newest 1,000 tokens, the one created last first.
func (s *Store) Tokens(ctx context.Context) ([]Token, error) {
	var rows []tokenRow
	if err := s.read.NewSelect().Model(&rows).Order("created_at DESC", "id DESC").Limit(maxLimit).Scan(ctx); err != nil {
		return nil, fmt.Errorf("record: list tokens: %w", err)
	}
	list := make([]Token, len(rows))
	for i := range rows {
		list[i] = rows[i].token()
	}
	return list, nil
}

// TokenUsed notes when a token was last used, unless it was used within the
// minute before that.
func (s *Store) TokenUsed(ctx context.Context, id string, at time.Time) error {
	_, err := s.write.NewUpdate().Model((*tokenRow)(nil)).Set("last_used_at = ?", at.UTC()).
		Where("id = ?", cleanText(id)).
		Where("last_used_at IS NULL OR last_used_at < ?", at.UTC().Add(-time.Minute)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("record: note the use of a token: %w", err)
	}
	return nil
}
