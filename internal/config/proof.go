package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// provider is the vendor's registry name, or the path of a mapping and the name
// that its file gives it.
func (e *entry) provider() (name, mapping string) {
	name, mapping = e.value("provider"), e.value("mapping")
	switch known := e.options.Providers; {
	case mapping != "" && name != "":
		e.mistake(e.key("mapping"), "stands beside provider", "Give one of the two")
	case mapping != "" && e.stored:
		name = e.name
		if slices.Contains(known, name) {
			e.mistake(e.key("mapping"), fmt.Sprintf("belongs to a source that is named like the vendor %q, which nerve knows", name), "Give the source another name, or use provider: "+name)
		}
	case mapping != "":
		name = strings.TrimSuffix(filepath.Base(mapping), filepath.Ext(mapping))
		if slices.Contains(known, name) {
			e.mistake(e.key("mapping"), fmt.Sprintf("is named like the vendor %q, which nerve knows", name), "Give the file another name, or use provider: "+name)
		}
	case name == "":
		e.mistake(e.key("provider"), "is missing", "Name the vendor: "+vendorHelp("", known))
	case len(known) > 0 && !slices.Contains(known, name):
		e.mistake(e.key("provider"), fmt.Sprintf("there is no provider %q", name), "Use "+vendorHelp(name, known))
	}
	return name, mapping
}

// fewVendors can be read in one line of a terminal.
const fewVendors = 12

// vendorHelp names the vendors, or where there are too many, the one that was
// meant and where the others are listed.
func vendorHelp(name string, known []string) string {
	if len(known) <= fewVendors {
		return "one of " + strings.Join(known, ", ")
	}
	help := "one that `nerve sources providers` lists, or write a mapping (docs/mappings.md)"
	if c := Closest(name, known); c != "" && name != "" {
		help = c + " if that was meant; " + help
	}
	return help
}

// schemeNone is the scheme that proves nothing.
const schemeNone = "none"

// Anybody reports whether the source takes deliveries without a proof.
func (s *Source) Anybody() bool { return slices.Contains(s.Schemes, schemeNone) }

// proof reads how the source's deliveries prove themselves.
func (e *entry) proof(s *Source) {
	s.Schemes = e.texts("schemes")
	s.AllowWeak = e.asBoolean(e.key("allow_weak"), e.value("allow_weak"))
	s.PublicURL = e.value("public_url")
	s.AllowCIDRs = e.cidrs()
	if !s.Anybody() {
		s.Secrets = e.secrets(s)
		return
	}
	s.MinAssurance = schemeNone
	if len(s.AllowCIDRs) > 0 {
		e.mistake(e.key("allow_cidrs"), "stands beside schemes: [none]: an address proves nothing by itself", "Choose a scheme, or remove allow_cidrs")
	}
	if !e.asBoolean(e.key("i_understand"), e.value("i_understand")) {
		e.mistake(e.key("schemes"), "is none: anybody who finds the URL could raise incidents",
			"Choose a scheme, or confirm with i_understand: true")
	}
	if e.raw["secrets"] != nil && !e.stored {
		e.mistake(e.key("secrets"), "stands beside schemes: [none], which looks at none", "Remove one of the two")
	}
}

// texts reads a list of texts, or one.
func (e *entry) texts(name string) []string {
	raw, ok := e.raw[name].([]any)
	if !ok && e.raw[name] != nil {
		raw = []any{e.raw[name]}
	}
	var all []string
	for i, v := range raw {
		text, ok := scalar(v)
		if !ok || text == "" {
			e.mistake(fmt.Sprintf("%s[%d]", e.key(name), i), "is not a text", "Give a list of names")
			continue
		}
		all = append(all, text)
	}
	return all
}

// cidrs reads the addresses that may deliver, as prefixes.
func (e *entry) cidrs() []netip.Prefix {
	var all []netip.Prefix
	for i, text := range e.texts("allow_cidrs") {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				p = netip.PrefixFrom(a, a.BitLen())
			}
		}
		if err != nil {
			e.mistake(fmt.Sprintf("%s[%d]", e.key("allow_cidrs"), i), fmt.Sprintf("%q is neither an address nor a CIDR", text), "Write it like 192.0.2.0/24")
			continue
		}
		all = append(all, p.Masked())
	}
	return all
}

func (e *entry) secrets(s *Source) []SourceSecret {
	if e.stored {
		return e.given
	}
	raw, ok := e.raw["secrets"].([]any)
	if !ok && e.raw["secrets"] != nil {
		raw = []any{e.raw["secrets"]}
	}
	if len(raw) == 0 {
		e.mistake(e.key("secrets"), "is missing: nothing unproved is accepted", "Give at least one, such as env:NAME")
	}
	var all []SourceSecret
	for i, v := range raw {
		key := fmt.Sprintf("%s[%d]", e.key("secrets"), i)
		one := SourceSecret{}
		if group, ok := v.(map[string]any); ok {
			one, v = e.validity(key, group), group["value"]
		}
		text, _ := scalar(v)
		if one.Value = e.resolve(key, text); one.Value != "" {
			e.checkSecret(key, one.Value, e.vendor(s).SecretMin)
			all = append(all, one)
		}
	}
	return all
}

// validity reads the time in which a secret counts.
func (e *entry) validity(key string, group map[string]any) SourceSecret {
	known := []string{"value", "not_before", "not_after"}
	if key != "" {
		key += "."
	}
	for name := range group {
		if !slices.Contains(known, name) {
			e.unknown(key+name, name, known)
		}
	}
	moment := func(name string) time.Time {
		if at, ok := group[name].(time.Time); ok { // YAML reads an unquoted one itself
			return at.UTC()
		}
		text, _ := scalar(group[name])
		if text == "" {
			return time.Time{}
		}
		for _, layout := range []string{time.RFC3339, time.DateOnly} {
			if at, err := time.Parse(layout, text); err == nil {
				return at.UTC()
			}
		}
		e.mistake(key+name, fmt.Sprintf("%q is not a time", text), "Write it like 2026-01-31T12:00:00Z")
		return time.Time{}
	}
	s := SourceSecret{NotBefore: moment("not_before"), NotAfter: moment("not_after")}
	if !s.NotBefore.IsZero() && !s.NotAfter.IsZero() && !s.NotAfter.After(s.NotBefore) {
		e.mistake(key+"not_after", "is not after not_before", "Exchange the two")
	}
	return s
}
