package output

import (
	"fmt"
	"time"
)

// Error is an output that could not be kept.
type Error struct {
	Name  string // "too_large", "type_forbidden", "no_output", "bad_url", "store", "read"
	Text  string // what a person needs to know
	Retry bool
}

func (e *Error) Error() string { return fmt.Sprintf("output: %s", e.Text) }

// Code is a stable name for the failure: "output/<name>".
func (e *Error) Code() string { return "output/" + e.Name }

// Retryable reports whether another try can help.
func (e *Error) Retryable() bool { return e.Retry }

// RetryAfter is always 0: nobody says how long to wait.
func (*Error) RetryAfter() time.Duration { return 0 }
