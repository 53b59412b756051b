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
)

// finish answers, and then does what the sender need not wait for: reactions,
// the delivery log and the event.
func (s *Server) finish(c *gin.Context, a *answer) {
	c.Abort()
	x := exchangeOf(c)
	x.answered = true
	send(c, x.requestID, a)
	ctx := context.WithoutCancel(c.Request.Context())
	s.reactions.add(ctx, a.react)
	if x.source == nil {
		s.deps.Log.LogAttrs(ctx, slog.LevelDebug, "request refused", slog.String("request_id", x.requestID),
			slog.Int("status", a.status()), slog.String("reason", a.reason))
		return
	}
	x.settle(a)
	unproved := a.outcome == contract.OutcomeRejected && x.delivery.Assurance == ""
	if unproved && !s.rejected.allow() {
		return
	}
	s.event(ctx, x, a, unproved)
	if !a.settled {
		s.journal(ctx, x)
	}
}

// settle completes the delivery's entry.
func (x *exchange) settle(a *answer) {
	d := &x.delivery
	d.Outcome, d.Reason, d.Status = a.outcome, a.reason, a.status()
	d.WorkflowID, d.IncidentID, d.Code = a.workflowID, a.incidentID, a.code
	if a.problem != nil {
		d.Code = a.problem.Code
	}
	if a.deliveryID != "" && a.deliveryID != d.ID {
		d.ID, d.Sealed, d.Headers = a.deliveryID, nil, nil
	}
}

// journal logs a delivery that admission did not settle. The alert itself does
// not depend on it.
func (s *Server) journal(ctx context.Context, x *exchange) {
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	if err := s.deps.Streams.Log(ctx, x.delivery); err != nil {
		s.deps.Log.LogAttrs(ctx, slog.LevelWarn, "the delivery log does not take entries",
			slog.String("delivery_id", x.delivery.ID), slog.Any("error", err))
	}
}

func (s *Server) event(ctx context.Context, x *exchange, a *answer, unproved bool) {
	d, level, name := &x.delivery, slog.LevelInfo, eventProcessed
	switch {
	case unproved && (d.Code == codeTooLarge || x.source.State != StateReady) || d.Outcome == contract.OutcomeLimited:
		level, name = slog.LevelWarn, eventFailed
	case unproved:
		level, name = slog.LevelWarn, eventSignature
	case d.Status >= http.StatusInternalServerError && d.Outcome == contract.OutcomeFailed:
		level, name = slog.LevelError, eventFailed
	case a.problem != nil: // the sender's mistake, or the operator's wish
		level, name = slog.LevelWarn, eventFailed
	}
	attrs := append(x.attrs(name),
		slog.String("outcome", string(d.Outcome)), slog.String("reason", d.Reason), slog.Int("status", d.Status),
		slog.String("code", d.Code), slog.String("workflow_id", d.WorkflowID), slog.String("incident_id", d.IncidentID),
		slog.Float64("duration_ms", float64(s.deps.Now().Sub(x.began).Microseconds())/1000))
	if unproved {
		attrs = append(attrs, slog.String("severity", "HIGH"), slog.String("remote_ip", d.RemoteIP),
			slog.Int64("not_logged", s.rejected.skipped()))
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
			s.finish(c, refuse(internal(), contract.OutcomeFailed, "panic"))
		}
		c.Abort()
	}()
	c.Next()
}

func logPanic(ctx context.Context, log *slog.Logger, v any) {
	log.LogAttrs(ctx, slog.LevelError, "panic", slog.String("type", fmt.Sprintf("%T", v)), slog.String("stack", string(debug.Stack())))
}
