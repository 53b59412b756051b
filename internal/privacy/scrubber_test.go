package privacy

import (
	"encoding/base64"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var testSalt = []byte("0123456789abcdef")

var anyNumber = regexp.MustCompile(`(EMAIL|CARD|PHONE|SECRET)_\d+`)

// shape shows a scrubbed text without the numbers of its tokens.
func shape(text string) string { return anyNumber.ReplaceAllString(text, "$1") }

// rep builds secret-shaped strings at run time, so that scanners of this
// repository stay quiet.
func rep(prefix, unit string, n int) string { return prefix + strings.Repeat(unit, n) }

func TestTextReplacesAddresses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"ask joe@example.com today":                            "ask <EMAIL> today",
		"JOE.Smith+Alerts@Example.CO.UK":                       "<EMAIL>",
		"https://app.example.com/u?mail=joe%40example.com&x=1": "https://app.example.com/u?mail=<EMAIL>&x=1",
		"next=%2Fu%3Fmail%3Djoe%2540example.com%26x%3D1":       "next=%2Fu%3Fmail%3D<EMAIL>%26x%3D1",
		"q=%20joe%2Btag%40example.com":                         "q=%20<EMAIL>",
		"jörg.müller@bücher.example":                           "<EMAIL>",
		"用户@例子.测试":                                             "<EMAIL>",
		`{"email":"joe@example.com","ok":true}`:                `{"email":"<EMAIL>","ok":true}`,
		`{'email':'joe@example.com'}`:                          `{'email':'<EMAIL>'}`,
		`"to\njoe@example.com\tnow"`:                           `"to\n<EMAIL>\tnow"`,
		`\u003cjoe@example.com\u003e`:                          `\u003c<EMAIL>\u003e`,
		`joe\u0040example.com`:                                 `<EMAIL>`,
		"joe&#64;example.com":                                  "<EMAIL>",
		"joe&commat;example.com":                               "<EMAIL>",
		`joe\x40example.com`:                                   "<EMAIL>",
		"(joe@example.com), [joe@example.com]":                 "(<EMAIL>), [<EMAIL>]",
		"**joe@example.com** _joe@example.com_":                "**<EMAIL>** _<EMAIL>_",
		"`joe@example.com`.":                                   "`<EMAIL>`.",
		"o'brien@example.com":                                  "<EMAIL>",
		"<mailto:a@b.c|a@b.c>":                                 "<EMAIL>",
		"<mailto:joe@example.com|Joe Smith> wrote":             "<EMAIL> wrote",
		"mailto:joe@example.com?subject=hi":                    "mailto:<EMAIL>?subject=hi",
		"bounces+joe=example.com@lists.example.org":            "<EMAIL>",
		"email=joe@example.com":                                "email=<EMAIL>",
		"joe@163.com":                                          "<EMAIL>",
		"joe@example.com-2026 joe@example.com.10":              "<EMAIL>-2026 <EMAIL>.10",
		"a@example.com,b@example.com;c@example.com":            "<EMAIL>,<EMAIL>;<EMAIL>",
		"cut: joe.smith@exam…":                                 "cut: <EMAIL>…",
		"joe@sub.domain.xn--p1ai":                              "<EMAIL>",
		"user joe@example.com: password: hunter2":              "user <EMAIL>: password: <SECRET>",
	} {
		assert.Equal(t, want, shape(NewScrubber().Text(testSalt, in)), in)
	}
}

// What reads the same to a person is found the same.
func TestTextSeesThroughLookAlikes(t *testing.T) {
	t.Parallel()
	wide := func(text string) string {
		return strings.Map(func(r rune) rune {
			if r > ' ' && r <= '~' {
				return r + 0xfee0
			}
			return r
		}, text)
	}
	for in, want := range map[string]string{
		"ask joe\uff20example.com":                        "ask <EMAIL>",
		"ask joe\ufe6bexample.com":                        "ask <EMAIL>",
		"ask " + wide("joe@example.com"):                  "ask <EMAIL>",
		"ask joe\u200b@example.com":                       "ask <EMAIL>",
		"ask jo\u200be.smith@exam\u00adple.com":           "ask <EMAIL>",
		"\ufeffjoe@example.com":                           "<EMAIL>",
		"card " + wide("4242 4242 4242 4242"):             "card <CARD>",
		"call " + wide("+49 151 23456789"):                "call <PHONE>",
		rep("xo\u200bxb-", "1", 12) + rep("-", "aB3", 8):  "<SECRET>",
		"👩\u200d💻 wrote: 高負荷（９０％）です":                      "👩\u200d💻 wrote: 高負荷（９０％）です",
		"joe@example.com, 高負荷（９０％）":                       "<EMAIL>, 高負荷(90%)",
		"an invalid \xff byte and joe\uff20example.com":   "an invalid \ufffd byte and <EMAIL>",
		"an invalid \xff byte and nothing\u200b to scrub": "an invalid \xff byte and nothing\u200b to scrub",
	} {
		got := NewScrubber().Text(testSalt, in)
		assert.Equal(t, want, shape(got), in)
		assert.Equal(t, got, NewScrubber().Text(testSalt, got), "again")
	}
}

