package cli

import (
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/providers"
)

type parseCmd struct {
	vendorFlags
	requestFlags
	proofFlags
	Source  string `help:"The source that it would come in by, for the keys; the provider's name by default." placeholder:"NAME"`
	Explain bool   `help:"Print a table that says where each field came from; with --json, in the JSON."`
	Scrub   bool   `help:"Print what would leave the process: with personal data and secrets replaced, and keys hashed."`
	JSON    bool   `help:"Print JSON, which is what it prints without --explain anyway."`
}

// Help is what --help says below the flags' list.
func (*parseCmd) Help() string {
	return "Reads one request and prints the signals that it would become. It needs no server. Without --secret the\n" +
		"sender is not verified. Exit code 0: accepted. 1: refused. 2: a mistake in the command line."
}

// parsed is what a request becomes.
type parsed struct {
	outcome
	Source   string `json:"source"`
	Verified bool   `json:"verified"`
	// Becomes is signals, stored, ignored or handshake; empty when it is refused.
	Becomes   string             `json:"becomes,omitempty"`
	EventID   string             `json:"event_id,omitempty"`
	EventType string             `json:"event_type,omitempty"`
	Ignored   string             `json:"ignored,omitempty"` // why it is
	Scrubbed  bool               `json:"scrubbed,omitempty"`
	Signals   []signalView       `json:"signals"`
	Warnings  []string           `json:"warnings,omitempty"`
	Explain   []providers.Source `json:"explain,omitempty"`
}

// signalView is a signal as it would be. What only ingest can fill in is left out.
type signalView struct {
	WorkflowID string `json:"workflow_id"`
	incident.Signal
	IncidentID  string    `json:"incident_id,omitempty"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	RawPayload  *struct{} `json:"raw_payload,omitempty"`
}

// Run parses.
func (c *parseCmd) Run(t terminal) error {
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
	if !proved {
		cfg.Schemes = []string{string(providers.KindNone)}
	}
	o, batch, err := judge(spec, cfg, r)
	if err != nil {
		return err
	}
	o.Notes = notes
	p := parsed{outcome: o, Source: c.Source, Verified: proved && o.Secret != nil, Signals: []signalView{}}
	if p.Source == "" {
		p.Source = spec.Name
	}
	if !proved && o.Decision == accepted && o.Handshake == nil {
		p.Reason = "it was read, but not verified: there is no --secret"
	}
	p.fill(batch)
	if c.Explain && o.Decision == accepted && batch != nil {
		if p.Explain, err = explainParsed(spec, cfg, r); err != nil {
			return err
		}
	}
	if c.Scrub {
		p.scrub()
	}
	return c.print(t, spec, p)
}

func (c *parseCmd) print(t terminal, spec providers.Spec, p parsed) error {
	var err error
	if c.Explain && !c.JSON && p.Decision == accepted {
		err = p.table(t, spec)
	} else {
		err = t.json(p)
	}
	if err == nil && p.Decision != accepted {
		return errQuiet
	}
	return err
}

func explainParsed(spec providers.Spec, cfg providers.Config, r *providers.Request) ([]providers.Source, error) {
	p, err := spec.New(cfg)
	if err != nil {
		return nil, usageError{plain(err)}
	}
	_, sources, err := providers.Explain(p, r)
	return sources, err
}

// fill names what the batch holds as ingest would.
func (p *parsed) fill(b *providers.Batch) {
	switch {
	case p.Handshake != nil:
		p.Becomes = "handshake"
	case b == nil:
	case len(b.Signals) > 0:
		p.Becomes = "signals"
	case b.Ignored != "":
		p.Becomes = "ignored"
	default:
		p.Becomes = "stored"
	}
	if b == nil {
		return
	}
	p.EventID, p.EventType, p.Ignored, p.Warnings = b.EventID, b.EventType, b.Ignored, b.Warnings
	for _, s := range b.Signals {
		s.Source, s.Provider = p.Source, p.Provider
		s.DeduplicationKey = s.Key.ID(p.Source, s.Kind)
		p.Signals = append(p.Signals, signalView{WorkflowID: s.DeduplicationKey, Signal: s, IncidentID: s.IncidentID})
	}
}

// scrub replaces what does not leave the process, as ingest does: keys first,
// because scrubbing must not make two alerts one.
func (p *parsed) scrub() {
	scrubber, salt := privacy.NewScrubber(), privacy.NewSalt()
	p.Scrubbed = true
	p.EventID, p.EventType = scrubber.Text(salt, p.EventID), scrubber.Text(salt, p.EventType)
	for i := range p.Warnings {
		p.Warnings[i] = scrubber.Text(salt, p.Warnings[i])
	}
	for i := range p.Signals {
		s := &p.Signals[i].Signal
		id := s.DeduplicationKey
		if !strings.HasSuffix(id, ":"+s.Key.Value) {
			s.Key.Value = id[strings.LastIndexByte(id, ':')+1:]
		}
		if s.Group != "" {
			s.Group = "(hashed)"
		}
		scrubber.Signal(salt, s)
		s.Bound()
	}
	for i := range p.Explain {
		e := &p.Explain[i]
		switch e.Value = scrubber.Text(salt, e.Value); e.Field {
		case "key", "group":
			e.Value = "(hashed)"
		}
	}
}
