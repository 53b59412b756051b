package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/record"
)

type tokensCmd struct {
	Create tokensCreateCmd `cmd:"" help:"Make a token. It is printed once, on standard output; nerve keeps only its hash."`
	List   tokensListCmd   `cmd:"" help:"List tokens, newest first."`
	Revoke tokensRevokeCmd `cmd:"" help:"Revoke a token, for good and at once."`
}

// shownToken is a token as --json has it.
type shownToken struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Owner      string    `json:"owner"`
	Scope      string    `json:"scope"`
	CreatedAt  time.Time `json:"created_at"`
	CreatedBy  string    `json:"created_by"`
	ExpiresAt  time.Time `json:"expires_at"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	RevokedBy  string    `json:"revoked_by,omitempty"`
	Token      string    `json:"token,omitempty"` // of a new one only
}

func showToken(t record.Token) shownToken {
	return shownToken{
		ID: t.ID, Name: t.Name, Owner: t.Owner, Scope: t.Scope, CreatedAt: t.CreatedAt, CreatedBy: t.CreatedBy,
		ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt, RevokedAt: t.RevokedAt, RevokedBy: t.RevokedBy,
	}
}

// state says in a word whether a token works.
func (s shownToken) state(now time.Time) string {
	switch {
	case !s.RevokedAt.IsZero():
		return "revoked"
	case !now.Before(s.ExpiresAt):
		return "expired"
	default:
		return s.ExpiresAt.UTC().Format(time.DateOnly)
	}
}

type tokensCreateCmd struct {
	ledger
	by
	Name    string   `arg:"" help:"What it is for."`
	Scope   string   `help:"What it may do: read, respond or admin." enum:"read,respond,admin" default:"read"`
	Owner   string   `help:"Who acts with it: a person, or the name of a program; whoever makes it by default." placeholder:"WHO"`
	Expires lifetime `help:"How long it works, such as 12h or 30d; at most 365d." default:"90d" placeholder:"TIME"`
}

// Run prints the token alone on standard output, so that it can be caught in a
// variable, and the rest beside it.
func (c *tokensCreateCmd) Run(ctx context.Context, t terminal) error {
	actor, err := c.actor()
	if err != nil {
		return err
	}
	wanted := access.Wanted{Name: c.Name, Owner: c.Owner, Scope: access.Scope(c.Scope), Lifetime: time.Duration(c.Expires)}
	if wanted.Owner == "" {
		wanted.Owner = actor.Person
	}
	return c.with(ctx, func(store *record.Store) error {
		token, kept, err := access.Create(ctx, store, actor, wanted, time.Now())
		if wrong, ok := errors.AsType[*access.WantedError](err); ok {
			return usageError{wrong.Field + " " + wrong.Problem}
		}
		if err != nil {
			return err
		}
		if c.JSON {
			shown := showToken(kept)
			shown.Token = token
			return t.json(shown)
		}
		t.printf("%s\n", token)
		_, _ = fmt.Fprintf(t.err, "Token %s acts as %s, may %s, and works until %s. It is not shown again.\n",
			kept.ID, kept.Owner, kept.Scope, kept.ExpiresAt.Format(time.DateOnly))
		return nil
	})
}

type tokensListCmd struct{ ledger }

// Run lists tokens.
func (c *tokensListCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(store *record.Store) error {
		found, err := store.Tokens(ctx)
		if err != nil {
			return err
		}
		shown := make([]shownToken, len(found))
		for i := range found {
			shown[i] = showToken(found[i])
		}
		if c.JSON {
			return t.json(shown)
		}
		if len(shown) == 0 {
			t.printf("No tokens: nerve tokens create NAME makes one.\n")
			return nil
		}
		rows := make([][]string, len(shown))
		for i, s := range shown {
			used := "never"
			if !s.LastUsedAt.IsZero() {
				used = ago(time.Now(), s.LastUsedAt)
			}
			rows[i] = []string{s.ID, oneLine(s.Name, 20), oneLine(s.Owner, 20), s.Scope, s.state(time.Now()), used}
		}
		return t.table([]string{"ID", "NAME", "OWNER", "SCOPE", "UNTIL", "USED"}, rows)
	})
}

type tokensRevokeCmd struct {
	ledger
	by
	ID string `arg:"" help:"Id of the token, as nerve tokens list has it."`
}

// Run revokes a token. One that is revoked already is no failure.
func (c *tokensRevokeCmd) Run(ctx context.Context, t terminal) error {
	actor, err := c.actor()
	if err != nil {
		return err
	}
	return c.with(ctx, func(store *record.Store) error {
		kept, err := store.RevokeToken(ctx, actor, c.ID, time.Now())
		if errors.Is(err, record.ErrNotFound) {
			return fmt.Errorf("no token %s (nerve tokens list shows what there is)", c.ID)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(showToken(kept))
		}
		t.printf("Token %s (%s, of %s) is revoked.\n", kept.ID, kept.Name, kept.Owner)
		return nil
	})
}

// lifetime is a length of time that may be given in days.
type lifetime time.Duration

// UnmarshalText reads 12h or 30d.
func (l *lifetime) UnmarshalText(b []byte) error {
	given := string(b)
	if days, ok := strings.CutSuffix(given, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 10_000 {
			*l = lifetime(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	} else if d, err := time.ParseDuration(given); err == nil && d > 0 {
		*l = lifetime(d)
		return nil
	}
	return fmt.Errorf("%q is not a length of time: write it like 12h or 30d", given)
}
