package access_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

// tokens is a record of tokens.
type tokens struct {
	mu    sync.Mutex
	kept  map[string]record.Token
	used  []time.Time
	asked int
	down  error
}

func newTokens() *tokens { return &tokens{kept: map[string]record.Token{}} }

func (s *tokens) CreateToken(_ context.Context, _ audit.Actor, t record.Token) error {
	s.kept[t.ID] = t
	return s.down
}

func (s *tokens) Token(_ context.Context, id string) (record.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if t, ok := s.kept[id]; ok || s.down != nil {
		return t, s.down
	}
	return record.Token{}, record.ErrNotFound
}

func (s *tokens) TokenUsed(_ context.Context, id string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = append(s.used, at)
	t := s.kept[id]
	t.LastUsedAt = at
	s.kept[id] = t
	return nil
}

type bundle struct {
	tokens *tokens
	guard  *access.Guard
	clock  *testkit.Clock
	token  string
	kept   record.Token
	log    *bytes.Buffer
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{tokens: newTokens(), clock: testkit.NewClock(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)), log: &bytes.Buffer{}}
	var err error
	b.guard, err = access.NewGuard(access.Options{Tokens: b.tokens, Log: slog.New(slog.NewTextHandler(b.log, nil)), Now: b.clock.Now})
	require.NoError(t, err)
	b.token, b.kept, err = access.Create(t.Context(), b.tokens, audit.Actor{Person: "root", Via: audit.ViaCLI},
		access.Wanted{Name: "laptop", Owner: " Ana@Example.com ", Scope: access.Respond}, b.clock.Now())
	require.NoError(t, err)
	return b
}

func (b *bundle) try(t *testing.T, bearer, address string) (access.Principal, error) {
	t.Helper()
	return b.guard.Authenticate(t.Context(), bearer, address)
}

func TestATokenLetsItsOwnerIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	assert.Regexp(t, `^nrv_[a-z2-7]{16}_[a-z2-7]{59}$`, b.token)
	assert.NotContains(t, string(b.kept.Hash), b.token)
	assert.Len(t, b.kept.Hash, 32)
	assert.Equal(t, b.clock.Now().Add(90*24*time.Hour), b.kept.ExpiresAt)
	p, err := b.try(t, b.token, "192.0.2.1")
	require.NoError(t, err)
	assert.Equal(t, access.Principal{
		Actor: audit.Actor{Person: "ana@example.com", Via: audit.ViaAPI, Credential: b.kept.ID},
		Scope: access.Respond, Expires: b.kept.ExpiresAt,
	}, p)
}

func TestTheLastUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 3 {
		_, err := b.try(t, b.token, "192.0.2.1")
		require.NoError(t, err)
		b.clock.Advance(25 * time.Second)
	}
	assert.Len(t, b.tokens.used, 1)
	b.clock.Advance(time.Minute)
	_, err := b.try(t, b.token, "192.0.2.1")
	require.NoError(t, err)
	assert.Len(t, b.tokens.used, 2)
}

func TestATokenIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(b *bundle){
		"none":            func(b *bundle) { b.token = "" },
		"something else":  func(b *bundle) { b.token = "let me in" },
		"the prefix":      func(b *bundle) { b.token = "nrv_" },
		"cut off":         func(b *bundle) { b.token = b.token[:len(b.token)-1] },
		"longer":          func(b *bundle) { b.token += "a" },
		"mistyped":        func(b *bundle) { b.token = b.token[:30] + flip(b.token[30:31]) + b.token[31:] },
		"unknown":         func(b *bundle) { clear(b.tokens.kept) },
		"another's":       func(b *bundle) { b.change(func(t *record.Token) { t.Hash = bytes.Repeat([]byte{1}, 32) }) },
		"no hash":         func(b *bundle) { b.change(func(t *record.Token) { t.Hash = nil }) },
		"revoked":         func(b *bundle) { b.change(func(t *record.Token) { t.RevokedAt = b.clock.Now() }) },
		"expired":         func(b *bundle) { b.clock.Advance(90 * 24 * time.Hour) },
		"unknown scope":   func(b *bundle) { b.change(func(t *record.Token) { t.Scope = "root" }) },
		"nobody's":        func(b *bundle) { b.change(func(t *record.Token) { t.Owner = " " }) },
		"a JWT, no OIDC":  func(b *bundle) { b.token = "a.b.c" },
		"with whitespace": func(b *bundle) { b.token = " " + b.token },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			secret := b.token
			spoil(b)
			_, err := b.try(t, b.token, "192.0.2.1")
			require.ErrorIs(t, err, access.ErrDenied)
			assert.NotContains(t, b.log.String(), secret[21:], "no credential is logged")
		})
	}
}

func (b *bundle) change(f func(*record.Token)) {
	t := b.tokens.kept[b.kept.ID]
	f(&t)
	b.tokens.kept[b.kept.ID] = t
}

func flip(c string) string {
	if c == "a" {
		return "b"
	}
	return "a"
}

func TestAMistypedTokenNeverReachesTheRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range len(b.token) {
		wrong := b.token[:i] + flip(b.token[i:i+1]) + b.token[i+1:]
		_, err := b.try(t, wrong, "192.0.2."+string(rune('a'+i%26))+string(rune('a'+i/26)))
		require.ErrorIs(t, err, access.ErrDenied)
	}
	assert.Zero(t, b.tokens.asked)
}

func TestARecordThatIsAwayLetsNobodyIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.tokens.down = errors.New("connection refused")
	for range 30 {
		_, err := b.try(t, b.token, "192.0.2.1")
		require.ErrorIs(t, err, access.ErrAway)
	}
	b.tokens.down = nil
	_, err := b.try(t, b.token, "192.0.2.1")
	require.NoError(t, err, "that was not the caller's failure")
}

func TestAnAddressThatKeepsFailingIsTurnedAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fail := func(address string) error {
		_, err := b.try(t, "wrong", address)
		return err
	}
	for range 11 {
		require.ErrorIs(t, fail("2001:db8::1"), access.ErrDenied)
	}
	limited, ok := errors.AsType[*access.LimitedError](fail("2001:db8::1"))
	require.True(t, ok)
	assert.Equal(t, time.Second, limited.After)
	_, ok = errors.AsType[*access.LimitedError](fail("2001:db8::ffff"))
	assert.True(t, ok, "a network of IPv6 is one address")
	require.ErrorIs(t, fail("2001:db8:0:1::1"), access.ErrDenied, "others are not concerned")
	_, err := b.try(t, b.token, "2001:db8::1")
	_, ok = errors.AsType[*access.LimitedError](err)
	assert.True(t, ok, "also a good credential waits")
	for range 20 {
		b.clock.Advance(61 * time.Second)
		_ = fail("2001:db8::1")
	}
	_, err = b.try(t, b.token, "2001:db8::1")
	require.NoError(t, err, "one failure a minute is no reason to turn somebody away")
	for range 30 {
		require.ErrorIs(t, fail("2001:db8::1"), access.ErrDenied, "an address from which somebody came in stays open")
	}
	b.clock.Advance(20 * time.Minute)
	for range 11 {
		_ = fail("2001:db8::1")
	}
	_, ok = errors.AsType[*access.LimitedError](fail("2001:db8::1"))
	assert.True(t, ok, "but not for ever")
}

func TestTheMemoryOfFailuresIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 11 {
		_, _ = b.try(t, "wrong", "192.0.2.1")
	}
	for i := range 30_000 {
		_, err := b.try(t, "wrong", "host-"+strings.Repeat("x", i%7)+time.Duration(i).String())
		require.ErrorIs(t, err, access.ErrDenied)
	}
}

func TestWhatATokenCannotBe(t *testing.T) {
	t.Parallel()
	good := access.Wanted{Name: "n", Owner: "o", Scope: access.Read}
	for name, tc := range map[string]struct {
		change func(*access.Wanted)
		field  string
	}{
		"no name":    {func(w *access.Wanted) { w.Name = " " }, "name"},
		"a long one": {func(w *access.Wanted) { w.Name = strings.Repeat("n", 81) }, "name"},
		"no owner":   {func(w *access.Wanted) { w.Owner = "" }, "owner"},
		"no scope":   {func(w *access.Wanted) { w.Scope = "root" }, "scope"},
		"too short":  {func(w *access.Wanted) { w.Lifetime = time.Second }, "expires_in"},
		"too long":   {func(w *access.Wanted) { w.Lifetime = 366 * 24 * time.Hour }, "expires_in"},
	} {
		w, s := good, newTokens()
		tc.change(&w)
		_, _, err := access.Create(t.Context(), s, audit.Actor{Person: "root", Via: audit.ViaCLI}, w, time.Now())
		refused, ok := errors.AsType[*access.WantedError](err)
		require.True(t, ok, name)
		assert.Equal(t, tc.field, refused.Field)
		assert.Empty(t, s.kept)
	}
	s := newTokens()
	s.down = errors.New("full")
	token, _, err := access.Create(t.Context(), s, audit.Actor{Person: "root", Via: audit.ViaCLI}, good, time.Now())
	require.Error(t, err)
	assert.Empty(t, token, "what is not kept is not shown")
}

func TestScopes(t *testing.T) {
	t.Parallel()
	for i, have := range access.Scopes {
		for j, need := range access.Scopes {
			assert.Equal(t, i >= j, have.Covers(need), "%s for %s", have, need)
		}
		assert.False(t, have.Covers(""), "what names no scope needs one that nobody has")
		assert.False(t, access.Scope("").Covers(have))
	}
	assert.False(t, access.Scope("root").Covers("root"))
	for name, want := range map[string]access.Scope{" Admin ": access.Admin, "read": access.Read} {
		got, err := access.ParseScope(name)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := access.ParseScope("root")
	require.Error(t, err)
	_, err = access.NewGuard(access.Options{})
	require.Error(t, err)
}
