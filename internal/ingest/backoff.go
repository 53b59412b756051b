package ingest

import (
	"net/netip"
	"sync"
	"time"
)

// Backoff figures. A misconfigured sender retries a handful of times a minute;
// whoever is wrong more often than that is not worth the hashing.
const (
	backoffFree    = 10               // failures within backoffMemory that cost nothing
	backoffFirst   = time.Second      // then each failure doubles the time …
	backoffLongest = time.Minute      // … up to this
	backoffMemory  = time.Minute      // after this without a failure all is forgotten
	backoffTrust   = 15 * time.Minute // how long one valid delivery keeps an address open
	backoffEntries = 10_000           // addresses remembered
)

// backoff turns away addresses that keep failing to prove themselves, before
// their bytes are hashed. It counts per source and address, so that a forger
// cannot close a source to anybody else; and an address from which a valid
// delivery came lately is never turned away, because behind a proxy that is not
// trusted everybody has one address.
type backoff struct {
	mu      sync.Mutex
	now     func() time.Time
	entries map[string]*attempts
}

type attempts struct {
	failures int
	last     time.Time // of the last failure
	until    time.Time // turned away until then
	proved   time.Time
}

func newBackoff(now func() time.Time) *backoff {
	return &backoff{now: now, entries: map[string]*attempts{}}
}

// wait returns how long an address is turned away; 0 lets it try.
func (b *backoff) wait(source, ip string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, now := b.entries[backoffKey(source, ip)], b.now()
	if a == nil || now.Sub(a.proved) < backoffTrust {
		return 0
	}
	return max(0, a.until.Sub(now))
}

func (b *backoff) failed(source, ip string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key, now := backoffKey(source, ip), b.now()
	a := b.entries[key]
	if a == nil {
		b.makeRoom(now)
		a = &attempts{}
		b.entries[key] = a
	}
	if now.Sub(a.last) > backoffMemory {
		a.failures = 0
	}
	a.failures, a.last = a.failures+1, now
	if over := a.failures - backoffFree; over > 0 {
		a.until = now.Add(min(backoffFirst<<min(over-1, 6), backoffLongest))
	}
}

func (b *backoff) succeeded(source, ip string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key, now := backoffKey(source, ip), b.now()
	if a := b.entries[key]; a != nil {
		*a = attempts{proved: now}
		return
	}
	b.makeRoom(now)
	b.entries[key] = &attempts{proved: now}
}

// makeRoom keeps the memory bounded. It frees a tenth at once, so that a flood
// from ever new addresses pays for one pass in a thousand of its requests; whoever
// proved itself goes last.
func (b *backoff) makeRoom(now time.Time) {
	if len(b.entries) < backoffEntries {
		return
	}
	const keep = backoffEntries * 9 / 10
	for key, a := range b.entries {
		if len(b.entries) <= keep {
			return
		}
		if now.Sub(a.proved) > backoffTrust {
			delete(b.entries, key)
		}
	}
	for key := range b.entries {
		if len(b.entries) <= keep {
			return
		}
		delete(b.entries, key)
	}
}

// backoffKey takes an IPv6 network for one address: its owner has 2^64 of them.
func backoffKey(source, ip string) string {
	if addr, err := netip.ParseAddr(ip); err == nil && addr.Is6() && !addr.Is4In6() {
		if prefix, err := addr.Prefix(64); err == nil {
			ip = prefix.String()
		}
	}
	return source + "\x00" + ip
}
