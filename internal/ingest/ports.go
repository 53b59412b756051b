package ingest

import (
	"context"
	"log/slog"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
)

// Gate decides what a verified signal is. Admit logs the deliveries that it
// settles itself (duplicates, and repeats that nobody is told of); Confirm logs
// the one it confirms.
type Gate interface {
	Admit(ctx context.Context, c admission.Claim, d contract.Delivery) (admission.Decision, error)
	Confirm(ctx context.Context, c admission.Claim, d contract.Delivery) error
	Abandon(ctx context.Context, c admission.Claim) error
}

// Windows finds and closes the windows that fold repeats into an incident.
type Windows interface {
	Lookup(ctx context.Context, source, window string) (workflowID, incidentID string, found bool, err error)
	Release(ctx context.Context, source, window, workflowID string) error
}

// Streams keep what has no other place: the log of deliveries that admission did
// not settle, and the commands that Temporal could not take.
type Streams interface {
	Log(ctx context.Context, d contract.Delivery) error
	Spool(ctx context.Context, cmd contract.Command, sealed []byte) error
}

// Starter sends a command to Temporal. Its errors wrap those of package starter.
type Starter interface {
	Do(ctx context.Context, cmd contract.Command) (starter.Result, error)
}

// Scrubber replaces personal data and secrets in a signal, or a text, with tokens.
type Scrubber interface {
	Signal(salt []byte, s *incident.Signal)
	// Text takes no salt where tokens need not be told from each other.
	Text(salt []byte, text string) string
}

// Sealer compresses and encrypts bytes, bound to their associated data.
type Sealer interface {
	Seal(plaintext, associated []byte) ([]byte, error)
}

// Reactor puts the first reaction on a Slack message.
type Reactor interface {
	React(ctx context.Context, ref incident.SlackRef) error
}

// Clicks takes what people do with the buttons of nerve's messages in Slack. It
// answers within Slack's three seconds, whatever is away, and tells the person
// itself when their click did nothing.
type Clicks interface {
	Click(ctx context.Context, body []byte) (contract.Outcome, contract.Reason)
}

// Probe asks whether an outside system can do its part now.
type Probe func(ctx context.Context) error

// Deps is what a Server works with. Everything but Reactor and the probes is
// needed; New refuses to build without it.
type Deps struct {
	Gate     Gate
	Windows  Windows
	Streams  Streams
	Starter  Starter
	Scrubber Scrubber
	Sealer   Sealer
	NewSalt  func() []byte
	Log      *slog.Logger

	// Silences may be nil: then nothing is held back.
	Silences Silences
	// Reactor may be nil: then only the workflow reacts.
	Reactor Reactor
	// Clicks may be nil: then buttons do nothing.
	Clicks Clicks
	// Temporal, Redis and Spool answer the health endpoints. Spool fails when
	// the spool would not keep a command durably. A nil probe is left out.
	Temporal, Redis, Spool Probe

	// Backlog is how many commands wait in the spool. nil means that there is no
	// durable spool: then every command waits for Temporal.
	Backlog func(ctx context.Context) (int64, error)

	// Now is the clock, time.Now by default.
	Now func() time.Time
	// NewID makes delivery and request ids, UUIDv7 by default.
	NewID func() string
}
