package privacy

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzScrub plants an address, as it is and encoded, and a secret between
// arbitrary texts: none of them survives, valid text stays valid, and a second scrub changes nothing.
func FuzzScrub(f *testing.F) {
	for _, seed := range []string{
		"", "password=", `{"token":"`, "https://joe:", "<mailto:", "-----BEGIN RSA " + "PRIVATE KEY-----", "phone: +1", "Authorization: Digest a=",
		"4111 1111 1111 1111", "<EMAIL_1>", "&lt;SECRET_", "%3CPHONE_2%3E", `\n\u003c`, "a%40b%2", "jörg@", "--password", "key: is ", "Cookie: ",
		"password=${", "*Password:*\n", "token: |\n  ", "curl -u a:", "mysql -p", " [at] ", " at b dot ", `name: token\n value: `, "am9lQGV4YW1wbGUuY29t", "6a6f65",
		"%2540", "&quot;password&quot;:", `\u0040\x40`, "-----END RSA " + "PRIVATE KEY-----", "<td>token</td><td>", `"a b"@`, "jdbc:oracle:thin:a/b@", "identified by '",
		"bounces+a=b@c", "\xff\xfe@example.com", alertText(300), plantedText,
	} {
		f.Add(seed, seed)
		f.Add(seed, "")
		f.Add("", seed)
	}
	s := NewScrubber()
	address, secret := "planted.person@example.com", "ghp_"+strings.Repeat("aB3", 12)
	encoded := b64(address)
	f.Fuzz(func(t *testing.T, before, after string) {
		in := before + " " + address + " " + secret + " " + encoded + " " + after
		out := s.Text(testSalt, in)
		if strings.Contains(out, address) && !strings.Contains(before+after, address) {
			t.Fatalf("the address survives in %q", out)
		}
		if strings.Contains(out, encoded) && !strings.Contains(before+after, encoded) {
			t.Fatalf("the encoded address survives in %q", out)
		}
		if strings.Contains(out, secret) {
			t.Fatalf("the secret survives in %q", out)
		}
		if utf8.ValidString(in) && !utf8.ValidString(out) {
			t.Fatalf("%q is not valid UTF-8", out)
		}
		if again := s.Text(testSalt, out); again != out {
			t.Fatalf("scrubbing twice differs:\n%q\n%q", out, again)
		}
		if url := s.URL(testSalt, in); s.URL(testSalt, url) != url {
			t.Fatalf("scrubbing a URL twice differs: %q", url)
		}
	})
}
