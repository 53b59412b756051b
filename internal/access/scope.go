package access

import (
	"fmt"
	"slices"
	"strings"
)

// Scope is what somebody may do. Each holds the ones before it.
type Scope string

// The scopes.
const (
	Read    Scope = "read"    // see incidents, deliveries and sources
	Respond Scope = "respond" // raise, acknowledge, resolve and rerun incidents; replay and download deliveries
	Admin   Scope = "admin"   // change sources and tokens, decide approvals, read the audit log
)

// Scopes lists them from the smallest to the largest.
var Scopes = []Scope{Read, Respond, Admin}

// Covers reports whether a scope is enough for what needs another. A scope that
// is not known covers nothing and is covered by nothing.
func (s Scope) Covers(need Scope) bool {
	have, wanted := slices.Index(Scopes, s), slices.Index(Scopes, need)
	return have >= 0 && wanted >= 0 && have >= wanted
}

// ParseScope reads a scope by its name.
func ParseScope(name string) (Scope, error) {
	s := Scope(strings.ToLower(strings.TrimSpace(name)))
	if !slices.Contains(Scopes, s) {
		return "", fmt.Errorf("access: %q is no scope: use read, respond or admin", name)
	}
	return s, nil
}
