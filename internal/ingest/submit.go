package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

// ErrNoSource means that a submission names a source that is not there.
var ErrNoSource = errors.New("ingest: there is no such source")

// Submission is a batch of signals that comes by another door than a webhook's:
// from nerve's own API, or as a replay. Whoever opens that door has proved the
// caller.
type Submission struct {
	Source string
	// Batch is what was read, as a provider's Parse returns it: not yet bounded,
	// not scrubbed. Submit changes it.
	Batch *providers.Batch
	// Body is the bytes that it was read from, which the delivery log keeps sealed.
	Body []byte
	// At is the time of signals that name none themselves; zero is now.
	At          time.Time
	ContentType string
	Headers     map[string]string // for the delivery log, sanitised
	RemoteIP    string
	// Proof is how the caller was proved.
	Proof providers.Proof
	// Untimed says that the bytes themselves are what comes only once.
	Untimed bool
	// ReplayOf is the delivery that this one is a replay of. Its proof was checked
	// when it came, and is not held to the assurance that the source asks for now.
	ReplayOf string
	// Again makes incidents of their own of it, whatever runs already: every key
	// gets a suffix, and no window folds it. The sender's own resolve, which has
	// the key without the suffix, does not close them.
	Again bool
}

// Reply is the answer to a Submission: what a sender of a webhook would have been
// told, and what the delivery log has of it.
type Reply struct {
	DeliveryID string           `json:"delivery_id"`
	Outcome    contract.Outcome `json:"outcome"`
	Reason     string           `json:"reason,omitempty"`
	Code       string           `json:"code,omitempty"`
	Status     int              `json:"status"`
	Signals    int              `json:"signals"`
	// WorkflowID and IncidentID name the incident that the answer is about: of
	// several signals the first of the most important.
	WorkflowID string                `json:"workflow_id,omitempty"`
	IncidentID string                `json:"incident_id,omitempty"`
	Fields     []incident.FieldError `json:"fields,omitempty"`
	RetryAfter time.Duration         `json:"retry_after,omitempty"`
	// Err is the precise cause of a failure, for the log only.
	Err error `json:"-"`
}

// Taken reports whether what was submitted is durable, or needs not be.
func (r Reply) Taken() bool { return r.Status < 300 }

// Submit takes a batch through the pipeline of a webhook, with a delivery of its
// own in the log. It fails with ErrNoSource, and with ctx's error when ctx is
// done already; whatever else goes wrong is in the Reply.
func (s *Server) Submit(ctx context.Context, in Submission) (Reply, error) {
	if err := ctx.Err(); err != nil {
		return Reply{}, fmt.Errorf("ingest: submit: %w", err)
	}
	x, err := s.open(in)
	if err != nil {
		return Reply{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), processTimeout)
	defer cancel()
	a := s.submit(ctx, x, in)
	s.conclude(ctx, x, a)
	return replyOf(x, a), nil
}

// open starts the entry of a submission.
func (s *Server) open(in Submission) (*exchange, error) {
	source := s.sources.Load().byName[in.Source]
	if source == nil || source.State != StateReady {
		return nil, fmt.Errorf("%w: %s", ErrNoSource, safeName(in.Source))
	}
	x := &exchange{began: s.deps.Now(), meant: true, source: source, untimed: in.Untimed && !in.Again}
	x.requestID = s.deps.NewID()
	x.delivery = contract.Delivery{
		ID: s.deps.NewID(), Source: source.Name, Provider: source.ProviderName, ReceivedAt: x.began.UTC(),
		RemoteIP: in.RemoteIP, ContentType: safeText(in.ContentType, maxHeader), Headers: in.Headers,
		Scheme: in.Proof.Scheme, Assurance: string(in.Proof.Assurance), SecretID: in.Proof.SecretID,
	}
	if in.ReplayOf != "" {
		x.delivery.Trace = &contract.Trace{ReplayOf: in.ReplayOf, Again: in.Again}
	}
	x.weigh(in.Body)
	return x, nil
}