func TestTextReplacesNumbers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"card 4111111111111111 used":         "card <CARD> used",
		"4111 1111 1111 1111":                "<CARD>",
		"4111-1111-1111-1111.":               "<CARD>.",
		"4111.1111.1111.1111":                "<CARD>",
		"4111\u00a01111\u00a01111\u00a01111": "<CARD>",
		"3782 822463 10005":                  "<CARD>",
		"order 12 5555 5555 5555 4444 12/28": "order 12 <CARD> 12/28",
		"pan=6011111111111117&x":             "pan=<CARD>&x",
		"card_4111111111111111":              "card_<CARD>",
		"pan%3D4111111111111111":             "pan%3D<CARD>",
		"+12125550100":                       "<PHONE>",
		"+1 212 555 0100 45 errors":          "<PHONE> 45 errors",
		"call +44 (0)20 7946 0958!":          "call <PHONE>!",
		"+49 30/901820":                      "<PHONE>",
		"+1-555-123-4567":                    "<PHONE>",
		"+15551234567":                       "<PHONE>",
		"to=%2B12125550100&x":                "to=<PHONE>&x",
		"(212) 555-0100 or 212-555-0100":     "<PHONE> or <PHONE>",
		"212.555.0100, 1-800-555-0199":       "<PHONE>, <PHONE>",
		"<tel:+12125550100|(212) 555-0100>":  "<PHONE>",
		"phone: 020 7946 0958":               "phone: <PHONE>",
		"customer_phone=2125550100":          "customer_phone=<PHONE>",
		`"phoneNumber": "07700900123"`:       `"phoneNumber": "<PHONE>"`,
		"mobile number 07700 900123 please":  "mobile number <PHONE> please",
		"pan=4111%201111%201111%201111&x":    "pan=<CARD>&x",
		"pan=4111+1111+1111+1111&x":          "pan=<CARD>&x",
		"4111&nbsp;1111&nbsp;1111&nbsp;1111": "<CARD>",
		"4111 - 1111 - 1111 - 1111":          "<CARD>",
		"4111  1111  1111  1111":             "<CARD>",
		"4111_1111_1111_1111":                "<CARD>",
		"to=+49%20151%2023456789&x":          "to=<PHONE>&x",
		"+49&nbsp;151&#160;23456789":         "<PHONE>",
		"*Phone:*\n212 555 0100":             "*Phone:*\n<PHONE>",
		"Phone: *0151 23456789*":             "Phone: *<PHONE>*",
		"4111\u20131111\u20131111\u20131111": "<CARD>",
		"+1\u2013212\u2013555\u20130100":     "<PHONE>",
	} {
		assert.Equal(t, want, shape(NewScrubber().Text(testSalt, in)), in)
	}
}

