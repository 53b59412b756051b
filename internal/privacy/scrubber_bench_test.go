package privacy

import (
	"strings"
	"testing"
)

// alertText is n bytes of what monitors write, with nothing to scrub.
func alertText(n int) string {
	line := "[Triggered] High error rate on checkout-api: 5xx at 12.4% over 5m on web-03.eu-west-1.internal (10.2.3.4:8080), " +
		`trace 4bf92f3577b34da6a3ce929d0e0e4736 at 2026-02-08T02:22:55.123Z, tags: {"env":"prod","team":"payments"}, ` +
		"see https://app.example.com/monitors/1234567?from_ts=1770517375000&to_ts=1770517975000\n"
	return strings.Repeat(line, n/len(line)+1)[:n]
}

const plantedText = " joe@example.com https://x.example.com/?mail=jim%40example.com&token=abc123def +1 212 555 0100 4111 1111 1111 1111 password: hunter2 "

func BenchmarkText(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"2KB/clean", alertText(2 << 10)},
		{"2KB/planted", alertText(2<<10-len(plantedText)) + plantedText},
		{"20KB/clean", alertText(20 << 10)},
		{"20KB/planted", alertText(20<<10-10*len(plantedText)) + strings.Repeat(plantedText, 10)},
		{"20KB/digits", strings.Repeat("4111 ", 4<<10)},
		{"20KB/unclosed", strings.Repeat(`password="`, 2<<10)},
		{"20KB/at", strings.Repeat("a@", 10<<10)},
		{"20KB/plus", strings.Repeat("+11 11 11 11 11 11 x ", 1<<10)},
		{"20KB/base64", strings.Repeat(b64(alertText(57))+"\n", 20<<10/77)},
		{"20KB/flags", "curl" + strings.Repeat(" -u -a", 20<<10/6)},
		{"20KB/below", strings.Repeat("password:\n", 2<<10)},
		{"20KB/hyphens", strings.Repeat("-", 20<<10)},
		{"20KB/prefixes", strings.Repeat("sk-", 20<<10/3)},
		{"20KB/urls", strings.Repeat("://", 20<<10/3)},
		{"20KB/logins", strings.Repeat("http://a:", 20<<10/9)},
		{"20KB/equals", strings.Repeat("token=", 20<<10/6)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := NewScrubber()
			b.SetBytes(int64(len(bench.text)))
			b.ReportAllocs()
			for b.Loop() {
				s.Text(testSalt, bench.text)
			}
		})
	}
}
