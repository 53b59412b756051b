package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/nerve-alerts/nerve/internal/record"
)

const (
	idempotencyHeader = "Idempotency-Key"
	replayedHeader    = "Idempotency-Replayed"
	maxKey            = 255
	keepAnswers       = 24 * time.Hour
	// holdKey is how long a request that never ended keeps its key: longer than
	// any request may take.
	holdKey = 2 * answerTimeout
	// bookkeeping bounds what is kept of a request after it was handled.
	bookkeeping = 5 * time.Second
	forgetEvery = time.Hour
)

var plainKey = regexp.MustCompile(`^[!-~]{1,255}$`)

// keptAnswer is what is kept of an answer.
type keptAnswer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   []byte            `json:"body,omitempty"`
}

// keptHeaders are the headers that belong to an answer and not to a request.
var keptHeaders = []string{"Content-Type", "Etag", "Location"}

// idempotent answers a write that comes again under its key with the first
// answer. Only an answer of success is kept: any other changed nothing, and may
// be corrected under the same key.
func (s *Server) idempotent(ctx huma.Context, next func(huma.Context)) {
	key := ctx.Header(idempotencyHeader)
	if key == "" || ctx.Method() == http.MethodGet {
		next(ctx)
		return
	}
	if !plainKey.MatchString(key) {
		s.refuse(ctx, invalidField("header."+idempotencyHeader, fmt.Sprintf("must be 1 to %d printable ASCII characters without spaces", maxKey)))
		return
	}
	call, err := s.begins(ctx, key)
	if err != nil {
		s.refuse(ctx, s.explain(ctx.Context(), err))
		return
	}
	mode, _ := ctx.Operation().Metadata[repeatKey].(repetition)
	if call.answer != nil && mode != guard {
		s.give(ctx, call.answer)
		return
	}
	rec := &recorder{inner: ctx, body: bytes.NewReader(call.body)}
	next(rec)
	s.ends(ctx.Context(), call, rec, mode)
	rec.flush()
	s.forget(ctx.Context())
}

// call is a request under a key.
type call struct {
	key    record.IdempotencyKey
	body   []byte
	answer *keptAnswer // of an earlier request that was the same
}

// begins claims the key, or finds the earlier answer.
func (s *Server) begins(ctx huma.Context, key string) (*call, error) {
	_ = ctx.SetReadDeadline(time.Now().Add(readTimeout)) // the server's own deadline stays where there is none
	body, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), ctx.Operation().MaxBodyBytes))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fromHuma(http.StatusRequestTimeout, nil)
	}
	if err != nil {
		return nil, fail(http.StatusBadRequest, codeInvalid, "The body could not be read to its end.")
	}
	c := &call{body: body, key: record.IdempotencyKey{Person: actor(ctx.Context()).Person, Key: key, Holder: s.deps.NewID()}}
	hash := hashOf(ctx, body)
	if c.key.Request, err = s.deps.Sealer.Seal(hash, c.associated("request")); err != nil {
		return nil, err
	}
	known, err := s.deps.Record.BeginIdempotent(ctx.Context(), c.key, s.deps.Now(), holdKey, keepAnswers)
	if known != nil {
		first, openErr := s.deps.Sealer.Open(known.Request, c.associated("request"))
		if openErr != nil {
			return nil, openErr
		}
		if subtle.ConstantTimeCompare(first, hash) != 1 {
			return nil, fail(http.StatusUnprocessableEntity, codeKeyReused, "The Idempotency-Key was used for another request already.")
		}
	}
	switch {
	case errors.Is(err, record.ErrInFlight):
		p := fail(http.StatusConflict, codeInFlight, "The first request with this Idempotency-Key has not been answered yet.")
		p.after = time.Second
		return nil, p
	case err != nil:
		return nil, err
	case known == nil || known.Answer == nil:
		return c, nil
	}
	plain, err := s.deps.Sealer.Open(known.Answer, c.associated("answer"))
	if err != nil {
		return nil, err
	}
	c.answer = &keptAnswer{}
	return c, json.Unmarshal(plain, c.answer)
}

// associated binds what is sealed to its key.
func (c *call) associated(what string) []byte {
	return []byte("nerve/idempotency/" + what + "/" + c.key.Person + "/" + c.key.Key)
}

