package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ErrForbidden means that a name leads to an address that must not be called.
var ErrForbidden = errors.New("outbound: the address is not a public one")

// Guard decides which addresses are called. The zero Guard calls public ones only.
type Guard struct {
	// Allow are networks that are called all the same: a billing system or a
	// subscriber in one's own network, and loopback in tests. They are never
	// allowed for what a webhook names.
	Allow []netip.Prefix
}

// closed are the networks that are not public, by the IANA registries of special
// purpose addresses (RFC 6890 and its updates), beyond those that netip knows by
// name. A whole block is closed where parts of it are.
var closed = prefixes(
	"0.0.0.0/8",         // this network
	"10.0.0.0/8",        // private
	"100.64.0.0/10",     // carrier-grade NAT; Alibaba's metadata service
	"127.0.0.0/8",       // loopback
	"168.63.129.16/32",  // Azure's platform service, at a public address
	"169.254.0.0/16",    // link-local; metadata services
	"172.16.0.0/12",     // private
	"192.0.0.0/24",      // protocol assignments
	"192.0.2.0/24",      // documentation
	"192.88.99.0/24",    // 6to4 relays
	"192.168.0.0/16",    // private
	"198.18.0.0/15",     // benchmarks
	"198.51.100.0/24",   // documentation
	"203.0.113.0/24",    // documentation
	"224.0.0.0/4",       // multicast
	"240.0.0.0/4",       // reserved, broadcast
	"2001::/23",         // protocol assignments, Teredo among them
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4: wraps an IPv4 address
	"3fff::/20",         // documentation
	"2620:4f:8000::/48", // AS112
	"64:ff9b:1::/48",    // NAT64 of one's own network
	"fd00:ec2::254/128", // AWS's metadata service
)

var (
	// global is all of IPv6 that is handed out; what lies outside it is not public.
	global = netip.MustParsePrefix("2000::/3")
	// nat64 wraps an IPv4 address in its last four bytes (RFC 6052).
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, p := range list {
		all[i] = netip.MustParsePrefix(p)
	}
	return all
}

// Check refuses an address that is not public and not allowed. Its error wraps
// ErrForbidden and does not hold the address, which would tell whoever chose the
// name what lies behind it.
func (g Guard) Check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	for _, p := range g.Allow {
		if p.Contains(addr) {
			return nil
		}
	}
	if nat64.Contains(addr) {
		wrapped := addr.As16()
		return g.Check(netip.AddrFrom4([4]byte(wrapped[12:])))
	}
	if !addr.IsValid() || !addr.Is4() && !global.Contains(addr) {
		return ErrForbidden
	}
	for _, p := range closed {
		if p.Contains(addr) {
			return ErrForbidden
		}
	}
	return nil
}

// control is a net.Dialer's last look before it connects: the address is the one
// that is dialled, whatever was resolved before.
func (g Guard) control(network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s is not dialled", ErrForbidden, network)
	}
	return g.Check(to.Addr())
}
