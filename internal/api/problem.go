package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/record"
)

// Codes of problems, for programs.
const (
	codeLogin        = "API_UNAUTHENTICATED"
	codeScope        = "API_FORBIDDEN"
	codeInvalid      = "API_INVALID"
	codeNotFound     = "API_NOT_FOUND"
	codeMethod       = "API_METHOD_NOT_ALLOWED"
	codeState        = "API_CONFLICT"
	codeInFlight     = "API_REQUEST_IN_FLIGHT"
	codeKeyReused    = "API_IDEMPOTENCY_KEY_REUSED"
	codeChanged      = "API_PRECONDITION_FAILED"
	codePrecondition = "API_PRECONDITION_REQUIRED"
	codeLimited      = "API_RATE_LIMITED"
	codeTooLarge     = "API_TOO_LARGE"
	codeMediaType    = "API_MEDIA_TYPE"
	codeAway         = "API_UNAVAILABLE"
	codeInternal     = "API_INTERNAL"
)

const problemType = "application/problem+json"

// retryAfter is what a caller is told while something is away.
const retryAfter = 10 * time.Second

// Problem is an RFC 9457 document, with the same members as ingest's.
type Problem struct {
	Type             string                `json:"type" doc:"about:blank, or a urn that names the kind of problem"`
	Title            string                `json:"title"`
	Status           int                   `json:"status"`
	Detail           string                `json:"detail,omitempty" doc:"What is wrong, for people"`
	Instance         string                `json:"instance,omitempty" doc:"Names the request; nerve's log has it as request_id"`
	Code             string                `json:"code" doc:"What is wrong, for programs" example:"API_NOT_FOUND"`
	ValidationErrors []incident.FieldError `json:"validation_errors,omitempty"`

	after    time.Duration
	location string // of what is in the way
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status, for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of a problem, for huma.
func (p *Problem) ContentType(string) string { return problemType }

// GetHeaders are the headers that go with it, for huma.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.after > 0 {
		h.Set("Retry-After", strconv.Itoa(max(1, int((p.after+time.Second-1)/time.Second))))
	}
	if p.location != "" {
		h.Set("Location", p.location)
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="nerve"`)
	}
	return h
}

func fail(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code}
}

func notFound(detail string) *Problem { return fail(http.StatusNotFound, codeNotFound, detail) }

func internal() *Problem {
	return fail(http.StatusInternalServerError, codeInternal, "The request could not be handled; the log of the worker says why.")
}

func away(detail string) *Problem {
	p := fail(http.StatusServiceUnavailable, codeAway, detail)
	p.after = retryAfter
	return p
}

// invalid is a problem about fields, which are named as in the request.
func invalid(fields ...incident.FieldError) *Problem {
	p := fail(http.StatusBadRequest, codeInvalid, "Some fields are missing or wrong.")
	p.Type, p.Title, p.ValidationErrors = "urn:nerve:problem:invalid-fields", "Invalid request", fields
	return p
}

func invalidField(name, message string) *Problem {
	return invalid(incident.FieldError{Field: name, Code: "invalid", Message: message})
}

// write answers with a problem, outside of huma's operations.
func write(c *gin.Context, p *Problem) {
	p.Instance = instance(c.Writer.Header().Get(requestIDHeader))
	maps.Copy(c.Writer.Header(), p.GetHeaders())
	body, err := json.Marshal(p)
	if err != nil { // strings and numbers always marshal
		body = []byte(`{"type":"about:blank","title":"Internal Server Error","status":500}`)
	}
	c.Data(p.Status, problemType, body)
	c.Abort()
}

func instance(requestID string) string { return "/requests/" + requestID }

// refuse answers with a problem, from a middleware of huma's.
func (s *Server) refuse(ctx huma.Context, p *Problem) {
	for name, values := range p.GetHeaders() {
		for _, v := range values {
			ctx.SetHeader(name, v)
		}
	}
	ctx.SetHeader("Content-Type", problemType)
	ctx.SetStatus(p.Status)
	p.Instance = instance(requestID(ctx))
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p) // the caller is gone: nobody to tell
}

// name is a transformer of huma's: it says which request a problem is about.
func name(ctx huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*Problem); ok {
		p.Instance = instance(requestID(ctx))
	}
	return v, nil
}

// huma makes its own errors (what does not fit a schema, a body that is too
// large) with this variable. There is one API in a process.
func init() {
	huma.NewError = func(status int, _ string, errs ...error) huma.StatusError { return fromHuma(status, errs) }
}

func fromHuma(status int, errs []error) *Problem {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return invalid(fieldErrors(status, errs)...) // 400, as ingest answers; 422 is for idempotency keys
	case http.StatusRequestEntityTooLarge:
		return fail(status, codeTooLarge, "The body is larger than is accepted.")
	case http.StatusUnsupportedMediaType:
		return fail(status, codeMediaType, "Send the body as application/json.")
	case http.StatusRequestTimeout:
		return fail(status, codeInvalid, "The body did not arrive in time.")
	default:
		return internal()
	}
}

// maxReceived is how much of a wrong value is said again.
const maxReceived = 64

func fieldErrors(status int, errs []error) []incident.FieldError {
	list := make([]incident.FieldError, 0, len(errs))
	for _, err := range errs {
		detailer, ok := err.(huma.ErrorDetailer)
		if !ok {
			continue // it says too much about the inside
		}
		d := detailer.ErrorDetail()
		f := incident.FieldError{Field: d.Location, Code: "invalid", Message: d.Message, Received: received(d)}
		if strings.Contains(d.Message, "required") {
			f.Code = "required"
		}
		if status == http.StatusBadRequest && d.Location == "body" {
			f.Message = "cannot be read as the JSON that is expected here"
		}
		list = append(list, f)
	}
	if len(list) == 0 && status == http.StatusBadRequest {
		list = append(list, incident.FieldError{Field: "body", Code: "required", Message: "a JSON body is needed"})
	}
	return list
}

// received says a wrong value again where that helps and harms nobody: a short
// one, and none of a field that holds a secret.
func received(d *huma.ErrorDetail) string {
	secret := slices.ContainsFunc([]string{"secret", "token", "header."}, func(w string) bool { return strings.Contains(d.Location, w) })
	if secret || d.Location == "body" {
		return ""
	}
	switch v := d.Value.(type) {
	case string:
		return incident.Cut(v, maxReceived)
	case float64, bool, int, int64:
		return fmt.Sprint(v)
	}
	return ""
}

// explain makes an error of what the API works on a problem. What it does not
// know is logged and answered with 500.
func (s *Server) explain(ctx context.Context, err error) *Problem {
	var p *Problem
	var wanted *access.WantedError
	switch err = changeProblem(err, false); {
	case errors.As(err, &p):
		return p
	case errors.Is(err, record.ErrNotFound), errors.Is(err, operator.ErrNotFound):
		return notFound("There is no such thing.")
	case errors.Is(err, record.ErrCursor):
		return invalidField("query.cursor", "is none that a page has given")
	case errors.Is(err, operator.ErrState):
		// Its text is written for operators: ids, times, and who of them was first.
		return fail(http.StatusConflict, codeState, strings.TrimPrefix(err.Error(), operator.ErrState.Error()+": "))
	case errors.Is(err, operator.ErrSnooze):
		return invalidField("body.until", "must be from a minute to a week from now")
	case errors.Is(err, operator.ErrNoWorker):
		return away("No worker answered.")
	case errors.As(err, &wanted):
		return invalidField("body."+wanted.Field, wanted.Problem)
	case errors.Is(err, audit.ErrNobody):
		return fail(http.StatusForbidden, codeScope, "The credential names nobody who could be entered in the audit log.")
	case record.Retryable(err), ctx.Err() != nil:
		s.deps.Log.WarnContext(ctx, "the API could not answer", "error", err)
		return away("What the answer needs does not respond. Try again later.")
	}
	s.deps.Log.ErrorContext(ctx, "the API failed", "error", err)
	return internal()
}
