package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

// Events (row P10), as the value of the log key "event".
const (
	eventReceived  = "webhook.received"
	eventVerified  = "webhook.verified"
	eventProcessed = "webhook.processed"
	eventFailed    = "webhook.failed"
	eventSignature = "webhook.signature_invalid"
	eventHandshake = "webhook.handshake"
)

// doubted reports whether a delivery was refused because of its proof.
func doubted(reason string) bool {
	switch reason {
	case contract.ReasonUnsigned.String(), contract.ReasonSignature.String(), contract.ReasonStale.String(),
		contract.ReasonAssurance.String(), contract.ReasonBackoff.String():
		return true
	}
	return false
}

// finish answers, and then does what the sender need not wait for: reactions,
// the event, and the delivery log where nothing depends on it.
func (s *Server) finish(c *gin.Context, a *answer) {
	c.Abort()
	x := exchangeOf(c)
	ctx := context.WithoutCancel(c.Request.Context())
	if x.meant && a.onlyLogged() {
		x.conclude(a)
		s.journals(ctx, x, a)
	}
	x.answered = true
	send(c, x.requestID, a)
	if !x.meant {
		s.deps.Log.LogAttrs(ctx, slog.LevelDebug, "request refused", slog.String("request_id", x.requestID),
			slog.Int("status", a.status()), slog.String("reason", a.reason.String()))
		return
	}
	s.conclude(ctx, x, a)
}

// conclude does what follows an answer: reactions, the delivery log and the event.
func (s *Server) conclude(ctx context.Context, x *exchange, a *answer) {
	s.reactions.add(ctx, a.react)
	x.conclude(a)
	unproved := x.delivery.Assurance == ""
	if unproved {
		kept := s.thinner.keep(x.source != nil, x.delivery)
		if kept == nil {
			return
		}
		x.delivery = *kept
	}
	s.event(ctx, x, a, unproved)
	s.journals(ctx, x, a)
}

// onlyLogged reports whether the log is all that remembers a delivery of which its
// sender is told that it was taken, or the parts of it: what was stored or ignored.
// Then it comes before the answer, or a front that is killed in between has lost
// what nobody sends again. An alert's entry is settled by admission, and costs
// nothing here.
func (a *answer) onlyLogged() bool { return a.problem == nil && a.handshake == nil && !a.settled }

// conclude completes the entry of an exchange with its answer.
func (x *exchange) conclude(a *answer) {
	if a.entry != nil {
		x.delivery = *a.entry
	}
	complete(&x.delivery, a)
}

// journals logs what admission did not, once.
func (s *Server) journals(ctx context.Context, x *exchange, a *answer) {
	for i := range a.parts {
		s.journal(ctx, &a.parts[i])
	}
	if !a.settled {
		s.journal(ctx, &x.delivery)
	}
	a.parts, a.settled = nil, true
}

// complete adds to an entry what came of it. The entry of an attempt that held
// several signals names no incident: those of its signals do.
func complete(d *contract.Delivery, a *answer) {
	d.Outcome, d.Reason, d.Status, d.Code = a.outcome, a.reason.String(), a.status(), a.code
	if a.problem != nil {
		d.Code = a.problem.Code
	}
	if d.Part > 0 || d.Signals <= 1 {
		d.WorkflowID, d.IncidentID = a.workflowID, a.incidentID
	}
	if a.rule != "" || a.limit != 0 {
		amend(d, func(t *contract.Trace) { t.Rule, t.Limit = a.rule, a.limit })
	}
}

// amend changes an entry's trace without changing the one that others hold.
func amend(d *contract.Delivery, change func(*contract.Trace)) {
	var t contract.Trace
	if d.Trace != nil {
		t = *d.Trace
	}
	change(&t)
	d.Trace = &t
}

// journal logs an entry that admission did not settle. The alert itself does not
// depend on it.
func (s *Server) journal(ctx context.Context, d *contract.Delivery) {
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	if err := s.deps.Streams.Log(ctx, *d); err != nil {
		s.deps.Log.LogAttrs(ctx, slog.LevelWarn, "the delivery log does not take entries",
			slog.String("delivery_id", d.ID), slog.Any("error", err))
	}
}

func (s *Server) event(ctx context.Context, x *exchange, a *answer, unproved bool) {
	d, level, name := &x.delivery, slog.LevelInfo, eventProcessed
	switch {
	case d.Outcome == contract.OutcomeHandshake && unproved:
		name = eventHandshake
	case doubted(d.Reason):
		level, name = slog.LevelWarn, eventSignature
	case d.Status >= http.StatusInternalServerError && d.Outcome == contract.OutcomeFailed:
		level, name = slog.LevelError, eventFailed
	case a.problem != nil: // the sender's mistake, or the operator's wish
		level, name = slog.LevelWarn, eventFailed
	}
	attrs := append(x.attrs(name),
		slog.String("outcome", string(d.Outcome)), slog.String("reason", d.Reason), slog.Int("status", d.Status),
		slog.String("code", d.Code), slog.String("workflow_id", a.workflowID), slog.String("incident_id", a.incidentID),
		slog.Float64("duration_ms", float64(s.deps.Now().Sub(x.began).Microseconds())/1000))
	if unproved {
		var skipped int64
		if d.Trace != nil {
			skipped = d.Trace.NotKept
		}
		attrs = append(attrs, slog.String("remote_ip", d.RemoteIP), slog.Int64("not_logged", skipped))
	}
	if name == eventSignature {
		attrs = append(attrs, slog.String("severity", "HIGH"))
	}
	if a.failure != nil {
		attrs = append(attrs, slog.Any("error", a.failure))
	}
	s.deps.Log.LogAttrs(ctx, level, "webhook", attrs...)
}

func (x *exchange) attrs(event string) []slog.Attr {
	d := &x.delivery
	attrs := make([]slog.Attr, 0, 16)
	return append(attrs, slog.String("event", event), slog.String("request_id", x.requestID),
		slog.String("delivery_id", d.ID), slog.String("source", d.Source), slog.String("provider", d.Provider),
		slog.String("event_type", d.EventType), slog.Int("size", d.Size))
}

func (s *Server) received(ctx context.Context, x *exchange) {
	if s.deps.Log.Enabled(ctx, slog.LevelDebug) {
		s.deps.Log.LogAttrs(ctx, slog.LevelDebug, "webhook", x.attrs(eventReceived)...)
	}
}

func (s *Server) verified(ctx context.Context, x *exchange, b *providers.Batch) {
	if len(b.Warnings) > 0 {
		s.deps.Log.LogAttrs(ctx, slog.LevelWarn, "webhook", append(x.attrs(eventVerified), slog.Any("warnings", b.Warnings))...)
	} else if s.deps.Log.Enabled(ctx, slog.LevelDebug) {
		s.deps.Log.LogAttrs(ctx, slog.LevelDebug, "webhook", append(x.attrs(eventVerified), slog.Int("signals", len(b.Signals)))...)
	}
}

// recovered answers a panic like any other failure. The log has the stack, and
// of the panic's value only its type, because it may quote the payload.
func (s *Server) recovered(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			panic(v)
		}
		logPanic(c.Request.Context(), s.deps.Log, v)
		if x := exchangeOf(c); !x.answered {
			s.finish(c, refuse(internal(), contract.OutcomeFailed, contract.ReasonPanic))
		}
		c.Abort()
	}()
	c.Next()
}

func logPanic(ctx context.Context, log *slog.Logger, v any) {
	log.LogAttrs(ctx, slog.LevelError, "panic", slog.String("type", fmt.Sprintf("%T", v)), slog.String("stack", string(debug.Stack())))
}