func (s *Server) submit(ctx context.Context, x *exchange, in Submission) (a *answer) {
	defer func() {
		if v := recover(); v != nil {
			logPanic(ctx, s.deps.Log, v)
			a = refuse(internal(), contract.OutcomeFailed, contract.ReasonPanic)
		}
	}()
	if in.ReplayOf == "" && !x.source.enough(in.Proof.Assurance) {
		x.delivery.Headers = nil
		err := fmt.Errorf("%w: only by %s", errAssurance, in.Proof.Assurance)
		return refuse(rejection(err, x.source.StaleStatus), contract.OutcomeRejected, reason(err))
	}
	if x.source.Paused {
		return s.pause(x)
	}
	if a := s.seal(x); a != nil {
		return a
	}
	if err := in.Batch.Complete(in.at(x)); err != nil {
		return unreadable(err, x.source.StaleStatus)
	}
	if in.Again {
		again(in.Batch, x.delivery.ID)
	}
	return s.pipeline.process(ctx, s.enter(ctx, x, in.Batch))
}

func (in *Submission) at(x *exchange) time.Time {
	if in.At.IsZero() {
		return x.began
	}
	return in.At
}

// again gives every signal a key that no other delivery has, and takes away what
// would fold it.
func again(b *providers.Batch, deliveryID string) {
	suffix := ":again:" + deliveryID[max(0, len(deliveryID)-8):]
	b.EventID += suffix // never empty, so that no window folds it by its content
	for i := range b.Signals {
		signal := &b.Signals[i]
		signal.Key.Value += suffix
		signal.Group = ""
		// A name that the provider gave would be the first incident's.
		signal.IncidentID = ""
	}
}

func replyOf(x *exchange, a *answer) Reply {
	d := &x.delivery
	r := Reply{
		DeliveryID: d.ID, Outcome: d.Outcome, Reason: d.Reason, Code: d.Code, Status: d.Status, Signals: d.Signals,
		WorkflowID: a.workflowID, IncidentID: a.incidentID, RetryAfter: a.retryAfter, Err: a.failure,
	}
	if a.problem != nil {
		r.Fields = a.problem.ValidationErrors
	}
	return r
}

// Preview is what a signal would become now, without making anything of it.
type Preview struct {
	WorkflowID  string            `json:"workflow_id"`
	KeyKind     incident.KeyKind  `json:"key_kind"`
	Window      string            `json:"window"` // the layer that would fold it
	Fingerprint string            `json:"fingerprint"`
	EventID     string            `json:"event_id,omitempty"`
	EventType   string            `json:"event_type,omitempty"`
	Title       string            `json:"title"` // scrubbed, as all that follows
	Severity    incident.Severity `json:"severity"`
	Status      incident.Status   `json:"status"`
	Tags        map[string]string `json:"tags,omitempty"`
	// Held is the reason for which the source raises nothing of it now, whatever it
	// says: it is paused, its handler only stores, or the signal is too mild.
	Held string `json:"held,omitempty"`
}

// Preview says what Submit would make of a batch. It changes nothing but the
// batch. Its errors are ErrNoSource and incident.FieldErrors.
func (s *Server) Preview(in Submission) ([]Preview, error) {
	x, err := s.open(in)
	if err != nil {
		return nil, err
	}
	if err := in.Batch.Complete(in.at(x)); err != nil {
		return nil, err
	}
	if in.Again {
		again(in.Batch, x.delivery.ID)
	}
	v := &verified{source: x.source, batch: in.Batch, delivery: x.delivery, untimed: x.untimed}
	v.raw.SHA256 = x.delivery.SHA256
	found := make([]Preview, len(in.Batch.Signals))
	for i := range in.Batch.Signals {
		sub := s.pipeline.prepare(v, i)
		signal := sub.input().Signal
		found[i] = Preview{
			WorkflowID: sub.claim.WorkflowID, KeyKind: sub.kind, Window: sub.delivery.Trace.Window,
			Fingerprint: signal.Fingerprint, EventID: safeID(in.Batch.EventID), EventType: safeID(in.Batch.EventType),
			Title: signal.Title, Severity: signal.Severity, Status: signal.Status, Tags: signal.Tags,
			Held: x.source.held(in.Batch.EventType, &in.Batch.Signals[i]).String(),
		}
	}
	return found, nil
}

// Reread reads bytes that were proved when they came, with the provider that the
// source has today, for Submit. Its errors are ErrNoSource and those of Parse.
func (s *Server) Reread(source string, r *providers.Request) (*providers.Batch, error) {
	found := s.sources.Load().byName[source]
	if found == nil || found.State != StateReady {
		return nil, fmt.Errorf("%w: %s", ErrNoSource, safeName(source))
	}
	batch, err := found.Provider.Parse(r)
	if err != nil {
		return nil, err
	}
	return &batch, nil
}
