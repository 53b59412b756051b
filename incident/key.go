package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// KeyKind says what a deduplication key identifies, and so whether it can ever
// start a second incident.
type KeyKind string

const (
	// KeyEvent identifies one event (a message, a delivery). It happens once:
	// a second start is refused even after the first incident was closed.
	KeyEvent KeyKind = "event"
	// KeyAlert identifies an alert instance that can fire again after it was
	// resolved: only a running incident refuses a second start.
	KeyAlert KeyKind = "alert"
)

// Key is what a provider found to identify a signal within its source.
type Key struct {
	Kind KeyKind `json:"kind"`
	// Value is the vendor's identifier, as it was sent.
	Value string `json:"value"`
	// Opaque is true when Value is minted by the vendor and cannot hold
	// personal data (a channel id, a ticket number). Only then does it stay
	// readable in a workflow id; anything a customer can type into is hashed.
	Opaque bool `json:"opaque,omitempty"`
}

// maxReadable keeps a workflow id readable in a table; Temporal's limit is 1,000 bytes.
const maxReadable = 120

// ID renders the deduplication key of a signal: "<source>:<kind>:<value>". It is
// used as the Temporal workflow id, which Temporal stores in the clear, so a
// value that is not Opaque is replaced with 32 hex digits of its SHA-256.
func (k Key) ID(source string, kind Kind) string {
	return fmt.Sprintf("%s:%s:%s", source, kind, k.readable(source))
}

// Hash is a short stable name for the key within its source (16 hex digits).
func (k Key) Hash(source string) string { return digest(source, string(k.Kind), k.Value)[:16] }

func (k Key) readable(source string) string {
	if k.Opaque && len(k.Value) <= maxReadable && strings.IndexFunc(k.Value, unsafeInID) < 0 && k.Value != "" {
		return k.Value
	}
	return digest(source, string(k.Kind), k.Value)[:32]
}

func unsafeInID(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-", r)
}

// digest hashes the parts with an unambiguous separator and returns hex.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