func TestTextReplacesSecrets(t *testing.T) {
	t.Parallel()
	hex32 := rep("", "0a1b2c3d", 4)
	basic := base64.StdEncoding.EncodeToString([]byte("joe:hunter2"))
	jwt := rep("eyJ", "hbGc1", 4) + rep(".eyJ", "zdWI2", 4) + rep(".", "s1g-_", 6)
	pem := "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\nabc+/=\n-----END RSA " + "PRIVATE KEY-----"
	for in, want := range map[string]string{
		"aws " + rep("AKIA", "Q3", 8) + ".":                           "aws <SECRET>.",
		rep("xoxb-", "1", 12):                                         "<SECRET>",
		"t=" + rep("xapp-1-A0-", "1a", 12):                            "t=<SECRET>",
		`\n` + rep("ghp_", "aB3", 12):                                 `\n<SECRET>`,
		rep("github_pat_", "aB3_", 12):                                "<SECRET>",
		rep("glpat-", "aB3-", 6):                                      "<SECRET>",
		rep("sk_live_", "aB3", 8) + ", " + rep("rk_test_", "aB3", 8):  "<SECRET>, <SECRET>",
		rep("AIza", "aB3_-", 7):                                       "<SECRET>",
		"jwt " + jwt:                                                  "jwt <SECRET>",
		rep("sk-ant-api03-", "aB3_-", 10):                             "<SECRET>",
		rep("sk-proj-", "aB3_-", 10):                                  "<SECRET>",
		rep("sk-", "aB3", 16):                                         "<SECRET>",
		rep("ddapp_", "aB", 17):                                       "<SECRET>",
		"u+" + rep("", "a1B", 6):                                      "<SECRET>",
		"DD-API-KEY: " + hex32:                                        "DD-API-KEY: <SECRET>",
		"dd_application_key=" + hex32 + "01234567":                    "dd_application_key=<SECRET>",
		`"routing_key":"` + hex32 + `"`:                               `"routing_key":"<SECRET>"`,
		"https://hooks.slack.com/services/T0/B0/" + rep("", "aB3", 8): "https://hooks.slack.com/services/<SECRET>",
		"https://api.telegram.org/bot123456789:" + rep("AA", "b3", 17) + "/send": "https://api.telegram.org/bot<SECRET>/send",
		pem + " after": "<SECRET> after",
		"cut -----BEGIN " + "PRIVATE KEY-----\nMII_x":                   "cut <SECRET>",
		"Authorization: Bearer abcdefgh":                                "Authorization: Bearer <SECRET>",
		"Authorization: Basic " + basic:                                 "Authorization: Basic <SECRET>",
		"Authorization: Token token=y_NbAkKc66":                         "Authorization: Token <SECRET>",
		`"Authorization": "opaquevalue"`:                                `"Authorization": "<SECRET>"`,
		"Authorization: Digest username=\"a\", response=\"b\"\nHost: x": "Authorization: Digest <SECRET>\nHost: x",
		`curl -H "Cookie: a=b; c=d" https://example.com`:                `curl -H "Cookie: <SECRET>" https://example.com`,
		"sent Bearer abcdefgh1 ok":                                      "sent Bearer <SECRET> ok",
		"Basic " + basic:                                                "Basic <SECRET>",
		"Cookie: sid=abc; theme=dark\nnext":                             "Cookie: <SECRET>\nnext",
		"http://a:x/b postgres://app:p/w@db/x amqp://joe:p/w@mq/":       "http://a:x/b postgres://<SECRET>@db/x amqp://<SECRET>@mq/",
		"postgres://app:p/w@db.internal:5432/x":                         "postgres://<SECRET>@db.internal:5432/x",
		"dial root:p/w=1@tcp(10.0.0.1:3306)/app":                        "dial <SECRET>@tcp(10.0.0.1:3306)/app",
		`dsn="app:pw@unix(/run/mysqld.sock)/x"`:                         `dsn="<SECRET>@unix(/run/mysqld.sock)/x"`,
		"dsn=app:pw@tcp(db)/x":                                          "dsn=<SECRET>@tcp(db)/x",
		"https://joe:pw@example.com/x":                                  "https://<SECRET>@example.com/x",
		`https:\/\/joe:pw@example.com\/x`:                               `https:\/\/<SECRET>@example.com\/x`,
		"https://joe@example.com/x":                                     "https://<SECRET>@example.com/x",
		"password=hunter2":                                              "password=<SECRET>",
		"DB_PASSWORD=hunter2 next":                                      "DB_PASSWORD=<SECRET> next",
		"password: 'hunter two' x":                                      "password: '<SECRET>' x",
		`{"password":"hu\"nt","a":1}`:                                   `{"password":"<SECRET>","a":1}`,
		`"{\"password\":\"hunter2\",\"a\":1}"`:                          `"{\"password\":\"<SECRET>\",\"a\":1}"`,
		`{"clientSecret": ["abc"]}`:                                     `{"clientSecret": ["<SECRET>"]}`,
		`password => "x1", :secret=>'y2'`:                               `password => "<SECRET>", :secret=>'<SECRET>'`,
		"?access_token=abc&x=1":                                         "?access_token=<SECRET>&x=1",
		"X-Amz-Signature=" + hex32:                                      "X-Amz-Signature=<SECRET>",
		"next=%2Flogin%3Ftoken%3Dabc%26x%3D1":                           "next=%2Flogin%3Ftoken%3D<SECRET>%26x%3D1",
		"%7B%22password%22%3A%22hunter2%22%7D":                          "%7B%22password%22%3A%22<SECRET>%22%7D",
		"api key: abc123":                                               "api key: <SECRET>",
		"run --password hunter2 --host db":                              "run --password <SECRET> --host db",
		"run --api-key=abc":                                             "run --api-key=<SECRET>",
		"my password is hunter2":                                        "my password is <SECRET>",
		"<password>hunter2</password>":                                  "<password><SECRET></password>",
		"Server=db;User=sa;Password=a=b;Port=1":                         "Server=db;User=sa;Password=<SECRET>;Port=1",
		"password=\"never closed":                                       "password=\"<SECRET>",
		"token=" + rep("xoxb-", "1", 12):                                "token=<SECRET>",
		"pin: 4821":                                                     "pin: <SECRET>",
	} {
		assert.Equal(t, want, shape(NewScrubber().Text(testSalt, in)), in)
	}
}

