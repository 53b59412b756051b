package providers

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Secret is one value that proves a sender, with the time in which it does. What
// the value means depends on the scheme: a shared key, user:password, a public
// key, or the topic that Amazon SNS may send from.
type Secret struct {
	Value string
	// ID names the secret without showing it, where it has a name of its own. An
	// empty one is SecretID of the value.
	ID string
	// NotBefore and NotAfter bound the moment a delivery is received; zero means
	// that there is no bound on that side.
	NotBefore, NotAfter time.Time
}

// Secrets makes secrets without bounds, newest first.
func Secrets(values ...string) []Secret {
	out := make([]Secret, len(values))
	for i, v := range values {
		out[i].Value = v
	}
	return out
}

// String hides the value from anything that prints a secret by accident.
func (s Secret) String() string { return "secret " + s.name() }

// GoString hides the value from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the value from encoders and JSON logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s Secret) name() string {
	if s.ID != "" {
		return s.ID
	}
	return SecretID(s.Value)
}

// SecretID names a secret without showing it, where nothing keeps a name for it:
// 8 hex digits of a SHA-256 that no other purpose computes. No key is in it, so
// whoever has the id can tell of a guess that it is not the secret.
func SecretID(value string) string {
	sum := sha256.Sum256([]byte("nerve secret id\x00" + value))
	return hex.EncodeToString(sum[:4])
}

// outside says why the secret does not count at a moment, or returns "".
func (s Secret) outside(at time.Time) string {
	switch {
	case !s.NotBefore.IsZero() && at.Before(s.NotBefore):
		return "is not valid before " + s.NotBefore.UTC().Format(time.RFC3339)
	case !s.NotAfter.IsZero() && at.After(s.NotAfter):
		return "is not valid after " + s.NotAfter.UTC().Format(time.RFC3339)
	}
	return ""
}

// maxSecrets bounds the work that one delivery can cause. A rotation needs two.
const maxSecrets = 16

// checkSecrets refuses what would let anybody in. Secrets are kept as they are
// written: one that looks like base64 or ends in a space may be just that.
func checkSecrets(secrets []Secret) error {
	switch {
	case len(secrets) == 0:
		return errors.New("providers: a secret is needed")
	case len(secrets) > maxSecrets:
		return fmt.Errorf("providers: %d secrets are too many, at most %d can be active", len(secrets), maxSecrets)
	}
	for i, s := range secrets {
		if strings.TrimSpace(s.Value) == "" {
			return fmt.Errorf("providers: secret %d is blank", i+1)
		}
		if !s.NotBefore.IsZero() && !s.NotAfter.IsZero() && s.NotAfter.Before(s.NotBefore) {
			return fmt.Errorf("providers: secret %d ends before it begins", i+1)
		}
	}
	return nil
}
