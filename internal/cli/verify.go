package cli

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/providers"
)

type verifyCmd struct {
	vendorFlags
	requestFlags
	proofFlags
	JSON bool `hidden:"" help:"It prints JSON anyway."`
}

// Help is what --help says below the flags' list.
func (*verifyCmd) Help() string {
	return "Reads one request and says, as JSON, whether nerve would accept it and why not. It needs no server.\n" +
		"Exit code 0: accepted. 1: refused. 2: a mistake in the command line."
}

// outcome is what nerve makes of one request.
type outcome struct {
	Provider string `json:"provider"`
	Decision string `json:"decision"` // accepted or refused
	Code     string `json:"code,omitempty"`
	Reason   string `json:"reason"`
	// Hints are what an operator may try, where it was refused.
	Hints      []string `json:"hints,omitempty"`
	HTTPStatus int      `json:"http_status"` // what the sender would be answered

	Scheme     string      `json:"scheme,omitempty"`
	Assurance  string      `json:"assurance,omitempty"`
	Weak       bool        `json:"weak,omitempty"`
	Secret     *secretUsed `json:"secret,omitempty"`
	SignedAt   *time.Time  `json:"signed_at,omitempty"`
	ReceivedAt time.Time   `json:"received_at"`
	Handshake  *answered   `json:"handshake,omitempty"`
	// Notes are doubts about the capture.
	Notes []string `json:"notes,omitempty"`
}

// secretUsed names the secret that fitted, without its value.
type secretUsed struct {
	Index int    `json:"index"` // from 0, in the order of --secret
	ID    string `json:"id"`    // as the delivery log has it
}

// answered is a handshake's answer.
type answered struct {
	Status      int               `json:"status"`
	ContentType string            `json:"content_type,omitempty"`
	Headers     map[string]string `json:"headers,omitempty"`
	Body        string            `json:"body"`
}

// Words of a decision.
const (
	accepted = "accepted"
	refused  = "refused"
)

// Run verifies.
func (c *verifyCmd) Run(t terminal) error {
	spec, err := c.spec()
	if err != nil {
		return err
	}
	cfg, proved, err := c.config(c.stdins()...)
	if err != nil {
		return err
	}
	r, notes, err := c.read(time.Now())
	if err != nil {
		return err
	}
	anybody := len(c.Scheme) == 1 && c.Scheme[0] == string(providers.KindNone)
	if !proved && !anybody && r.Method == http.MethodPost {
		return usageError{"--secret is missing: nothing can be verified without it. " + spec.SecretHelp}
	}
	if !proved {
		cfg.Schemes = []string{string(providers.KindNone)}
	}
	o, _, err := judge(spec, cfg, r)
	if err != nil {
		return err
	}
	o.Notes = notes
	if err := t.json(o); err != nil {
		return err
	}
	if o.Decision != accepted {
		return errQuiet
	}
	return nil
}

// judge decides as ingest does. The error is a configuration that no source could
// have.
func judge(spec providers.Spec, cfg providers.Config, r *providers.Request) (outcome, *providers.Batch, error) {
	p, err := spec.New(cfg)
	if err != nil {
		return outcome{}, nil, usageError{plain(err)}
	}
	o := outcome{Provider: spec.Name, ReceivedAt: r.ReceivedAt.UTC(), Decision: accepted, HTTPStatus: http.StatusOK}
	if r.Method != http.MethodPost {
		o.probe(p, r)
		return o, nil, nil
	}
	got, err := providers.Accept(p, r)
	o.proof(got.Proof)
	if err != nil {
		o.refuse(trial{spec: spec, cfg: cfg, request: r}, err)
		return o, nil, nil
	}
	o.accept(spec, got)
	return o, got.Batch, nil
}

// proof fills in what was learned of the sender.
func (o *outcome) proof(p providers.Proof) {
	o.Scheme, o.Assurance, o.Weak = p.Scheme, string(p.Assurance), p.Weak
	if p.SecretID != "" {
		o.Secret = &secretUsed{p.Secret, p.SecretID}
	}
	if p.Timed() {
		at := p.SignedAt.UTC()
		o.SignedAt = &at
	}
}

func (o *outcome) accept(spec providers.Spec, got providers.Accepted) {
	switch {
	case got.Proof.Assurance == providers.AssuranceNone:
		o.Reason = "nothing was proved: the scheme none accepts anybody"
	case got.Proof.Timed():
		o.Reason = fmt.Sprintf("the proof fits secret %d (scheme %s), signed %s", got.Proof.Secret, got.Proof.Scheme,
			relative(o.ReceivedAt.Sub(got.Proof.SignedAt)))
	default:
		o.Reason = fmt.Sprintf("the proof fits secret %d (scheme %s), and covers no time", got.Proof.Secret, got.Proof.Scheme)
	}
	if got.Proof.Weak {
		o.Reason += "; SHA-1 is weak, and " + spec.Title + " is accepted because of --allow-weak"
	}
	if got.Handshake != nil {
		o.handshake(got.Handshake)
	}
}

func (o *outcome) handshake(h *providers.Response) {
	o.HTTPStatus = h.Status
	o.Handshake = &answered{Status: h.Status, ContentType: h.ContentType, Body: string(h.Body)}
	for name := range h.Header {
		if o.Handshake.Headers == nil {
			o.Handshake.Headers = map[string]string{}
		}
		o.Handshake.Headers[name] = h.Header.Get(name)
	}
}

// probe answers a check of the endpoint that proves nothing.
func (o *outcome) probe(p providers.Provider, r *providers.Request) {
	if prober, ok := p.(providers.Prober); ok {
		if h := prober.Probe(r); h != nil {
			o.Reason = "the vendor checks the endpoint by " + r.Method + ", which needs no proof"
			o.handshake(h)
			return
		}
	}
	o.Decision, o.Code, o.HTTPStatus = refused, "method_not_allowed", http.StatusMethodNotAllowed
	o.Reason = r.Method + " is not a delivery, and not a check that this vendor makes"
}

// refuse says why in the words of an operator.
func (o *outcome) refuse(t trial, err error) {
	o.Decision, o.HTTPStatus = refused, http.StatusUnauthorized
	var fields incident.FieldErrors
	switch {
	case errors.As(err, &fields):
		o.Code, o.HTTPStatus = "malformed_payload", http.StatusBadRequest
		o.Reason = o.sender() + " the payload is not usable: " + plain(fields)
	case errors.Is(err, providers.ErrMalformed):
		o.Code, o.HTTPStatus = "malformed_payload", http.StatusBadRequest
		o.Reason = o.sender() + " the body cannot be read: " + detail(err, providers.ErrMalformed)
	case errors.Is(err, providers.ErrUnsigned):
		o.Code = "missing_signature"
		o.Reason, o.Hints = t.unsigned(err)
	case errors.Is(err, providers.ErrStale):
		o.Code, o.HTTPStatus = "stale_timestamp", t.spec.StaleStatus
		o.Reason, o.Hints = t.stale(err)
	case errors.Is(err, providers.ErrUnavailable):
		o.Code, o.HTTPStatus = "unavailable", http.StatusServiceUnavailable
		o.Reason = "the proof cannot be checked now: " + detail(err, providers.ErrUnavailable)
	default:
		o.Code = "signature_mismatch"
		o.Reason, o.Hints = t.wrong(err)
	}
}

// sender begins a reason that has nothing to do with the sender.
func (o *outcome) sender() string {
	if o.Assurance == string(providers.AssuranceNone) || o.Assurance == "" {
		return "nobody was asked for a proof, and"
	}
	return "the sender is proved, but"
}
