package slackstand

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// sketch writes nodes in one line, for tables.
func sketch(nodes []node) string {
	var b strings.Builder
	for _, n := range nodes {
		switch n.Kind {
		case "text":
			b.WriteString(n.Text)
		case "br":
			b.WriteString("/")
		case "link":
			b.WriteString("[" + sketch(n.Kids) + "](" + n.Href + ")")
		case "code", "pre", "mention", "emoji":
			b.WriteString("{" + n.Kind + " " + n.Text + "}")
		default:
			b.WriteString("{" + n.Kind + " " + sketch(n.Kids) + "}")
		}
	}
	return b.String()
}

var testNames = names{
	user: func(id string) string {
		return map[string]string{"U1": "alice"}[id]
	},
	channel: func(id string) string {
		return map[string]string{"C1": "alerts"}[id]
	},
}

func TestMrkdwn(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":                          "plain",
		"*bold* _italic_ ~gone~ `x*y`":   "{b bold} {i italic} {s gone} {code x*y}",
		"*_both_*":                       "{b {i both}}",
		"(*bold*), *two words*.":         "({b bold}), {b two words}.",
		"snake_case_name 2*3*4":          "snake_case_name 2*3*4",
		"* not bold * and *open":         "* not bold * and *open",
		"**":                             "**",
		"a\nb":                           "a/b",
		"&gt; said\n&gt; so\nand":        "{quote said/so}and",
		"before\n> said":                 "before{quote said}",
		"run:\n```\nls -l\n*x*\n```\nok": "run:{pre ls -l\n*x*}ok",
		"``` open":                       "``` open",
		"&lt;b&gt; &amp;lt;":             "<b> &lt;",
		"<https://e.com/a?b=1&amp;c>":    "[https://e.com/a?b=1&c](https://e.com/a?b=1&c)",
		"<https://e.com|the *page*>":     "[the *page*](https://e.com)",
		"<mailto:a@e.com|a@e.com>":       "[a@e.com](mailto:a@e.com)",
		"see https://e.com/x.":           "see [https://e.com/x](https://e.com/x).",
		"<@U1> <@U2|bob> <@U3>":          "{mention @alice} {mention @bob} {mention @U3}",
		"<#C1> <#C2|other>":              "{mention #alerts} {mention #other}",
		"<!here> <!subteam^S1|@ops>":     "{mention @here} {mention @ops}",
		"<!date^1^{date}|May 1>":         "May 1",
		":eyes: :no_such: 10:30:45":      "{emoji 👀} :no_such: 10:30:45",
		":wave::skin-tone-3: `:x:`":      "{emoji 👋} {code :x:}",
		"<javascript:alert(1)|x>":        "<javascript:alert(1)|x>",
		"<java\nscript:x|y>":             "<java/script:x|y>",
		"a < b > c":                      "a < b > c",
		"*<https://e.com|x>*":            "{b [x](https://e.com)}",
		"":                               "",
	} {
		assert.Equal(t, want, sketch(testNames.mrkdwn(in)), in)
	}
}

// Text that nests without end, or opens without closing, is no work.
func TestMrkdwnIsBounded(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"*a ", "*_~", "`", "<", "<@", "```", "> ", ":a", "https://"} {
		in := strings.Repeat(piece, 40_000/len(piece))
		assert.NotEmpty(t, testNames.mrkdwn(in))
	}
}

func TestSafeURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://example.com/a?b#c": "https://example.com/a?b#c", "http://localhost:8233": "http://localhost:8233",
		"HTTPS://example.com": "https://example.com", "mailto:a@example.com": "mailto:a@example.com",
		"javascript:alert(1)": "", " javascript:alert(1)": "", "java\tscript:alert(1)": "", "\x01javascript:x": "",
		"data:text/html,x": "", "vbscript:x": "", "//example.com": "", "/etc": "", "https:": "", "file:///etc/passwd": "", "": "",
	} {
		assert.Equal(t, want, safeURL(in), "%q", in)
	}
}

func TestCompareTS(t *testing.T) {
	t.Parallel()
	ordered := []string{"9.999999", "10.000001", "10.1", "1770517375.481419", "1770517375.48142"}
	for i, a := range ordered {
		for j, b := range ordered {
			got := compareTS(a, b)
			assert.Equal(t, i < j, got < 0, "%s %s", a, b)
			assert.Equal(t, i == j, got == 0, "%s %s", a, b)
		}
	}
	assert.Zero(t, compareTS("10.1", "010.100000"))
}

func TestNameOf(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"C0ALERTS01": "alerts", "U0ALICE001": "alice", "C123": "c123", "CX1": "cx1"} {
		assert.Equal(t, want, nameOf(id))
	}
	assert.Equal(t, "B0DATADOG", botIDOf("Datadog!"))
}
