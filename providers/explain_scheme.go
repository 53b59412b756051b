package providers

import (
	"slices"
	"strings"
	"time"
)

// Tolerance is how far in the past and the future a scheme of the provider lets a
// signed time be, under a configuration. It is the default for a scheme that the
// provider does not have.
func (s Spec) Tolerance(scheme string, cfg Config) (past, future time.Duration) {
	schemes, err := Expand(s.Schemes)
	if err != nil {
		schemes = nil
	}
	for _, c := range schemes {
		if c = c.withDefaults(cfg); c.Name == scheme {
			return c.Past, c.Future
		}
	}
	c := Scheme{}.withDefaults(cfg)
	return c.Past, c.Future
}

// Carriers are the headers, and the parameters of the URL with a "?", in which
// the provider's schemes look for a proof under a configuration, in their order.
func (s Spec) Carriers(cfg Config) []string {
	schemes, err := choose(s.Schemes, cfg)
	if err != nil {
		return nil
	}
	var out []string
	for _, c := range schemes {
		where := c.Header
		if c.Query != "" {
			where = "?" + c.Query
		}
		if where != "" && !slices.Contains(out, where) {
			out = append(out, where)
		}
	}
	return out
}

// Proof tells the best assurance that the provider's schemes can give: signed,
// token, or "weak" where SHA-1 is all that the vendor offers.
func (s Spec) Proof() string {
	schemes, err := Expand(s.Schemes)
	if err != nil {
		return ""
	}
	best := ""
	for _, c := range schemes {
		switch assurance := c.Assurance(); {
		case assurance == AssuranceSigned && !c.Weak:
			return string(AssuranceSigned)
		case assurance == AssuranceToken:
			best = string(AssuranceToken)
		case best == "" && c.Weak:
			best = "weak"
		}
	}
	return best
}

// WeakProof is the header in which a request carries a proof by a weak scheme of
// the provider, or "".
func (s Spec) WeakProof(r *Request) string {
	schemes, err := Expand(s.Schemes)
	if err != nil {
		return ""
	}
	for _, c := range schemes {
		if c = c.withDefaults(Config{}); c.Weak && c.Header != "" {
			if value := r.Header.Get(c.Header); value != "" && strings.HasPrefix(value, c.Prefix) {
				return c.Header
			}
		}
	}
	return ""
}
