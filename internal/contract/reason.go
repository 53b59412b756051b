package contract

import (
	"slices"
	"strings"
)

// Reason is why a delivery had its outcome, in a word or two for operators.
// Every reason is declared below and nothing else can make one, so that what
// explains them (internal/explain) can walk them all and forget none.
type Reason struct{ text string }

var reasons []Reason

func reason(text string) Reason {
	r := Reason{text}
	reasons = append(reasons, r)
	return r
}

// Requests that reached no source.
var (
	ReasonNoSource  = reason("no_source")
	ReasonNotLoaded = reason("sources_not_loaded") // not yet known which sources there are: 503
	ReasonNoRoute   = reason("no_route")
	ReasonMethod    = reason("method")
)

// Deliveries whose bytes were not looked at.
var (
	ReasonTooLarge   = reason("body_too_large")
	ReasonIncomplete = reason("body_incomplete")
	ReasonBackoff    = reason("backoff")
	ReasonAddress    = reason("address_not_allowed") // not on the source's allow-list
	ReasonProxy      = reason("proxy_not_trusted")   // the same, and the address is a proxy's whose X-Forwarded-For is not believed
	ReasonDisabled   = reason("source_disabled")
	ReasonBroken     = reason("source_broken") // it cannot be built: its mapping or a secret
	ReasonPaused     = reason("paused")
)

// Deliveries that were not proved.
var (
	ReasonUnsigned    = reason("missing_signature")
	ReasonSignature   = reason("signature_mismatch")
	ReasonStale       = reason("stale_timestamp")
	ReasonAssurance   = reason("assurance_too_low")
	ReasonNoProof     = reason("proof_unavailable") // the vendor's certificate cannot be fetched now
	ReasonProofFailed = reason("unexpected_error")  // the provider's code failed
)

// Deliveries that were proved and not readable.
var (
	ReasonMalformed     = reason("malformed_payload")
	ReasonInvalidFields = reason("invalid fields") // with the fields behind it
)

// Deliveries that were read.
var (
	ReasonHandshake        = reason("handshake")
	ReasonProbe            = reason("probe") // an unsigned check of the endpoint, by GET or OPTIONS
	ReasonNoHandler        = reason("no_handler")
	ReasonSelfMessage      = reason("self_message")
	ReasonIgnored          = reason("ignored")       // the provider's own reason is behind it
	ReasonStored           = reason("handler_store") // the source's handler only keeps
	ReasonBelowFloor       = reason("below_severity_floor")
	ReasonTaskUnknown      = reason("unknown_task") // require_known, and nobody has registered it
	ReasonNothingToResolve = reason("nothing_to_resolve")
	ReasonOverRate         = reason("over_rate")
	ReasonHardCap          = reason("hard_cap")
	ReasonSpooled          = reason("spooled")
	ReasonNothingDurable   = reason("nothing_durable")
	ReasonStartRefused     = reason("start_refused")
	ReasonResolveRefused   = reason("resolve_refused")
	ReasonPanic            = reason("panic")
)

// Clicks on buttons in Slack.
var (
	ReasonClick        = reason("click")               // decided an approval; how is behind it
	ReasonClickRefused = reason("click_refused")       // decided nothing; why is behind it
	ReasonNotOurButton = reason("interaction_unknown") // nothing that nerve has asked for
)

// Reasons returns every reason there is.
func Reasons() []Reason { return slices.Clone(reasons) }

// String is the reason as the delivery log keeps it; empty for none.
func (r Reason) String() string { return r.text }

// With adds what the reason is about, such as the fields that are wrong.
func (r Reason) With(detail string) Reason { return Reason{r.text + ": " + detail} }

// ParseReason finds the reason of a delivery, and what was added to it.
func ParseReason(text string) (r Reason, detail string, known bool) {
	name, detail, _ := strings.Cut(text, ": ")
	r = Reason{name}
	return r, detail, slices.Contains(reasons, r)
}
