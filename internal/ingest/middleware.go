package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

// maxCarried is the largest sealed body that travels with its signal; what is
// larger stays in the delivery log (section 2, C20).
const maxCarried = 256 << 10

// bound refuses a body that announces itself as too large, and makes sure that
// one that lies about it is cut off.
func (s *Server) bound(c *gin.Context) {
	if c.Request.ContentLength > s.options.MaxBody {
		s.finish(c, refuse(tooLarge(), contract.OutcomeRejected, contract.ReasonTooLarge))
		return
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, s.options.MaxBody)
}

func tooLarge() *problem {
	return plain(http.StatusRequestEntityTooLarge, codeTooLarge, "The body is larger than is accepted.")
}

// pick refuses what is for no source; describe has found it.
func (s *Server) pick(c *gin.Context) {
	x := exchangeOf(c)
	switch {
	case x.source != nil:
		s.sourceReady(c, x)
	case x.partial:
		a := refuse(unavailable(), contract.OutcomeRejected, contract.ReasonNotLoaded)
		a.retryAfter = retryAfter
		s.finish(c, a)
	default:
		s.finish(c, refuse(noSource(), contract.OutcomeRejected, contract.ReasonNoSource))
	}
}

func noSource() *problem {
	return plain(http.StatusNotFound, codeNoHandler, "There is no such source.")
}

// sourceReady turns away what the source takes from nobody, or not from this address.
func (s *Server) sourceReady(c *gin.Context, x *exchange) {
	switch {
	case x.source.State == StateDisabled:
		s.finish(c, refuse(noSource(), contract.OutcomeRejected, contract.ReasonDisabled))
	case x.source.State != StateReady:
		a := refuse(unavailable(), contract.OutcomeRejected, contract.ReasonBroken)
		a.retryAfter = retryAfter
		s.finish(c, a)
	case !x.source.allows(x.delivery.RemoteIP):
		s.finish(c, refuse(typed(http.StatusForbidden, "address-not-allowed", "Address not allowed", codeSignature,
			"The source does not take deliveries from this address."), contract.OutcomeRejected, notAllowed(c)))
	}
}

// notAllowed says why an address is not allowed. Behind a proxy that is not
// trusted, every delivery has the proxy's address.
func notAllowed(c *gin.Context) contract.Reason {
	if c.GetHeader("X-Forwarded-For") != "" && c.ClientIP() == c.RemoteIP() {
		return contract.ReasonProxy
	}
	return contract.ReasonAddress
}

// hold turns away an address that keeps failing, before anything is hashed.
func (s *Server) hold(c *gin.Context) {
	x := exchangeOf(c)
	wait := s.backoff.wait(x.source.Name, x.delivery.RemoteIP)
	if wait == 0 {
		return
	}
	p := typed(http.StatusTooManyRequests, "too-many-failures", "Too many failed attempts", codeSignature,
		"Too many deliveries from this address could not be authenticated.")
	a := refuse(p, contract.OutcomeRejected, contract.ReasonBackoff)
	a.retryAfter = wait
	s.finish(c, a)
}

func (s *Server) read(c *gin.Context) {
	x := exchangeOf(c)
	body, err := readAll(c.Request)
	if err == nil {
		x.weigh(body)
		s.received(c.Request.Context(), x)
		return
	}
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		x.delivery.Size = int(large.Limit) + 1
		s.finish(c, refuse(tooLarge(), contract.OutcomeRejected, contract.ReasonTooLarge))
		return
	}
	s.finish(c, refuse(plain(http.StatusBadRequest, codeMalformed, "The body could not be read to its end."),
		contract.OutcomeRejected, contract.ReasonIncomplete))
}

// maxAnnounced is the largest body that is allocated because it was announced;
// a larger one has to arrive first.
const maxAnnounced = 64 << 10

// readAll reads the body, with one allocation where its size was announced.
func readAll(r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 || r.ContentLength > maxAnnounced {
		return io.ReadAll(r.Body)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	return body, err
}

// accept is the gate between bytes and signals: it proves the sender, answers a
// handshake, and leaves a *verified for the handler.
func (s *Server) accept(c *gin.Context) {
	x := exchangeOf(c)
	request := &providers.Request{
		Method: c.Request.Method, URL: c.Request.URL, Header: c.Request.Header, Body: x.body, ReceivedAt: x.began,
	}
	before := s.deps.Now()
	accepted, err := providers.Accept(x.source.Provider, request)
	x.proved = s.deps.Now().Sub(before)
	proof := accepted.Proof
	x.delivery.Scheme, x.delivery.Assurance, x.delivery.SecretID = proof.Scheme, string(proof.Assurance), proof.SecretID
	skewed(&x.delivery, x.began, proof)
	if proof.Assurance == "" { // nothing was proved, whatever the error says
		s.unproved(c, x, err)
		return
	}
	if !x.source.enough(proof.Assurance) {
		s.unproved(c, x, fmt.Errorf("%w: only by %s", errAssurance, proof.Assurance))
		return
	}
	s.backoff.succeeded(x.source.Name, x.delivery.RemoteIP)
	x.delivery.Headers = keepHeaders(c.Request.Header, s.deps.Scrubber)
	switch {
	case accepted.Handshake != nil:
		h := accepted.Handshake
		s.finish(c, &answer{
			handshake: &handshake{status: h.Status, contentType: h.ContentType, header: h.Header, body: h.Body},
			outcome:   contract.OutcomeHandshake, reason: contract.ReasonHandshake,
		})
	case x.source.Paused:
		s.finish(c, s.pause(x))
	default:
		x.untimed = proof.Assurance == providers.AssuranceSigned && !proof.Timed()
		s.admitRead(c, x, accepted.Batch, err)
	}
}

// unproved refuses a delivery whose sender was not proved: nothing of its
// content is kept.
func (s *Server) unproved(c *gin.Context, x *exchange, err error) {
	if err == nil {
		err = errors.New("ingest: the provider verified without a proof")
	}
	if errors.Is(err, providers.ErrUnavailable) {
		// Not the sender's fault: the certificate that it names cannot be had now.
		a := refuse(unavailable(), contract.OutcomeFailed, contract.ReasonNoProof)
		a.retryAfter, a.failure = retryAfter, err
		s.finish(c, a)
		return
	}
	s.backoff.failed(x.source.Name, x.delivery.RemoteIP)
	a := refuse(rejection(err, x.source.StaleStatus), contract.OutcomeRejected, reason(err))
	if a.problem.Status == http.StatusInternalServerError {
		// The error itself is of an unknown kind and might quote a header.
		a.outcome, a.failure = contract.OutcomeFailed, errors.New("ingest: the provider could not verify the delivery")
	}
	s.finish(c, a)
}

// admitRead seals the bytes of a proved delivery and hands on what was read.
func (s *Server) admitRead(c *gin.Context, x *exchange, batch *providers.Batch, err error) {
	if a := s.seal(x); a != nil {
		s.finish(c, a)
		return
	}
	if err != nil {
		s.finish(c, unreadable(err, x.source.StaleStatus))
		return
	}
	c.Set(verifiedKey, s.enter(c.Request.Context(), x, batch))
}

// pause answers a delivery to a source that is to take none for now. Its bytes
// are kept: the sender may have given up when the pause ends, and then it can be
// replayed.
func (s *Server) pause(x *exchange) *answer {
	if a := s.seal(x); a != nil {
		return a
	}
	a := refuse(unavailable(), contract.OutcomeRejected, contract.ReasonPaused)
	a.retryAfter = retryAfter
	return a
}

// unreadable answers a proved delivery that is not what its vendor sends.
func unreadable(err error, staleStatus int) *answer {
	a := refuse(rejection(err, staleStatus), contract.OutcomeRejected, reason(err))
	if a.problem.Status == http.StatusInternalServerError {
		a.outcome, a.failure = contract.OutcomeFailed, errors.New("ingest: the provider could not read the delivery")
	}
	return a
}

// seal encrypts the bytes of a proved delivery, bound to its entry.
func (s *Server) seal(x *exchange) *answer {
	sealed, err := s.deps.Sealer.Seal(x.body, contract.SealContext(x.source.Name, x.delivery.ID))
	if err != nil {
		return failed(err)
	}
	x.delivery.Sealed = sealed
	return nil
}

// enter describes what was read, for the pipeline.
func (s *Server) enter(ctx context.Context, x *exchange, batch *providers.Batch) *verified {
	d := &x.delivery
	d.EventID, d.EventType = safeID(batch.EventID), safeID(batch.EventType)
	d.Signals, d.Status = len(batch.Signals), http.StatusOK
	raw := incident.RawPayload{DeliveryID: d.ID, ContentType: d.ContentType, Size: d.Size, SHA256: d.SHA256}
	if len(d.Sealed) <= maxCarried {
		raw.Sealed = d.Sealed
	}
	s.verified(ctx, x, batch)
	v := &verified{source: x.source, batch: batch, raw: raw, delivery: *d, untimed: x.untimed}
	v.task, v.unread = readTask(x, batch)
	v.proved, x.body = x.proved, nil
	return v
}

// take is the handler: it sees what was verified, and no request. The work goes
// on when the sender hangs up, because half of it may be done.
func (s *Server) take(c *gin.Context) {
	v, _ := c.MustGet(verifiedKey).(*verified)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), processTimeout)
	defer cancel()
	s.finish(c, s.pipeline.process(ctx, v))
}
