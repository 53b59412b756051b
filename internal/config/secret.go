package config

import (
	"encoding/json"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a value that never shows itself: printed, logged or marshalled it is
// "[redacted]". Reveal is the only way to the value.
type Secret string

// Reveal returns the value itself.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string { return s.shown() }

// GoString keeps %#v from showing the value.
func (s Secret) GoString() string { return s.shown() }

// LogValue keeps slog from showing the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.shown()) }

// MarshalJSON keeps JSON from showing the value.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.shown()) }

func (s Secret) shown() string {
	if s == "" {
		return ""
	}
	return redacted
}
