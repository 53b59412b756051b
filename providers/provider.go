package providers

import (
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/nerve-alerts/nerve/incident"
)

// Request is one HTTP delivery, as bytes. Body is exactly what was received.
type Request struct {
	Method     string
	URL        *url.URL
	Header     http.Header
	Body       []byte
	ReceivedAt time.Time
}

// Assurance is how well a delivery was proved, from best to worst.
type Assurance string

// The classes of proof.
const (
	AssuranceSigned Assurance = "signed" // a signature over the bytes
	AssuranceToken  Assurance = "token"  // a shared secret beside the bytes
	AssuranceNone   Assurance = "none"   // nothing; only where a source says so
)

// Proof is what Verify learned about the sender.
type Proof struct {
	Scheme    string    // "slack v0", "token", …
	Assurance Assurance //
	Secret    int       // index of the secret that matched, for rotation
	SecretID  string    // SecretID of the secret that matched; empty for none
	SignedAt  time.Time // the sender's signed time; zero when the scheme has none
	Weak      bool      // by a scheme that is accepted because of allow_weak
}

// Timed reports whether the proof covers a time. One that does not stays right
// for ever, so what was sent once must be remembered to notice a replay.
func (p Proof) Timed() bool { return !p.SignedAt.IsZero() }

// Verification failures. Each wraps one of these, so that callers choose a
// status code with errors.Is; the text is for the log, not for the sender.
var (
	// ErrUnsigned means that the signature, its timestamp or the token is missing.
	ErrUnsigned = errors.New("providers: missing signature")
	// ErrSignature means that the proof is there and wrong or unreadable.
	ErrSignature = errors.New("providers: signature does not match")
	// ErrStale means that the proof is right and its time is outside the tolerance.
	ErrStale = errors.New("providers: timestamp outside the tolerance")
	// ErrUnavailable means that the proof could not be checked now, because the
	// vendor's certificate cannot be fetched. The sender should try again.
	ErrUnavailable = errors.New("providers: proof cannot be checked now")
	// ErrMalformed means that a verified body cannot be read as this vendor's payload.
	ErrMalformed = errors.New("providers: malformed payload")
)

// Config is what a provider is built from.
type Config struct {
	// Secrets are the active secrets, newest first. At least one is needed.
	Secrets []Secret
	// Schemes names the schemes that the source accepts; empty means all of the
	// provider's. Only []string{"none"} accepts deliveries without a proof.
	Schemes []string
	// AllowWeak accepts schemes that nobody would choose today (SHA-1).
	AllowWeak bool
	// PublicURL is the URL that the vendor was given, for schemes that sign it.
	PublicURL string
	// HTTP fetches certificates that a vendor publishes; nil means a client of
	// our own. Redirects are never followed.
	HTTP *http.Client
	// Roots are what such a certificate must lead to; nil trusts the connection
	// to the vendor's own host.
	Roots *x509.CertPool
	// TolerancePast and ToleranceFuture bound the signed time; 0 means the
	// vendor's default.
	TolerancePast, ToleranceFuture time.Duration
	// SelfBotID returns nerve's own Slack bot id, or "" while it is unknown.
	SelfBotID func() string
}

// Response is a handshake's answer.
type Response struct {
	Status      int
	ContentType string
	Header      http.Header // further headers
	Body        []byte
}

// Batch is what a verified delivery holds.
type Batch struct {
	// EventID is the vendor's id for the delivery or its event, the same on a
	// retry; empty when the vendor sends none.
	EventID   string
	EventType string
	// Signals may be empty: an event that nothing handles is still stored.
	Signals []incident.Signal
	// Ignored says why a delivery without signals is not for nerve
	// ("self_message"); empty when it is merely stored.
	Ignored string
	// Folded is how many further alerts the delivery holds, beyond the 100 that
	// became signals of their own. Accept makes one signal of them.
	Folded int `json:",omitempty"`
	// Warnings name what was odd in the payload (fields that are not known,
	// severities that are not in the table), without their values.
	Warnings []string
}

// Provider knows one vendor. Implementations are safe for concurrent use.
type Provider interface {
	// Verify proves the sender from the raw bytes and headers. Its errors wrap
	// ErrUnsigned, ErrSignature, ErrStale or ErrUnavailable.
	Verify(*Request) (Proof, error)
	// Parse reads a verified delivery. Its errors wrap ErrMalformed, or are
	// incident.FieldErrors. Signals hold what the vendor sent, not yet scrubbed.
	Parse(*Request) (Batch, error)
	// Sign adds to the header what a sender holding the first secret would add
	// at the given time. It serves `nerve send` and the contract test.
	Sign(r *Request, at time.Time)
}

