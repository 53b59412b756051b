package privacy

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// redacted is what every printed form of a secret or a key shows.
const redacted = "[redacted]"

// Secret is a string that must not be printed: every fmt verb, slog, JSON and
// text encoding show "[redacted]". Reveal returns the value. Keep it in exported
// fields, or give the struct around it a String method: fmt cannot reach the
// methods of an unexported field.
type Secret string

// Reveal returns the value. Call it where the value is used, not before.
func (s Secret) Reveal() string { return string(s) }

// Matches compares a presented value in constant time, whatever its length. An
// empty secret matches nothing.
func (s Secret) Matches(presented string) bool {
	want, got := sha256.Sum256([]byte(s)), sha256.Sum256([]byte(presented))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1 && s != ""
}

// String hides the value.
func (Secret) String() string { return redacted }

// GoString hides the value under %#v.
func (Secret) GoString() string { return redacted }

// Format hides the value under every other verb, such as %x and %q.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue hides the value in slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the value in JSON, YAML and XML. Decoding is that of a
// plain string.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
