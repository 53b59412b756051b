package registry

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/providers"
)

// strength orders what min_assurance may be.
var strength = map[string]int{
	string(providers.AssuranceNone): 0, string(providers.AssuranceToken): 1, string(providers.AssuranceSigned): 2,
}

// weakened says what of a change makes it easier to deliver without being the
// vendor. Where that cannot be told (another vendor, another mapping), it counts
// as weaker.
func weakened(before, after config.Source) []string {
	var why []string
	add := func(weaker bool, text string) {
		if weaker {
			why = append(why, text)
		}
	}
	add(after.Anybody() && !before.Anybody(), "schemes: [none] takes everybody")
	add(before.Provider != after.Provider || before.MappingText != after.MappingText, "another vendor or mapping proves deliveries in another way")
	add(wider(before.Schemes, after.Schemes) && !after.Anybody() && !before.Anybody(), "further schemes are taken")
	add(after.AllowWeak && !before.AllowWeak, "allow_weak takes schemes with SHA-1")
	add(strength[after.MinAssurance] < strength[before.MinAssurance] && !after.Anybody(), "min_assurance is lower")
	add(longer(before.TolerancePast, after.TolerancePast) || longer(before.ToleranceFuture, after.ToleranceFuture),
		"a longer tolerance lets older recordings in")
	add(before.PublicURL != after.PublicURL, "public_url is part of what is signed")
	add(more(before.AllowCIDRs, after.AllowCIDRs), "allow_cidrs lets more addresses in")
	return why
}

// muted says what of a change keeps alerts from being raised, as disabling the
// source does: one person alone must not be able to turn a page off unseen.
func muted(before, after config.Source) []string {
	var why []string
	add := func(less bool, text string) {
		if less {
			why = append(why, text)
		}
	}
	add(after.Paused && !before.Paused, "paused refuses every delivery")
	add(after.SeverityFloor.Rank() > before.SeverityFloor.Rank(), "a higher severity_floor raises fewer alerts")
	add(before.Handler != after.Handler || !maps.Equal(before.Handlers, after.Handlers), "another handler may raise nothing")
	add(more(after.AllowCIDRs, before.AllowCIDRs), "allow_cidrs lets fewer addresses in")
	add(strength[after.MinAssurance] > strength[before.MinAssurance] && !before.Anybody(), "a higher min_assurance refuses what a token proves")
	add(after.HardCap < before.HardCap, "a lower hard_cap refuses more")
	return why
}

// wider reports whether after takes a scheme that before does not; none is all.
func wider(before, after []string) bool {
	if len(before) == 0 {
		return false
	}
	return len(after) == 0 || slices.ContainsFunc(after, func(s string) bool { return !slices.Contains(before, s) })
}

// longer compares tolerances; 0 is the vendor's, which may be anything.
func longer(before, after time.Duration) bool {
	return before != after && (before == 0 || after == 0 || after > before)
}

// more reports whether after lets an address in that before does not; none is all.
func more(before, after []netip.Prefix) bool {
	if len(before) == 0 {
		return false
	}
	if len(after) == 0 {
		return true
	}
	return slices.ContainsFunc(after, func(p netip.Prefix) bool {
		return !slices.ContainsFunc(before, func(q netip.Prefix) bool { return q.Bits() <= p.Bits() && q.Contains(p.Addr()) })
	})
}
