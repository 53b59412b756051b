package privacy

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What is escaped is read, at any level; a text that hides nothing stays as it is.
func TestTextReadsEscapes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"{&quot;password&quot;:&quot;hunter2&quot;,&quot;a&quot;:1}": `{"password":"<SECRET>","a":1}`,
		"password&#61;hunter2":                      "password=<SECRET>",
		"password%253Dhunter2%2526a":                "password%3D<SECRET>%26a",
		`\u0022password\u0022:\u0022hunter2\u0022`:  `"password":"<SECRET>"`,
		`password\x3dhunter2\x26a=1`:                "password=<SECRET>&a=1",
		"next=https%3A%2F%2Fjoe:hunter2@db%2Fx":     "next=https://<SECRET>@db%2Fx",
		`https:\u002f\u002fjoe:hunter2@db/x`:        "https://<SECRET>@db/x",
		"joe%2540example%252Ecom":                   "<EMAIL>",
		"joe%252540example.com":                     "<EMAIL>",
		`\u002b12125550100 and &#43;1 212 555 0100`: "<PHONE> and <PHONE>",
		`4111\u00201111\u00201111\u00201111`:        "<CARD>",

		"user[password]=hunter2&user%5Bpin%5D=1234&a=1":    "user[password]=<SECRET>&user%5Bpin%5D=<SECRET>&a=1",
		`os.environ["PASSWORD"] = "hunter2"`:               `os.environ["PASSWORD"] = "<SECRET>"`,
		"jdbc:oracle:thin:joe/hunter2@//db:1521/x":         "jdbc:oracle:thin:<SECRET>@//db:1521/x",
		"jdbc:oracle:thin:joe/hunter2@db.example.com:1521": "jdbc:oracle:thin:<SECRET>@db.example.com:1521",
		"credentials: joe:hunter2":                         "credentials: <SECRET>",
		"BASIC " + b64("joe:hunter2"):                      "BASIC <SECRET>",
		"| Password | hunter2 |":                           "| Password | <SECRET> |",
		"Password `hunter2`, password\thunter2":            "Password `<SECRET>`, password\t<SECRET>",
		"my password:\nhunter2 please change it":           "my password:\n<SECRET> please change it",
		"密码：hunter2":                                       "密码:<SECRET>",
		"пароль: hunter2, contraseña: hunter2":             "пароль: <SECRET>, contraseña: <SECRET>",
		`joe\@example.com joe<at>example<dot>com`:          "<EMAIL> <EMAIL>",
	} {
		got := NewScrubber().Text(testSalt, in)
		assert.Equal(t, want, shape(got), in)
		assert.Equal(t, got, NewScrubber().Text(testSalt, got), "again")
	}
}

func TestTextKeepsEscapesThatHideNothing(t *testing.T) {
	t.Parallel()
	s := NewScrubber()
	for _, in := range []string{
		`{\u0022a\u0022:\u0022b\u0022}`, "a&#61;b &quot;c&quot; &#300; &#; &#x;", "x=%2525252541", `\x4`, `\u00`, `a\u003cb\u003e`,
		`C:\x64\users &apos;`, "q=a%3A%2F%2Fb", "%25", "[token]: refresh failed", "failed password:\nweb-03.internal is down",
		"ратель: hunter2", "密: hunter2", "credentials: file:/etc/x2, credentials: a:b",
		"| Password | Username |", "| Password | `_auth_pass` |", "the blob identified by 'name' and `digest`", "[1]=x2 [] = y2",
	} {
		assert.Equal(t, in, s.Text(testSalt, in))
	}
}

// Escapes within escapes come to an end, and a text that keeps uncovering
// something is not let through.
func TestTextThatIsEscapedTooOftenIsReplacedWhole(t *testing.T) {
	t.Parallel()
	s := NewScrubber()
	in := "joe%40example.com jim%2540example.com jo%252540example.com ji%25252540example.com j%2525252540example.com k%252525252540example.com"
	out := s.Text(testSalt, in)
	assert.Equal(t, "<SECRET>", shape(out))
	assert.Equal(t, out, s.Text(testSalt, out))
	assert.Equal(t, "<EMAIL> <EMAIL>", shape(s.Text(testSalt, "joe%40example.com ji%25252540example.com")))
}