// What an engineer needs to read an alert.
func TestTextKeeps(t *testing.T) {
	t.Parallel()
	s := NewScrubber()
	for _, in := range []string{
		"1770517375.481419 and 1770517375481 and 1770517375481419 and 1770517375481419000",
		"https://example.slack.com/archives/C0ADQTTK692/p1770517375481419?thread_ts=1770517375.481419",
		"2026-02-08T02:22:55.123456+02:00 2026-02-08 02:22:55 +0200 08.02.2026 12:30:45",
		"10.0.0.1:8080 192.168.100.200/24 2001:db8::1 fe80::1%eth0",
		"web-03.eu-west-1.compute.internal checkout.svc.cluster.local:443",
		"9fceb02d0ae598e95dc970b74767f19372d61af8 4bf92f3577b34da6a3ce929d0e0e4736",
		"550e8400-e29b-41d4-a716-446655440000 41111111-1111-1111-8abc-111111111111",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod-db-AbC123",
		"arn:aws:iam::123456789012:role/checkout",
		"p99=1234.5678ms errors=104857600 rate 12.4% +5.2% 300 400 5000 values",
		"memory +104857600 bytes, offset +0000, 4111111111111111.5, 0.4111111111111111",
		"order 1234567890123456 trace 4611686018427387904 span 7463543187312395264",
		"git@github.com:org/repo.git rabbit@rabbit-1.rabbit.default.svc lodash@4.17.21 bar@v1.2.3 x@1.2.3-rc.beta",
		"card-like 4111111111111112 and 5555 5555 5555 4445",
		"phone: 2026-02-08, phone: 08.02.2026",
		"diff +11 11 11 11 11 11, offset +1000 2026-02-08",
		"user@1000.service icon@2x.png root@localhost @app.route java.lang.Object@1b2c3d4e",
		"image app@sha256:9fceb02d0ae598e95dc970b74767f193",
		"https://example.com/a/b?from_ts=1770517375000&to_ts=1770517975000&q=a+b",
		"ssh://git@github.com/org/repo https://medium.com/@joe/post http://[::1]:80/x",
		"token expired; token: expired, invalid password: not allowed, password required",
		"open /var/run/secrets/kubernetes.io/serviceaccount/token: permission denied",
		"refresh token: connection refused, JWT token: signature is invalid, token: unexpected }, token: EOF, get secret: permission denied",
		"UPDATE users SET password = $1 WHERE token = $2, password: %s",
		"total_tokens=5321 max_tokens: 4096 token_count=5 pass=12 fail=3 pass: ok",
		"password=${DB_PASSWORD} token={{ token }} secret=**** api_key=[FILTERED]",
		"routing_key=orders.created signature: invalid session: closed PWD=/var/app otp=26",
		"bearer authentication is basic monitoring, risk-scoring-of-orders task-queue-name",
		"<@U012AB3CD> in <#C0ADQTTK692|alerts> <!here> U012AB3CD",
		"CPU 99% on i-0abcd1234efgh5678, ami-12345678, vpc-0a1b2c3d, sha 1234567",
		"calls by phone\n1234567 errors", "4111 - 1111 - 1111 - 1112", "1_2_3 4111_1111 10%20 4111%2011", "4111 + 1111 + 1111 + 1111",
		"phone calls dropped 12%, telemetry 1234567890, hotel: 1234567890, halifax 1234567890",
		"CallSid=CA1234567890ABCDE12345 sid: rt_scheduler__admin__search_at_1483557185_2",
		"1-2-3 100-200-300 v1.2.3-rc.1 1.2.3.4 2026.02.08.1",
		"", " ", "\xff\xfe", "@", "%40", "=", ":", "--", "<", "+", "(", "_",
	} {
		assert.Equal(t, in, s.Text(testSalt, in))
	}
}