// hashOf is over all that makes a request another one.
func hashOf(ctx huma.Context, body []byte) []byte {
	u := ctx.URL()
	h := sha256.New()
	for _, part := range []string{ctx.Method(), u.Path, u.RawQuery, ctx.Header("If-Match")} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part) // a hash never fails
	}
	_, _ = h.Write(body)
	return h.Sum(nil)
}

// ends keeps the answer of a success, and gives the key back otherwise.
func (s *Server) ends(ctx context.Context, c *call, rec *recorder, mode repetition) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bookkeeping)
	defer cancel()
	err := func() error {
		if rec.status/100 != 2 {
			return s.deps.Record.AbandonIdempotent(ctx, c.key)
		}
		plain, err := json.Marshal(rec.kept(mode))
		if err != nil {
			return err
		}
		if c.key.Answer, err = s.deps.Sealer.Seal(plain, c.associated("answer")); err != nil {
			return err
		}
		return s.deps.Record.FinishIdempotent(ctx, c.key)
	}()
	if err != nil {
		s.deps.Log.WarnContext(ctx, "what became of an idempotency key was not kept", "error", err)
	}
}

// give answers with what was kept.
func (s *Server) give(ctx huma.Context, a *keptAnswer) {
	for name, value := range a.Header {
		ctx.SetHeader(name, value)
	}
	ctx.SetHeader(replayedHeader, "true")
	var p Problem
	if a.Header["Content-Type"] == problemType && json.Unmarshal(a.Body, &p) == nil {
		s.refuse(ctx, &p) // it is about this request, not the first
		return
	}
	ctx.SetStatus(a.Status)
	_, _ = ctx.BodyWriter().Write(a.Body) // the caller is gone: nobody to tell
}

// inner lets a recorder embed what has a method of the same name.
type inner huma.Context

// recorder holds an answer back until it is kept, so that whoever has seen it
// gets it again.
type recorder struct {
	inner
	body   io.Reader
	status int
	header map[string]string
	out    bytes.Buffer
}

// Unwrap is for adapters that look for the request.
func (r *recorder) Unwrap() huma.Context { return r.inner }

// BodyReader is the body, which was read already.
func (r *recorder) BodyReader() io.Reader { return r.body }

// SetStatus notes the status.
func (r *recorder) SetStatus(code int) { r.status = code }

// Status is the one that was set.
func (r *recorder) Status() int { return r.status }

// BodyWriter takes the answer.
func (r *recorder) BodyWriter() io.Writer { return &r.out }

// SetHeader notes a header and sets it.
func (r *recorder) SetHeader(name, value string) {
	if r.header == nil {
		r.header = map[string]string{}
	}
	r.header[http.CanonicalHeaderKey(name)] = value
	r.inner.SetHeader(name, value)
}

func (r *recorder) kept(mode repetition) keptAnswer {
	a := keptAnswer{Status: r.status, Header: map[string]string{}, Body: r.out.Bytes()}
	for _, name := range keptHeaders {
		if v := r.header[name]; v != "" {
			a.Header[name] = v
		}
	}
	if mode == once {
		p := fail(http.StatusConflict, codeState, "This was done by the first request with this Idempotency-Key, and the secret in its answer is shown once. Location says where it is.")
		a.Status, a.Header["Content-Type"] = p.Status, problemType
		a.Body, _ = json.Marshal(p) // strings and numbers always marshal
	}
	return a
}

func (r *recorder) flush() {
	if r.status != 0 {
		r.inner.SetStatus(r.status)
	}
	_, _ = r.inner.BodyWriter().Write(r.out.Bytes()) // the caller is gone: nobody to tell
}

// forgets is when keys that have expired were last removed.
type forgets struct {
	mu   sync.Mutex
	last time.Time
}

// forget removes expired keys, once an hour, beside the answer.
func (s *Server) forget(ctx context.Context) {
	now := s.deps.Now()
	s.forgets.mu.Lock()
	due := now.Sub(s.forgets.last) >= forgetEvery
	if due {
		s.forgets.last = now
	}
	s.forgets.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bookkeeping)
	defer cancel()
	if err := s.deps.Record.ForgetIdempotent(ctx, now); err != nil {
		s.deps.Log.WarnContext(ctx, "expired idempotency keys were not removed", "error", err)
	}
}
