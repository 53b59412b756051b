package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

// errAssurance means that a delivery was proved, but less well than its source
// asks for. The sender is told the same as of a proof that is wrong.
var errAssurance = fmt.Errorf("%w: proved less well than the source asks for", providers.ErrSignature)

// Problem codes (row R9).
const (
	codeSignature = "WEBHOOK_SIGNATURE_INVALID"
	codeReplay    = "WEBHOOK_REPLAY_DETECTED"
	codeMalformed = "WEBHOOK_PAYLOAD_MALFORMED"
	codeFailed    = "WEBHOOK_HANDLER_FAILED"
	codeNoHandler = "WEBHOOK_NO_HANDLER"
	codeTooLarge  = "WEBHOOK_PAYLOAD_TOO_LARGE"
	codeLimited   = "WEBHOOK_RATE_LIMITED"
	codeMethod    = "WEBHOOK_METHOD_NOT_ALLOWED"
)

const (
	problemType  = "application/problem+json"
	problemSpace = "urn:nerve:problem:"
)

// problem is an RFC 9457 document. Its text is for the sender: bland, and the
// same whatever the precise cause was.
type problem struct {
	Type             string                `json:"type"`
	Title            string                `json:"title"`
	Status           int                   `json:"status"`
	Detail           string                `json:"detail,omitempty"`
	Instance         string                `json:"instance"`
	Code             string                `json:"code"`
	ValidationErrors []incident.FieldError `json:"validation_errors,omitempty"`
}

// plain is a problem that says no more than its status does.
func plain(status int, code, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code}
}

func typed(status int, name, title, code, detail string) *problem {
	return &problem{Type: problemSpace + name, Title: title, Status: status, Detail: detail, Code: code}
}

func (p *problem) marshal(instance string) []byte {
	p.Instance = instance
	body, err := json.Marshal(p)
	if err != nil { // strings and numbers always marshal
		return []byte(`{"type":"about:blank","title":"Internal Server Error","status":500}`)
	}
	return body
}

func unavailable() *problem {
	return plain(http.StatusServiceUnavailable, codeFailed, "The delivery could not be taken. Send it again later.")
}

func internal() *problem {
	return plain(http.StatusInternalServerError, codeFailed, "The delivery could not be handled.")
}

func limited() *problem {
	return typed(http.StatusTooManyRequests, "rate-limited", "Too many deliveries", codeLimited,
		"The source sends more than it is allowed to. Send it again later.")
}

// rejection chooses the answer to a delivery that was not proved or not read.
func rejection(err error, staleStatus int) *problem {
	var fields incident.FieldErrors
	switch {
	case errors.Is(err, providers.ErrUnsigned):
		return typed(http.StatusUnauthorized, "missing-signature", "Missing signature", codeSignature,
			"The delivery carries no signature or token.")
	case errors.Is(err, providers.ErrStale):
		return typed(staleStatus, "replay-detected", "Stale delivery", codeReplay,
			"The signed time is outside the tolerance.")
	case errors.Is(err, providers.ErrSignature):
		return typed(http.StatusUnauthorized, "invalid-signature", "Invalid signature", codeSignature,
			"The delivery could not be authenticated.")
	case errors.As(err, &fields):
		p := typed(http.StatusBadRequest, "invalid-fields", "Invalid payload", codeMalformed, "Some fields are missing or wrong.")
		p.ValidationErrors = fields
		return p
	case errors.Is(err, providers.ErrMalformed):
		p := typed(http.StatusBadRequest, "malformed-payload", "Malformed payload", codeMalformed, "The payload cannot be read.")
		p.ValidationErrors = []incident.FieldError{{Field: "body", Code: "invalid", Message: "cannot be read as this source's payload"}}
		return p
	default:
		return internal()
	}
}

// reason says precisely what was wrong, without anything that was in the body:
// an error of a parser may quote it.
func reason(err error) contract.Reason {
	var fields incident.FieldErrors
	switch {
	case errors.As(err, &fields):
		parts := make([]string, len(fields))
		for i, f := range fields {
			parts[i] = f.Field + " (" + f.Code + ")"
		}
		return contract.ReasonInvalidFields.With(strings.Join(parts, ", "))
	case errors.Is(err, providers.ErrUnsigned):
		return contract.ReasonUnsigned
	case errors.Is(err, providers.ErrStale):
		return contract.ReasonStale
	case errors.Is(err, errAssurance):
		return contract.ReasonAssurance
	case errors.Is(err, providers.ErrSignature):
		return contract.ReasonSignature
	case errors.Is(err, providers.ErrMalformed):
		return contract.ReasonMalformed
	default:
		return contract.ReasonProofFailed
	}
}

// seconds renders a Retry-After, rounded up and never zero.
func seconds(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }
