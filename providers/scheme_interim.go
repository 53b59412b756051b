package providers

import (
	"time"

	"go.yaml.in/yaml/v3"
)

type Scheme struct{ node yaml.Node }

func (s *Scheme) UnmarshalYAML(n *yaml.Node) error { s.node = *n; return nil }

func newMapped(m *mapping, cfg Config) (Provider, error) {
	v, err := newTokenVerifier(m.name, cfg)
	if err != nil {
		return nil, err
	}
	return &mapped{prover: interim{v}, m: m}, nil
}

type interim struct{ v *tokenVerifier }

func (i interim) Verify(r *Request) (Proof, error) { return i.v.verify(r) }
func (i interim) Sign(r *Request, at time.Time)    { prepareHeader(r); i.v.signRequest(r) }
