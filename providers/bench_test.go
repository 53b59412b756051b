package providers_test

import (
	"bytes"
	"testing"

	"github.com/nerve-alerts/nerve/providers"
)

// BenchmarkVerify proves 20 KB; the budget is 50 µs.
func BenchmarkVerify(b *testing.B) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 20*1024/16)
	for _, spec := range providers.All() {
		b.Run(spec.Name, func(b *testing.B) {
			p := build(b, spec, key(b, spec, 1))
			r := signed(b, spec, key(b, spec, 1), body, receivedAt)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Verify(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseHostile reads 1 MiB made to be slow: one long line of marks that
// open and never close.
func BenchmarkParseHostile(b *testing.B) {
	line := bytes.Repeat([]byte("*a <http://[x]( :b is up "), 1<<20/25)
	for provider, body := range map[string][]byte{
		"slack":   append(append([]byte(`{"attachments":[{"title":"`), line...), `"}]}`...),
		"datadog": append(append([]byte(`{"title":"x","body":"`), line...), `"}`...),
		"zendesk": append(append([]byte(`{"ticket_id":"1","description":"`), line...), `"}`...),
	} {
		b.Run(provider, func(b *testing.B) {
			spec, _ := providers.Lookup(provider)
			p := build(b, spec, key(b, spec, 1))
			r := signed(b, spec, key(b, spec, 1), body, receivedAt)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Parse(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParse reads each provider's alerts, one after the other.
func BenchmarkParse(b *testing.B) {
	for _, spec := range providers.All() {
		b.Run(spec.Name, func(b *testing.B) {
			p := build(b, spec, key(b, spec, 1))
			requests := make([]*providers.Request, len(spec.Fixtures))
			for i, name := range spec.Fixtures {
				requests[i] = signed(b, spec, key(b, spec, 1), fixture(b, spec, name), receivedAt)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := p.Parse(requests[i%len(requests)]); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}