func TestTokensAgree(t *testing.T) {
	t.Parallel()
	token := func(text string) string {
		found := regexp.MustCompile(`<[A-Z]+_\d+>`).FindString(NewScrubber().Text(testSalt, text))
		require.NotEmpty(t, found, text)
		return found
	}
	assert.Equal(t, token("joe+x@example.com"), token("https://example.com/?q=JOE%2Bx%40Example.com"))
	assert.Equal(t, token("joe@example.com"), token("<mailto:joe@example.com|Joe>"))
	assert.Equal(t, token("4111111111111111"), token("4111-1111 1111.1111"))
	assert.Equal(t, token("+12125550100"), token("(212) 555-0100"))
	assert.Equal(t, token("+12125550100"), token("phone 2125550100"))
	assert.Equal(t, token("+4915123456789"), token("+49%20151%2023456789"))
	assert.NotEqual(t, token("joe@example.com"), token("jim@example.com"))

	other := NewScrubber().Text(NewSalt(), "joe@example.com")
	assert.NotEqual(t, token("joe@example.com"), other, "another incident has other tokens")
}

func TestTextWithoutASaltIsStillKeyed(t *testing.T) {
	t.Parallel()
	a, b := NewScrubber(), NewScrubber()
	assert.Equal(t, a.Text(nil, "joe@example.com"), a.Text([]byte{}, "joe@example.com"))
	assert.NotEqual(t, token(nil, kindEmail, "joe@example.com"), a.Text(nil, "joe@example.com"))
	assert.NotEqual(t, a.Text(nil, "joe@example.com jim@example.com"), b.Text(nil, "joe@example.com jim@example.com"))
}

func TestTokensAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := NewScrubber()
	for _, in := range []string{
		"<EMAIL_4821>", "password=<SECRET_1>", "https://<SECRET_1>@example.com", "<EMAIL_1>@example.com",
		"password=&lt;SECRET_12345&gt;", "token=%3CSECRET_7%3E&x=1", `"token":"\u003cSECRET_7\u003e"`,
	} {
		assert.Equal(t, in, s.Text(testSalt, in))
	}
	// What only resembles a token is text.
	assert.Equal(t, "token=<SECRET>", shape(s.Text(testSalt, "token=EMAIL_1")))
	assert.Equal(t, "token=<SECRET>", shape(s.Text(testSalt, "token=%3CSECRET_%3E")))
	assert.NotContains(t, s.Text(testSalt, "mail=<EMAIL_1joe@example.com>"), "joe@")
}

func TestTextThatDoesNotSettleIsReplacedWhole(t *testing.T) {
	t.Parallel()
	// The card number becomes one only when the address behind it is gone.
	in := "4111111111111111" + strings.Repeat("x", maxLocal) + "@example.com"
	s := NewScrubber()
	assert.Equal(t, "<CARD><EMAIL>", shape(s.Text(testSalt, in)))
	s.rounds = 1
	assert.Equal(t, "<SECRET>", shape(s.Text(testSalt, in)))
}

// A text that is made to be expensive is scrubbed more, not longer.
func TestTextStopsAskingAboutNumbers(t *testing.T) {
	t.Parallel()
	const notPhone = "+999 1234 5678 x "
	s := NewScrubber()
	assert.Equal(t, notPhone, s.Text(testSalt, notPhone))
	out := s.Text(testSalt, strings.Repeat(notPhone, maxLookups+1))
	assert.True(t, strings.HasPrefix(out, notPhone))
	assert.True(t, strings.HasSuffix(shape(out), "<PHONE> x "))
}

func TestScrubberIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	s := NewScrubber()
	want := s.Text(testSalt, "joe@example.com +12125550100")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				assert.Equal(t, want, s.Text(testSalt, "joe@example.com +12125550100"))
			}
		})
	}
	wg.Wait()
}
