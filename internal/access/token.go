package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/record"
)

// A token is nrv_ID_SECRET: 10 random bytes that name it, 32 that prove it and a
// CRC-32 of all before it, in base32 without padding.
const (
	tokenPrefix  = "nrv_"
	idBytes      = 10
	secretBytes  = 32
	idLength     = 16
	secretLength = 52
	sumLength    = 7
	tokenLength  = len(tokenPrefix) + idLength + 1 + secretLength + sumLength
)

// How long a token is valid.
const (
	DefaultLifetime = 90 * 24 * time.Hour
	MaxLifetime     = 365 * 24 * time.Hour
	minLifetime     = time.Minute
)

const (
	maxName  = 80
	maxOwner = 254 // the longest e-mail address
)

var code = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Wanted is the token that somebody asks for.
type Wanted struct {
	Name     string
	Owner    string // who acts with it
	Scope    Scope
	Lifetime time.Duration // 0 is DefaultLifetime
}

// WantedError says what is wrong with a Wanted, for whoever asked.
type WantedError struct{ Field, Problem string }

func (e *WantedError) Error() string { return "access: " + e.Field + " " + e.Problem }

// Creator keeps new tokens.
type Creator interface {
	CreateToken(ctx context.Context, by audit.Actor, t record.Token) error
}

// Create makes a token and keeps it. The token itself is in the answer only and
// can never be had again.
func Create(ctx context.Context, to Creator, by audit.Actor, w Wanted, now time.Time) (token string, kept record.Token, err error) {
	if err := w.check(); err != nil {
		return "", record.Token{}, err
	}
	token, id := mint()
	hash := sha256.Sum256([]byte(token))
	kept = record.Token{
		ID: id, Name: strings.TrimSpace(w.Name), Owner: person(w.Owner), Scope: string(w.Scope), Hash: hash[:],
		CreatedAt: now.UTC().Truncate(time.Microsecond), CreatedBy: by.Person,
		ExpiresAt: now.UTC().Truncate(time.Microsecond).Add(w.Lifetime),
	}
	if err := to.CreateToken(ctx, by, kept); err != nil {
		return "", record.Token{}, err
	}
	return token, kept, nil
}

func (w *Wanted) check() error {
	if w.Lifetime == 0 {
		w.Lifetime = DefaultLifetime
	}
	name, owner := strings.TrimSpace(w.Name), strings.TrimSpace(w.Owner)
	switch {
	case name == "" || utf8.RuneCountInString(name) > maxName:
		return &WantedError{"name", fmt.Sprintf("needs 1 to %d characters that say what the token is for", maxName)}
	case owner == "" || len(owner) > maxOwner:
		return &WantedError{"owner", fmt.Sprintf("needs 1 to %d characters: the person or program that acts with it", maxOwner)}
	case !w.Scope.Covers(Read):
		return &WantedError{"scope", "must be read, respond or admin"}
	case w.Lifetime < minLifetime || w.Lifetime > MaxLifetime:
		return &WantedError{"expires_in", "must be from 1 minute to 365 days"}
	}
	return nil
}

// person is a name as the two-person rule compares it.
func person(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

func mint() (token, id string) {
	raw := make([]byte, idBytes+secretBytes)
	_, _ = rand.Read(raw) // never fails: it ends the program instead
	id = code.EncodeToString(raw[:idBytes])
	token = tokenPrefix + id + "_" + code.EncodeToString(raw[idBytes:])
	return token + checksum(token), id
}

func checksum(text string) string {
	return code.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text))))
}

var errNoToken = errors.New("not in the form of a token, or mistyped")

// tokenID reads the id of something that looks like a token, all of it.
func tokenID(token string) (string, error) {
	if len(token) != tokenLength || !strings.HasPrefix(token, tokenPrefix) || token[len(tokenPrefix)+idLength] != '_' {
		return "", errNoToken
	}
	body := token[:tokenLength-sumLength]
	if checksum(body) != token[len(body):] {
		return "", errNoToken
	}
	return token[len(tokenPrefix) : len(tokenPrefix)+idLength], nil
}
