package access

import (
	"net/netip"
	"sync"
	"time"
)

// A person who mistypes does so a few times; a script with an expired token
// retries for ever. A guess at 256 bits never succeeds, so what this protects is
// the database and the log.
const (
	freeFailures = 10               // within memory, they cost nothing
	firstPause   = time.Second      // then each doubles the pause …
	longestPause = time.Minute      // … up to this
	memory       = time.Minute      // after this without a failure they are forgotten
	trust        = 15 * time.Minute // how long one good credential keeps an address open
	maxAddresses = 10_000
)

// attempts counts failed logins by address. An address from which somebody came
// in lately is not turned away: an office shares one, and its broken script must
// not keep the engineer on call out.
type attempts struct {
	mu    sync.Mutex
	now   func() time.Time
	known map[string]*failures
}

type failures struct {
	count             int
	last, until, good time.Time
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{now: now, known: map[string]*failures{}}
}

func (a *attempts) wait(address string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, now := a.known[network(address)], a.now()
	if f == nil || !f.good.IsZero() && now.Sub(f.good) < trust {
		return 0
	}
	return max(0, f.until.Sub(now))
}

func (a *attempts) failed(address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, now := a.entry(address), a.now()
	if now.Sub(f.last) > memory {
		f.count = 0
	}
	f.count, f.last = f.count+1, now
	if over := f.count - freeFailures; over > 0 {
		f.until = now.Add(min(firstPause<<min(over-1, 6), longestPause))
	}
}

func (a *attempts) succeeded(address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	*a.entry(address) = failures{good: a.now()}
}

// entry finds or makes an address's entry, and makes room for it.
func (a *attempts) entry(address string) *failures {
	key := network(address)
	if f := a.known[key]; f != nil {
		return f
	}
	if len(a.known) >= maxAddresses {
		a.makeRoom()
	}
	f := &failures{}
	a.known[key] = f
	return f
}

// makeRoom forgets a tenth, those first who never came in.
func (a *attempts) makeRoom() {
	const keep = maxAddresses * 9 / 10
	for _, all := range []bool{false, true} {
		for key, f := range a.known {
			if len(a.known) <= keep {
				return
			}
			if all || f.good.IsZero() {
				delete(a.known, key)
			}
		}
	}
}

// network takes an IPv6 network for one address: its owner has 2^64 of them.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || !ip.Is6() || ip.Is4In6() {
		return address
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}
