package api

import (
	"context"
	"time"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/silence"
	"github.com/nerve-alerts/nerve/providers"
)

// Guard says who shows a credential. Its errors are those of package access.
type Guard interface {
	Authenticate(ctx context.Context, bearer, address string) (access.Principal, error)
}

// Record is what the API looks up and keeps in SQL.
type Record interface {
	Incidents
	Deliveries
	SilenceLog
	Tokens
	Keys
	Audit
}

// Incidents are looked up in the record: it has those that ended long ago too.
type Incidents interface {
	Incident(ctx context.Context, id string) (record.Incident, error)
	IncidentPage(ctx context.Context, f record.IncidentFilter) (record.Page[record.Incident], error)
}

// Deliveries are the delivery log.
type Deliveries interface {
	Delivery(ctx context.Context, id string) (contract.Delivery, error)
	DeliveryPage(ctx context.Context, f record.DeliveryFilter) (record.Page[contract.Delivery], error)
}

// SilenceLog is the silences that hold, will hold, and are over.
type SilenceLog interface {
	Silence(ctx context.Context, id string) (record.Silence, error)
	SilencePage(ctx context.Context, f record.SilenceFilter) (record.Page[record.Silence], error)
}

// Silences are added and ended, with an entry in the audit log, and every ingest
// is told: untold is why it could not be. Package silence does.
type Silences interface {
	Add(ctx context.Context, d silence.Draft, by audit.Actor) (added record.Silence, untold, err error)
	End(ctx context.Context, id, reason string, by audit.Actor) (ended record.Silence, untold, err error)
	Try(ctx context.Context, expression string, newest int) (silence.Trial, error)
}

// Tokens keeps API tokens.
type Tokens interface {
	access.Creator
	Tokens(ctx context.Context) ([]record.Token, error)
	RevokeToken(ctx context.Context, by audit.Actor, id string, at time.Time) (record.Token, error)
}

// Keys keeps idempotency keys.
type Keys interface {
	BeginIdempotent(ctx context.Context, k record.IdempotencyKey, now time.Time, lock, keep time.Duration) (*record.IdempotencyKey, error)
	FinishIdempotent(ctx context.Context, k record.IdempotencyKey) error
	AbandonIdempotent(ctx context.Context, k record.IdempotencyKey) error
	ForgetIdempotent(ctx context.Context, now time.Time) error
}

// Audit is the audit log.
type Audit interface {
	AppendAudit(ctx context.Context, e audit.Entry) (audit.Entry, error)
	AuditLog(ctx context.Context, f record.AuditFilter) ([]audit.Entry, error)
}

// Operator changes incidents, which live in Temporal. Each is told who decided,
// and enters it in the audit log when it is done.
type Operator interface {
	Acknowledge(ctx context.Context, id string, d contract.Decision) (contract.TriageState, error)
	Resolve(ctx context.Context, id string, d contract.Decision) (contract.TriageState, error)
	Snooze(ctx context.Context, id string, s contract.Snooze) (contract.TriageState, error)
	Rerun(ctx context.Context, id string, d contract.Decision) (operator.Rerun, error)
	// Senders says what is wrong with senders.
	Senders(ctx context.Context) (operator.Senders, error)
	// ReleaseSilence tells the incidents that a silence holds that it was ended.
	ReleaseSilence(ctx context.Context, e contract.SilenceEnded) (told int, err error)
}

// Intake takes in alerts that come by nerve's own door.
type Intake interface {
	Submit(ctx context.Context, in ingest.Submission) (ingest.Reply, error)
	Preview(in ingest.Submission) ([]ingest.Preview, error)
	Reread(source string, r *providers.Request) (*providers.Batch, error)
}

// Sealer opens what ingest sealed, and seals answers that are kept.
type Sealer interface {
	Seal(plaintext, associated []byte) ([]byte, error)
	Open(sealed, associated []byte) ([]byte, error)
}
