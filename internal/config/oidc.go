package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// OIDC says whose logins to the API are taken, and what they are worth. Without
// an issuer only API tokens are.
type OIDC struct {
	Issuer      string
	ClientID    string
	GroupsClaim string
	// Read, Respond and Admin list who has the scope: an address, a domain as
	// @example.com, or a group as group:NAME.
	Read, Respond, Admin []string
}

func (l *loader) oidc() OIDC {
	o := OIDC{
		Issuer: l.issuer("oidc.issuer"), ClientID: l.text("oidc.client_id"), GroupsClaim: l.text("oidc.groups_claim"),
		Read: l.who("oidc.read"), Respond: l.who("oidc.respond"), Admin: l.who("oidc.admin"),
	}
	rules := len(o.Read) + len(o.Respond) + len(o.Admin)
	switch {
	case o.Issuer == "" && (rules > 0 || o.ClientID != ""):
		l.mistake(keyOf("oidc.issuer").label(), "is missing beside the other keys of oidc", "Set it, or remove the others")
	case o.Issuer != "" && o.ClientID == "":
		l.mistake(keyOf("oidc.client_id").label(), "is missing beside oidc.issuer", "Set it to the client id that logins are for: without it any login at the issuer would do")
	case o.Issuer != "" && rules == 0:
		l.mistake(keyOf("oidc.admin").label(), "nobody may log in", "Say who has a scope with oidc.read, oidc.respond or oidc.admin, or remove oidc.issuer")
	}
	return o
}

// issuer reads an issuer's URL. Keys that came over plain HTTP could be anybody's.
func (l *loader) issuer(path string) string {
	s := l.pageURL(path)
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" { // https, or pageURL has told what is wrong
		return s
	}
	if addr, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !addr.IsLoopback()) {
		l.mistake(l.name(path), "is not https", "Use the issuer's https address, as its tokens have it in iss")
	}
	return s
}

// who reads a list of addresses, domains and groups.
func (l *loader) who(path string) []string {
	rules := l.list(path)
	for _, r := range rules {
		group, isGroup := strings.CutPrefix(r, "group:")
		_, domain, isMail := strings.Cut(r, "@")
		if isGroup && group != "" || isMail && domain != "" && !strings.ContainsAny(domain, "@* ") {
			continue
		}
		l.mistake(l.name(path), fmt.Sprintf("%q is neither an address, a domain nor a group", r), "Write it like ana@example.com, @example.com or group:on-call")
	}
	return rules
}