// Handshaker is a provider whose vendor checks an endpoint before it uses it.
type Handshaker interface {
	// Handshake answers a verified handshake request, or returns nil when the
	// request is not one.
	Handshake(*Request) *Response
}

// Prober is a provider whose vendor checks an endpoint by a GET or an OPTIONS
// request, which it does not sign (Okta, CloudEvents, Dropbox). The answer holds
// only what the request brought, and nothing of it goes any further.
type Prober interface {
	// Probe answers such a check, or returns nil when the request is not one.
	Probe(*Request) *Response
}

// Spec describes a provider to the registry.
type Spec struct {
	Name  string // registry name = URL segment = file name
	Title string // the vendor's own name
	// New builds the provider; it refuses a configuration without a secret.
	New func(Config) (Provider, error)
	// StaleStatus is the answer to a valid but stale signature: 401 or 400.
	StaleStatus int
	// SecretHelp tells an operator where the vendor shows the secret.
	SecretHelp string
	// Docs is where the vendor describes what it sends.
	Docs string
	// Schemes are the ways in which the vendor proves itself, strongest first.
	Schemes []Scheme
	// Window is how long deliveries without an id fold by their content, where the
	// vendor's retries ask for more than the usual 15 minutes; 0 otherwise.
	Window time.Duration
	// SecretMin is how short a secret may be, in characters, where the vendor fixes
	// a length below the 32 that a source needs; 0 otherwise.
	SecretMin int
	// Fixtures are the names of payloads in testdata/<name>/ that are alerts.
	// `nerve send` offers them; see Fixture.
	Fixtures []string
}

var registry = map[string]Spec{}

// Register adds a provider. It is called from init and panics on a programming
// mistake: an empty name, no constructor, or a name that is taken.
func Register(s Spec) {
	if s.Name == "" || s.New == nil {
		panic("providers: Register needs a name and a constructor")
	}
	if _, taken := registry[s.Name]; taken {
		panic("providers: " + s.Name + " is registered twice")
	}
	registry[s.Name] = s
}

// Lookup returns the provider of a name: registered by code, or in the catalogue.
func Lookup(name string) (Spec, bool) {
	if s, ok := registry[name]; ok {
		return s, true
	}
	return catalogued(name)
}

// Names returns the name of every provider, in order.
func Names() []string {
	names := append(slices.Collect(maps.Keys(registry)), catalogue()...)
	slices.Sort(names)
	return names
}

// All returns every provider, by name. It reads the whole catalogue: ask Names
// or Lookup where they do.
func All() []Spec {
	names := Names()
	all := make([]Spec, 0, len(names))
	for _, name := range names {
		if s, ok := Lookup(name); ok {
			all = append(all, s)
		}
	}
	return all
}

// Accepted is a delivery that was proved and read. Exactly one of Handshake and
// Batch is set.
type Accepted struct {
	Proof     Proof
	Handshake *Response
	Batch     *Batch
}

// Accept is the only way from a request to signals: it verifies, then answers a
// handshake, then parses, then normalises and validates each signal. When it
// fails after verification, the returned Accepted still carries the proof.
func Accept(p Provider, r *Request) (Accepted, error) {
	proof, err := p.Verify(r)
	if err != nil {
		return Accepted{}, err
	}
	accepted := Accepted{Proof: proof}
	if h, ok := p.(Handshaker); ok {
		if accepted.Handshake = h.Handshake(r); accepted.Handshake != nil {
			return accepted, nil
		}
	}
	batch, err := p.Parse(r)
	if err == nil {
		err = batch.Complete(r.ReceivedAt)
	}
	if err != nil {
		return accepted, err
	}
	accepted.Batch = &batch
	return accepted, nil
}

// Complete bounds what Parse returned, then normalises and validates its signals,
// once. A signal without a time takes the given one. Its errors are
// incident.FieldErrors.
func (b *Batch) Complete(at time.Time) error {
	fold(b)
	for i := range b.Signals {
		s := &b.Signals[i]
		if s.Timestamp.IsZero() {
			s.Timestamp = at
		}
		s.Normalise()
		if err := s.Validate(); err != nil {
			return fmt.Errorf("signal %d: %w", i+1, err)
		}
	}
	return nil
}
